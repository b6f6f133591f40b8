"""A workload's model: the one that a study began with, and whether it fits a target's memory."""

import hashlib
from dataclasses import dataclass

from contracts.faults import ConfigError
from runners.job import Memory, Target, Workload
from sw_templates.constants import padded
from sw_templates.generate import MIN_CODE_BYTES
from sw_templates.layer import shared_constants
from sw_templates.memory_plan import plan_memory
from sw_templates.model import Model
from sw_templates.tflite_import import load_model

_LEAST_ALIGN_BYTES = 4


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


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelMemory:
    """The least that any firmware of a model keeps in main memory.

    Attributes:
        constant_bytes: Weights, biases, multipliers and tables.
        arena_bytes: Activations and scratch memory, as planned.
        input_bytes: The inputs, which keep its own place.
        code_bytes: The smallest firmware's code.
    """

    constant_bytes: int
    arena_bytes: int
    input_bytes: int
    code_bytes: int

    @property
    def total_bytes(self) -> int:
        """Return everything together."""
        return self.constant_bytes + self.arena_bytes + self.input_bytes + self.code_bytes

    def fits(self, memory: Memory) -> bool:
        """Return whether it is not too large for a main memory; the linker has the last word."""
        return self.total_bytes <= memory.size_bytes


def model_memory(model: Model) -> ModelMemory:
    """Return what a model needs whatever its design: rows aligned least, scratch smallest."""
    plan = plan_memory(
        model, row_align_bytes=_LEAST_ALIGN_BYTES, scratch_rows=model.operators.scratch_rows
    )
    return ModelMemory(
        constant_bytes=shared_constants(
            model.layers, row_align_bytes=_LEAST_ALIGN_BYTES
        ).size_bytes,
        arena_bytes=plan.peak_bytes,
        input_bytes=padded(model.input_bytes, 16),
        code_bytes=MIN_CODE_BYTES,
    )


def require_model_fits(model: Model, target: Target) -> None:
    """Check that some firmware of a model may fit a target.

    Raises:
        ConfigError: None can: every trial would be infeasible.
    """
    needed = model_memory(model)
    if not needed.fits(target.memory):
        raise ConfigError(
            f"the model {model.name} needs at least {needed.total_bytes} bytes"
            f" (constants {needed.constant_bytes}, activations {needed.arena_bytes}), the main"
            f" memory of the target {target.name} has {target.memory.size_bytes}",
            fix="take a smaller model, or a target with more memory (docs/reference/targets.md)",
        )
