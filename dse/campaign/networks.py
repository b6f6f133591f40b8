"""The networks of a study, checked before its first trial: each alone, and as variants of one."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from contracts.faults import ConfigError
from dse.config import StudyConfig
from runners.job import Workload
from runners.measuring.metrics import ACCURACY_PERCENT, AUC

if TYPE_CHECKING:  # NumPy and the schema of TFLite
    from runners.samples.files import Samples
    from sw_templates.model import Model
    from sw_templates.tensor import Tensor

_LABELS = "docs/how-to/use-your-own-model.md says how samples are labelled"


def check_network(config: StudyConfig, only: Workload | None = None) -> None:
    """Make sure that firmware can be generated for every model of a study, and that all are right.

    Args:
        config: Of the study.
        only: The one workload that matters, for a command about one trial; None for all.

    Raises:
        ConfigError: A model is missing, has changed since the study was started, is not a TFLite
            file, not int8, has an unsupported operator, or does not fit the target's main memory.
            Variants take other inputs or tell other classes. The labelled samples are missing or
            do not fit, or the study names a metric that they do not give.
    """
    from runners.workload import require_model_fits, workload_model

    workloads = config.workloads if only is None else {only.model.name: only}
    models = {name: workload_model(workload) for name, workload in workloads.items()}
    for model in models.values():
        require_model_fits(model, config.target)
    require_alike(models)
    if config.workload.samples is not None and only is None:
        _require_samples(config, models)


def require_alike(models: "Mapping[str, Model]") -> None:
    """Check that variants of a network can stand for each other.

    Args:
        models: By their values of the parameter ``model``.

    Raises:
        ConfigError: One takes other inputs or gives other outputs than the first.
    """
    (first, wanted), *others = models.items()
    for name, model in others:
        for what, before, now in (
            ("takes", _types(wanted.inputs), _types(model.inputs)),
            ("gives", _shapes(wanted.outputs), _shapes(model.outputs)),
        ):
            if before != now:
                raise ConfigError(
                    f"the variant {name} {what} {now}, and {first} {what} {before}",
                    fix="let the variants of a study have the same inputs and the same classes;"
                    " start a study of its own for another network",
                )


def _types(tensors: "Sequence[Tensor]") -> str:
    return ", ".join(
        f"{tensor.type.value.lower()} {'x'.join(map(str, tensor.shape))}" for tensor in tensors
    )


def _shapes(tensors: "Sequence[Tensor]") -> str:
    return ", ".join("x".join(map(str, tensor.shape)) for tensor in tensors)


def _require_samples(config: StudyConfig, models: "Mapping[str, Model]") -> None:
    """Check the labelled samples with every model, and that they give the metrics named."""
    from runners.samples.files import read_samples

    named = {*config.objectives, *config.constraints}
    for name, workload in config.workloads.items():
        samples = read_samples(workload, models[name])
        for metric in (ACCURACY_PERCENT, AUC):
            if metric.name in named and (why := _not_given(metric.name, samples)):
                raise ConfigError(
                    f"study {config.name} names {metric.name}, and {why} ({name})", fix=_LABELS
                )


def _not_given(metric: str, samples: "Samples") -> str | None:
    """Return why samples give no value of a metric; None where they do."""
    if metric == ACCURACY_PERCENT.name and samples.task == "anomaly":
        return f"its samples are recordings for an anomaly search, which has {AUC.name}"
    if metric == AUC.name and samples.task == "classification":
        return f"its samples are for a classifier, which has {ACCURACY_PERCENT.name}"
    if metric == AUC.name and len({sample.label for sample in samples.samples}) < 2:
        return "all its samples are of one kind, so there is no curve"
    return None
