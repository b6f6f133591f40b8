"""Results as text: plain tables that fit a pipe, and the same values as JSON-ready data."""

import textwrap
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from dse import program
from dse.output.front_columns import Column, View, cfu_parameters, front_columns
from dse.store import StudySummary, TrialResult, TrialState
from dse.words import design_text, number_text, plural, printable, value_text, varying

if TYPE_CHECKING:  # pydantic and NumPy take a while to import
    from dse.config import StudyConfig
    from dse.results.cell_model import CellModel
    from dse.results.clock_model import ClockModel
    from dse.results.columns import StudyColumns
    from dse.results.front import Front
    from dse.results.placing import PlacingAdds
    from dse.space.describe import SpaceSummary


_WIDTH = 80
"""Columns of a terminal that nobody made wider."""
_NARROWEST = 24
"""Of a column of words; with so many objectives, lines are longer."""
_USUAL = View()
_NAMED = 20
"""So many trials are named in a line."""


def table_text(header: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> str:
    """Lay out a table: the first ``left`` columns to the left, the others to the right."""
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
    lines = []
    for row in [header, ["-" * width for width in widths], *rows]:
        cells = [
            cell.ljust(width) if column < left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def wrapped(text: str) -> str:
    """Break a long line between words, so that a terminal of 80 columns does not."""
    return textwrap.fill(
        text, _WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )


# --- list and status


def listed(
    summaries: Sequence[StudySummary], *, tags: Collection[str], with_archived: bool
) -> list[StudySummary]:
    """Return the studies that a list shows: those with all the tags, and not put away."""
    return [
        summary
        for summary in summaries
        if (with_archived or summary.study.archived_s is None)
        and set(tags) <= set(summary.study.remark.tags)
    ]


def list_data(summaries: Sequence[StudySummary]) -> list[dict[str, Any]]:
    """Return the studies of a database."""
    return [
        {
            "study": summary.study.name,
            "created": None if summary.problem else time_text(summary.study.created_s),
            **{state.value: count for state, count in summary.counts.items()},
            "tags": list(summary.study.remark.tags),
            "note": summary.study.remark.note,
            "archived": None
            if summary.study.archived_s is None
            else time_text(summary.study.archived_s),
            **({"problem": summary.problem} if summary.problem else {}),
        }
        for summary in summaries
    ]


def list_text(summaries: Sequence[StudySummary], *, left_out: int = 0) -> str:
    """Lay out the studies of a database.

    Args:
        summaries: Those that are shown.
        left_out: How many are not, since they were put away or lack a tag that is asked for.
    """
    others = f"{left_out} more not listed: archived (--archived lists them), or without the tag"
    if not summaries and left_out:
        return others
    if not summaries:
        return f"no studies yet; start one: {program.name()} start"
    has_tags = any(summary.study.remark.tags or summary.study.archived_s for summary in summaries)
    rows = [
        [
            summary.study.name,
            "-" if summary.problem else time_text(summary.study.created_s),
            *map(str, summary.counts.values()),
            *([_tags_text(summary)] if has_tags else []),
        ]
        for summary in summaries
    ]
    problems = [
        f"study {summary.study.name!r} cannot be read: {summary.problem}"
        for summary in summaries
        if summary.problem
    ]
    header = ["study", "created (UTC)", *TrialState, *(["tags"] if has_tags else [])]
    told = [others] if left_out else []
    return "\n".join([table_text(header, rows, left=2), *problems, *told])


def _tags_text(summary: StudySummary) -> str:
    tags = map(printable, summary.study.remark.tags)
    return " ".join([*tags, *(["(archived)"] if summary.study.archived_s else [])])


def status_data(
    columns: "StudyColumns", gains: Sequence[float] = (), *, worked_s: float | None = None
) -> dict[str, Any]:
    """Return where a study stands.

    Args:
        columns: Of the study, with the faults.
        gains: What its newest suggestions were expected to gain, see ``Reader.gains``.
        worked_s: How long workers have been busy with it, see ``Reader.worked_s``; None where
            that was not asked.
    """
    from dse.output.oracle_report import oracle_text, stored_oracle
    from dse.suggest.stopping import has_converged

    config = columns.config
    oracle = stored_oracle(columns.oracle_json)
    faults = {} if columns.attempts is None else columns.attempts.faults
    has_completed = columns.is_state(TrialState.COMPLETED)
    return {
        "study": config.name,
        "created": time_text(columns.created_s),
        "trials": config.trials,
        "counts": {state.value: int(columns.is_state(state).sum()) for state in TrialState},
        "reused": int((columns.reused_from > 0).sum()),
        "target": config.target.name,
        "model": str(config.workload.model),
        "variants": {value: str(each.model) for value, each in config.variants.items()},
        "algorithm": config.suggest.algorithm,
        "hours": config.suggest.hours,
        "hours_spent": None
        if worked_s is None or config.suggest.hours is None
        else worked_s / config.workers / 3600,
        "stop_gain": config.suggest.stop_gain,
        "has_converged": has_converged(gains, config.suggest.stop_gain),
        "expected_gains": list(gains),
        "objectives": list(config.objectives),
        "oracle": None if oracle is None else {**asdict(oracle), "text": oracle_text(oracle)},
        "tags": list(columns.remark.tags),
        "note": columns.remark.note,
        "archived": None if columns.archived_s is None else time_text(columns.archived_s),
        "stand_ins": list(columns.stand_ins()),
        "faults": [
            {
                "trial": int(columns.numbers[position]),
                "state": list(TrialState)[columns.state[position]].value,
                "kind": faults[position][0].value,
                "what": faults[position][1],
            }
            for position in sorted(faults)
            if not has_completed[position]
        ],
    }


def status_text(data: Mapping[str, Any]) -> str:
    """Lay out where a study stands."""
    counts = data["counts"]
    done = sum(counts[state] for state in ("completed", "infeasible", "failed"))
    parts = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    lines = [
        f"study      {data['study']}, created {data['created']} UTC",
        f"trials     {done} of {data['trials']} done: {parts or 'none yet'}",
        *(
            []
            if data["hours_spent"] is None
            else [f"hours      {data['hours_spent']:.2f} of {data['hours']:g} spent"]
        ),
        f"reused     {data['reused']}",
        f"search     {data['algorithm']}, objectives {', '.join(data['objectives'])}",
        *([converged_text(data)] if data["has_converged"] else []),
        *([stand_ins_text(data["stand_ins"])] if data["stand_ins"] else []),
        f"target     {data['target']}",
        f"model      {', '.join(data['variants']) or data['model']}",
        *([f"oracle     {data['oracle']['text']}"] if data["oracle"] else []),
        *([f"archived   {data['archived']} UTC"] if data["archived"] else []),
        *([f"tags       {printable(' '.join(data['tags']))}"] if data["tags"] else []),
        *(f"note       {printable(line)}" for line in data["note"].splitlines()),
    ]
    if data["faults"]:
        lines.append("")
        rows = [
            [str(fault["trial"]), fault["state"], fault["kind"], fault["what"] or ""]
            for fault in data["faults"]
        ]
        lines.append(table_text(["trial", "state", "fault", "what"], rows, left=4))
    return "\n".join(lines)


def converged_text(data: Mapping[str, Any]) -> str:
    """Say why a study stopped by itself, and how it goes on."""
    gains = data["expected_gains"]
    return (
        f"stopped    the last {len(gains)} suggestions were expected to enlarge the front's"
        f" hypervolume by {max(gains):.2%} at most, less than suggest.stop_gain ="
        f" {data['stop_gain']:g};\n           go on with: {program.name()} resume"
        f" {data['study']} --stop-gain 0"
    )


# --- front


def front_data(front: "Front", config: "StudyConfig") -> dict[str, Any]:
    """Return the front of a study."""
    return {
        "study": config.name,
        "objectives": [
            {"metric": metric, "goal": goal}
            for metric, goal in zip(front.objectives, front.goals, strict=True)
        ],
        "front": [
            {
                "trial": result.trial.number,
                "design": result.trial.design,
                "fidelity": result.trial.fidelity.value,
                "suggested_by": result.trial.suggested_by,
                "metrics": result.metrics,
                "estimates": sorted(result.estimates),
                "reused_from": reuse_data(result),
            }
            for result in front.points
        ],
        "dominated": list(front.dominated),
        "excluded": list(front.excluded),
        "stand_ins": list(front.stand_ins),
    }


def front_text(
    front: "Front",
    config: "StudyConfig",
    model: "ClockModel | None" = None,
    cell_models: "Mapping[str, CellModel] | None" = None,
    *,
    view: View = _USUAL,
    placing: "Sequence[PlacingAdds]" = (),
    why_none: "Sequence[str]" = (),
) -> str:
    """Lay out the front of a study; what is common to all designs stands below the table.

    Args:
        front: What to show.
        config: Of the study.
        model: What estimated clocks rest on; without one they are the target's own.
        cell_models: What estimated cells rest on.
        view: Which columns.
        placing: What placing adds, where designs of both kinds are on it.
        why_none: Why nothing is on it.

    Raises:
        ConfigError: A column is asked for that no design on the front has.
    """
    excluded = [str(number) for number in front.excluded]
    left_out = f"left out, they break a constraint or a limit: trials {', '.join(excluded)}"
    below = [left_out] if excluded else []
    if front.stand_ins:
        below.append(stand_ins_text(list(front.stand_ins)))
    if not front.points:
        none = "no trial has completed within the constraints yet"
        return "\n".join([none, *why_none, *map(wrapped, below)])
    drawn = set(front.stand_ins.values())
    columns = front_columns(front, config, view)
    numbers = tuple(
        f"{'*' if result.trial.design_id in drawn else ''}{result.trial.number}"
        for result in front.points
    )
    lines = [columns_text([Column(name="trial", title="trial", cells=numbers), *columns])]
    shown = {column.name for column in columns}
    designs = [result.trial.design for result in front.points]
    differing = varying(designs)
    common = {name: value for name, value in designs[0].items() if name not in differing}
    if view.is_wide and common:
        lines += ["", f"in all of them: {design_text(common)}"]
    if not view.is_wide and not view.columns:
        lines += ["", *_unshown_lines(front, [name for name in differing if name not in shown])]
    lines += _capacity_lines(front, config)
    if any(result.estimates for result in front.points):
        lines.append(clock_text(config, model))
        lines += cells_text(front.objectives, cell_models or {})
    lines += [adds.text for adds in placing]
    return "\n".join([*lines[:1], *map(wrapped, lines[1:]), *map(wrapped, below)])


def stand_ins_text(numbers: Sequence[int]) -> str:
    """Say which designs the search has not chosen; ``*`` marks them in tables."""
    shown = ", ".join(map(str, numbers[:_NAMED])) + (", ..." if len(numbers) > _NAMED else "")
    return (
        f"* the search failed: {plural(len(numbers), 'design')} drawn at random instead,"
        f" trials {shown}"
    )


def columns_text(columns: Sequence[Column]) -> str:
    """Lay out columns side by side; words in the last one are broken to fit 80 characters."""
    before = [max(map(len, (column.title, *column.cells))) for column in columns[:-1]]
    room = max(_WIDTH - sum(before) - 2 * len(before), _NARROWEST)
    last = columns[-1]
    texts = [
        (textwrap.wrap(cell, room, break_on_hyphens=False) if last.is_text else [cell]) or [""]
        for cell in last.cells
    ]
    heads = [column.title for column in columns]
    width = max(len(line) for lines in [[last.title], *texts] for line in lines)
    rows = [heads, ["-" * width for width in [*before, width]]]
    for number, lines in enumerate(texts):
        rows.append([*(column.cells[number] for column in columns[:-1]), lines[0]])
        rows += [[*("" for _ in before), line] for line in lines[1:]]
    return "\n".join(
        "  ".join(
            cell.ljust(wide) if column.is_text else cell.rjust(wide)
            for cell, wide, column in zip(row, [*before, width], columns, strict=True)
        ).rstrip()
        for row in rows
    )


def _unshown_lines(front: "Front", names: Sequence[str]) -> list[str]:
    """Say what the usual columns leave out."""
    in_words = {name for result in front.points for name in cfu_parameters(result.trial.design)}
    left = [name for name in names if name not in in_words]
    fidelities = {result.trial.fidelity.value for result in front.points}
    told = [f"all of them {fidelity}" for fidelity in fidelities if len(fidelities) == 1]
    if left:
        told.append(f"they also differ in {', '.join(left)}")
    return ["; ".join([*told, "--wide shows every figure and parameter"])]


def _capacity_lines(front: "Front", config: "StudyConfig") -> list[str]:
    """Say what the part has of the objectives that it limits."""
    from runners.fpga import capacity_of  # the families take a while to import, `list` needs none

    capacity = capacity_of(config.target.part)
    held = [f"{number_text(capacity[x])} {x}" for x in front.objectives if x in capacity]
    return [f"{config.target.part} has {', '.join(held)}"] if held else []


def clock_text(config: "StudyConfig", model: "ClockModel | None") -> str:
    """Say what the values marked ``~`` rest on."""
    if model is None:
        return f"~ an estimate at {config.target.clock_hz / 1e6:g} MHz: the design is not placed"
    if model.is_one_clock:
        return (
            f"~ an estimate at {model.mean_mhz:g} MHz, which all {model.trials} placed trials met:"
            " it was the highest that was asked for, so how much others miss it by is not known"
        )
    return (
        f"~ an estimate at the clock that {model.trials} placed trials let expect"
        f" (mean error {model.error_mhz:.1f} MHz when each is predicted from the others)"
    )


def cells_text(objectives: Sequence[str], models: "Mapping[str, CellModel]") -> list[str]:
    """Say what the cells marked ``~`` rest on, a line for each that the front is drawn in."""
    return [
        f"~ {name}: {100 * (model.factor - 1):+.1f} % on what synthesis counts, as"
        f" {model.trials} placed trials let expect (mean error {100 * model.error:.1f} %)"
        for name, model in models.items()
        if name in objectives
    ]


# --- space


def space_text(summary: "SpaceSummary") -> str:
    """Lay out the parameters, conditions and size of a space."""
    rows = [
        [p.name, " ".join(map(value_text, p.values)), value_text(p.default), p.when]
        for p in summary.parameters
    ]
    lines = [table_text(["parameter", "values", "default", "only when"], rows, left=4), ""]
    lines += [f"rule {rule.name}: {rule.reason}" for rule in summary.rules]
    lines.append(f"{summary.designs:,} distinct designs")
    return "\n".join(lines)


# --- shared


def reuse_data(result: TrialResult) -> dict[str, Any] | None:
    """Return where a trial's result came from, or None when it was measured."""
    if result.reused_from is None:
        return None
    study, number = result.reused_from
    return {"study": study, "trial": number}


def time_text(seconds: float) -> str:
    """Write a time in UTC to the second."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
