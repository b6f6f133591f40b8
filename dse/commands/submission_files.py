"""The folder that a submission leaves: one page with its pictures, and MLPerf Tiny's tree."""

import csv
import io
import json
import re
from collections.abc import Mapping
from pathlib import Path

from contracts.faults import ConfigError
from dse.output.document import document_html, document_markdown
from dse.output.mlperf_tiny import Benchmark
from dse.output.mlperf_tiny.check import Finding, check_folder
from dse.output.mlperf_tiny.folder import Handing, mlperf_files
from dse.output.submission_page import pictures, submission_data, submission_document
from dse.results.front import Front
from dse.results.handed_in import HandedIn
from dse.words import json_text
from runners.measuring.measure import cache_of
from runners.measuring.session import log_time
from runners.stages.all import pipeline_of


def require_new(folder: Path) -> None:
    """Make sure that a folder is not there, or is empty.

    Raises:
        ConfigError: It has something in it, or is a file.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError(
            f"{folder} is there already, and what is in it would be overwritten",
            fix="name another folder with --out, or remove this one",
        )


def require_name(submitter: str) -> None:
    """Make sure that a submitter's name may be a folder's.

    Raises:
        ConfigError: It has other characters than letters, digits, ``_``, ``-`` and ``.``.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,60}", submitter):
        raise ConfigError(
            f"--submitter {submitter!r} cannot be the name of a folder",
            fix="use letters, digits, _, - and . only",
        )


def page_files(handed_in: HandedIn, front: Front) -> dict[str, bytes]:
    """Return the page as HTML and Markdown, its pictures, the figures, and each sample's answer."""
    drawings = pictures(front, handed_in)
    document = submission_document(handed_in, drawings)
    return {
        "index.html": document_html(document).encode(),
        "README.md": document_markdown(document).encode(),
        "results.json": (
            json_text(submission_data(handed_in.submission), indent=1) + "\n"
        ).encode(),
        "samples.csv": _samples(handed_in).encode(),
        **{name: drawing.file() for name, drawing in drawings.items()},
    }


def tiny_files(
    handed_in: HandedIn, benchmark: Benchmark, *, submitter: str, division: str, command: str
) -> dict[str, bytes]:
    """Return MLPerf Tiny's tree of one benchmark.

    Args:
        handed_in: What was measured.
        benchmark: Which one it is.
        submitter: Name of the organisation: a folder's name.
        division: ``open`` or ``closed``.
        command: That was typed.

    Raises:
        DseError: A source of the design cannot be built again.
    """
    job, submission = handed_in.job, handed_in.submission
    pipeline = pipeline_of(job, cache=cache_of(job), report=lambda _: None)
    code: dict[str, Path] = {}
    for stage, folder in (("firmware", "firmware"), ("cpu", "hardware"), ("cfu", "hardware")):
        for path in sorted(pipeline.get(stage).folder.iterdir()):
            if path.is_file() and path.suffix != ".log":
                code[f"{folder}/{path.name}"] = path
    percent = None if submission.correct is None else 100 * submission.correct / submission.samples
    handing = Handing(
        benchmark=benchmark,
        submitter=submitter,
        division=division,
        system=f"{job.target.name}_{submission.study}_{submission.trial}",
        job=job,
        samples=handed_in.samples,
        session=handed_in.session,
        correct_percent=percent,
        auc=submission.auc,
        is_simulated=submission.is_simulated,
        stamp=log_time(),
        command=command,
        code=code,
        texts={
            "study.toml": handed_in.opened.study.config_toml,
            "design.json": json.dumps(dict(job.design), indent=1) + "\n",
        },
    )
    return mlperf_files(handing)


def write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files below a folder.

    Raises:
        ConfigError: One cannot be written.
    """
    for name, content in files.items():
        path = folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        except OSError as error:
            raise ConfigError(
                f"{path} cannot be written: {error}",
                fix="name a folder that is writable with --out",
            ) from error


def check_results(folder: Path) -> list[Finding]:
    """Return what is to be mended of a results folder.

    Raises:
        ConfigError: There is no such folder.
    """
    if not folder.is_dir():
        raise ConfigError(
            f"there is no folder {folder}", fix="name what `submission --as mlperf-tiny` wrote"
        )
    return check_folder(folder)


def _samples(handed_in: HandedIn) -> str:
    """Return a row for each inference as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("sample", "label", "cycles", "elapsed_us", "results"))
    answers = iter(handed_in.session.answers)
    for sample in handed_in.samples.samples:
        for _ in sample.inputs:
            answer = next(answers)
            results = " ".join(f"{value:g}" for value in answer.results)
            writer.writerow((sample.name, sample.label, answer.cycles, answer.elapsed_us, results))
    return text.getvalue()
