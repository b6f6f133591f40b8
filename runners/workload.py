"""A workload's model, checked to be the one that a study began with."""

import hashlib

from contracts.faults import ConfigError
from runners.job import Workload
from sw_templates.model import Model
from sw_templates.tflite_import import load_model


def workload_model(workload: Workload) -> Model:
    """Import the model of a workload.

    Raises:
        ConfigError: The file is missing, changed since the study began, or not supported, or a
            file in one of the folders of operators is no operator.
    """
    try:
        found = hashlib.sha256(workload.model.read_bytes()).hexdigest()
    except OSError as error:
        raise ConfigError(
            f"the model {workload.model} cannot be read: {error.strerror}",
            fix="put the file back, or correct workload.model",
        ) from error
    if found != workload.model_sha256:
        raise ConfigError(
            f"the model {workload.model} has changed: sha256 {found[:12]}…, "
            f"the study began with {workload.model_sha256[:12]}…",
            fix="restore the file, or start a study with another name",
        )
    return load_model(workload.model, operator_folders=workload.operator_folders)
