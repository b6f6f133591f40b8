"""Many model files side by side: which of them are supported, why not, and what they need."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from contracts.faults import ConfigError
from dse.commands.workload import (
    bits_text,
    score_data,
    score_text,
    supported_data,
    unsupported_data,
)
from dse.output.report import table_text
from runners.job import SampleEncoding, Workload
from runners.samples.labels import read_labels

_MAX_WHY_CHARS = 60


def folder_data(
    folder: Path,
    *,
    operator_folders: Sequence[Path] = (),
    samples: Path | None = None,
    sample_encoding: SampleEncoding | None = None,
) -> list[dict[str, Any]]:
    """Return a row for each ``*.tflite`` below a folder; a broken file is a row too.

    Args:
        folder: Looked through with all folders in it.
        operator_folders: Folders of the user's own operators; their files are run.
        samples: Folder of labelled samples to run through each, None for none.
        sample_encoding: What the numbers in their files are; None finds it out.

    Returns:
        In order of their paths, what ``workload_data`` or ``unsupported_data`` says of a file. With
        samples a supported one has its ``score``, or ``no_score``: why they are not for it.

    Raises:
        ConfigError: There is no such file in the folder, a folder of operators holds a file that is
            no operator, or the samples have no list of labels.
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
    if samples is not None:
        read_labels(samples)  # what is wrong with the list is not wrong with each model
        for path in imported:
            if answers[path]["supported"]:
                workload = Workload(
                    model=path.absolute(),
                    model_sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
                    samples=samples.absolute(),
                    sample_encoding=sample_encoding,
                    operator_folders=tuple(each.absolute() for each in operator_folders),
                )
                answers[path] |= _score(workload)
    return [answers[path] for path in paths]


def _score(workload: Workload) -> dict[str, Any]:
    try:
        return {"score": score_data(workload)}
    except ConfigError as error:
        return {"no_score": error.what}


def folder_text(rows: Sequence[dict[str, Any]], folder: Path) -> str:
    """Lay out what ``folder_data`` returns."""
    header = ["file", "supported", "why not", "layers", "MAC", "weights B", "bits", "peak B"]
    table = [_cells(row, folder) for row in rows]
    if any("score" in row or "no_score" in row for row in rows):
        header.append("accuracy")
        for row, cells in zip(rows, table, strict=True):
            cells.append(score_text(row["score"]) if "score" in row else "-")
    supported = sum(row["supported"] for row in rows)
    lines = [table_text(header, table, left=3), "", f"{supported} of {len(rows)} supported"]
    lines += [
        f"{Path(row['model']).relative_to(folder)} has no accuracy: {row['no_score']}"
        for row in rows
        if "no_score" in row
    ]
    return "\n".join(lines)


def _cells(row: dict[str, Any], folder: Path) -> list[str]:
    name = str(Path(row["model"]).relative_to(folder))
    if row["supported"]:
        counts = [f"{count:,}" for count in (len(row["layers"]), row["macs"], row["weight_bytes"])]
        return [name, "yes", "", *counts, bits_text(row["layers"]), f"{row['peak_bytes']:,}"]
    why = ", ".join(obstacle["title"] for obstacle in row["obstacles"])
    why = why.replace(f"{row['model']}", "the file").splitlines()[0]
    if len(why) > _MAX_WHY_CHARS:
        why = f"{why[: _MAX_WHY_CHARS - 1]}…"
    return [name, "no", why, "", "", "", "", ""]
