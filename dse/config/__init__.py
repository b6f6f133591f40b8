"""Study configs: a file read, checked and completed; the space it allows; what results need."""

from dse.config.study_config import (
    Bounds,
    Notify,
    StudyConfig,
    config_from_json,
    differences,
    load_config,
    read_config,
    read_config_text,
    with_budget,
    with_hours,
    with_stop_gain,
)

__all__ = [
    "Bounds",
    "Notify",
    "StudyConfig",
    "config_from_json",
    "differences",
    "load_config",
    "read_config",
    "read_config_text",
    "with_budget",
    "with_hours",
    "with_stop_gain",
]
