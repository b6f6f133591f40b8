"""Many model files side by side: which of them are supported, why not, and what they need."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from contracts.faults import ConfigError
from dse.commands.workload import supported_data, unsupported_data
from dse.output.report import table_text

_MAX_WHY_CHARS = 60


def folder_data(folder: Path, *, operator_folders: Sequence[Path] = ()) -> list[dict[str, Any]]:
    """Return a row for each ``*.tflite`` below a folder; a broken file is a row too.

    Args:
        folder: Looked through with all folders in it.
        operator_folders: Folders of the user's own operators; their files are run.

    Returns:
        In order of their paths, what ``workload_data`` or ``unsupported_data`` says of a file.

    Raises:
        ConfigError: There is no such file in the folder, or a folder of operators holds a file
            that is no operator.
    """
    from runners.reference import reference_error, reference_refusals
    from sw_templates.operator_set import find_operators
    from sw_templates.tflite_import import load_model

    find_operators(operator_folders)  # what is wrong with them is not wrong with each model
    paths = sorted(path for path in folder.rglob("*.tflite") if not path.is_dir())
    if not paths:
        raise ConfigError(f"there is no *.tflite below {folder}", fix="name another folder")
    answers: dict[Path, dict[str, Any]] = {}
    imported = {}
    for path in paths:
        try:
            imported[path] = load_model(path, operator_folders=operator_folders)
        except ConfigError as error:
            answers[path] = unsupported_data(path, error)
    refusals = reference_refusals(list(imported))
    for (path, model), refusal in zip(imported.items(), refusals, strict=True):
        answers[path] = (
            supported_data(path, model)
            if refusal is None
            else unsupported_data(path, reference_error(refusal))
        )
    return [answers[path] for path in paths]


def folder_text(rows: Sequence[dict[str, Any]], folder: Path) -> str:
    """Lay out what ``folder_data`` returns."""
    header = ["file", "supported", "why not", "layers", "MAC", "weights B", "peak B"]
    table = [_cells(row, folder) for row in rows]
    supported = sum(row["supported"] for row in rows)
    return "\n".join(
        [table_text(header, table, left=3), "", f"{supported} of {len(rows)} supported"]
    )


def _cells(row: dict[str, Any], folder: Path) -> list[str]:
    name = str(Path(row["model"]).relative_to(folder))
    if row["supported"]:
        counts = (len(row["layers"]), row["macs"], row["weight_bytes"], row["peak_bytes"])
        return [name, "yes", "", *(f"{count:,}" for count in counts)]
    why = ", ".join(obstacle["title"] for obstacle in row["obstacles"])
    why = why.replace(f"{row['model']}", "the file").splitlines()[0]
    if len(why) > _MAX_WHY_CHARS:
        why = f"{why[: _MAX_WHY_CHARS - 1]}…"
    return [name, "no", why, "", "", "", ""]
