"""What each path of the API takes and answers, as its OpenAPI document says it: JSON Schema.

A test asks every path and holds the answers against this.
"""

from typing import Any

from dse.dashboard.data.selection import SHOWN
from runners.fpga import PARTS

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_TEXT_OR_NULL: Schema = {"type": ["string", "null"]}
_WHOLE: Schema = {"type": "integer"}
_NUMBER: Schema = {"type": ["number", "null"]}
"""Null stands for what JSON has no word for: infinity and not-a-number."""
_YES_OR_NO: Schema = {"type": "boolean"}
_VALUE: Schema = {"type": ["integer", "string", "boolean"]}


def _list(of: Schema) -> Schema:
    return {"type": "array", "items": of}


def _by_name(of: Schema) -> Schema:
    return {"type": "object", "additionalProperties": of}


def _object(**fields: Schema) -> Schema:
    """Return the schema of an object that has all these fields, and may have more."""
    return {"type": "object", "properties": fields, "required": [*fields]}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


_REMARK = {"tags": _list(_TEXT), "note": _TEXT}
_STATES = dict.fromkeys(("waiting", "running", "completed", "infeasible", "failed"), _WHOLE)
_OBJECTIVES = _list(_object(metric=_TEXT, goal={"enum": ["minimise", "maximise"]}))
_ORIGIN = _or_null(_object(study=_TEXT, trial=_WHOLE))

STUDIES = _list(
    _object(study=_TEXT, created=_TEXT_OR_NULL, archived=_TEXT_OR_NULL, **_STATES, **_REMARK)
)
STATUS = _object(
    study=_TEXT,
    created=_TEXT,
    trials=_WHOLE,
    counts=_object(**_STATES),
    reused=_WHOLE,
    target=_TEXT,
    model=_TEXT,
    variants=_by_name(_TEXT),
    algorithm=_TEXT,
    stop_gain=_NUMBER,
    has_converged=_YES_OR_NO,
    expected_gains=_list(_NUMBER),
    objectives=_list(_TEXT),
    oracle={"type": ["object", "null"]},
    stand_ins=_list(_WHOLE),
    faults=_list(_object(trial=_WHOLE, state=_TEXT, kind=_TEXT, what=_TEXT)),
    archived=_TEXT_OR_NULL,
    **_REMARK,
)
FRONT = _object(
    study=_TEXT,
    objectives=_OBJECTIVES,
    front=_list(
        _object(
            trial=_WHOLE,
            design=_by_name(_VALUE),
            fidelity=_TEXT,
            suggested_by=_TEXT,
            metrics=_by_name(_NUMBER),
            estimates=_list(_TEXT),
            reused_from=_ORIGIN,
        )
    ),
    dominated=_list(_WHOLE),
    excluded=_list(_WHOLE),
    stand_ins={},
)
TRIALS = _object(
    trials=_list(
        _object(
            study=_TEXT,
            trial=_WHOLE,
            state=_TEXT,
            fault=_TEXT_OR_NULL,
            on_front=_YES_OR_NO,
            suggested_by=_TEXT,
            fidelity=_TEXT,
            estimates=_TEXT_OR_NULL,
            design_id=_TEXT,
            tags=_TEXT_OR_NULL,
            note=_TEXT_OR_NULL,
        )
    ),
    next={"type": ["integer", "null"]},
)
TRIAL = _object(
    trial=_WHOLE,
    state=_TEXT,
    fidelity=_TEXT,
    design_id=_TEXT,
    design=_by_name(_VALUE),
    suggested_by=_TEXT,
    belief={"type": ["object", "null"]},
    reused_from=_ORIGIN,
    metrics=_list(
        _object(name=_TEXT, value=_NUMBER, unit=_TEXT, fidelity=_TEXT, estimate=_YES_OR_NO)
    ),
    placements=_list({"type": "object"}),
    layers=_list(_object(index=_WHOLE, name=_TEXT, operator=_TEXT, macs=_WHOLE, cycles=_WHOLE)),
    roofline={"type": ["object", "null"]},
    stages=_list(_object(stage=_TEXT, wall_s=_NUMBER, cpu_s=_NUMBER, cached=_YES_OR_NO)),
    artefacts=_by_name(_TEXT),
    tools=_by_name(_TEXT),
    attempts=_list(
        _object(
            number=_WHOLE,
            worker=_TEXT,
            started=_TEXT,
            wall_s=_NUMBER,
            outcome=_TEXT_OR_NULL,
            kind=_TEXT_OR_NULL,
            what=_TEXT_OR_NULL,
            fix=_TEXT_OR_NULL,
            detail=_TEXT_OR_NULL,
        )
    ),
    **_REMARK,
)
COLUMNS = _object(
    study=_TEXT,
    mark=_TEXT,
    objectives=_OBJECTIVES,
    limits=_by_name(_NUMBER),
    references=_list(_object(name=_TEXT, metric=_TEXT, value=_NUMBER)),
    omitted=_WHOLE,
    is_derived=_YES_OR_NO,
    part=_TEXT,
    parts=_by_name(_by_name(_NUMBER)),
    numbers=_list(_WHOLE),
    verdicts=_TEXT,
    front=_list(_WHOLE),
    tags=_by_name(_list(_TEXT)),
    parameters=_list(_object(name=_TEXT, varies=_YES_OR_NO, values=_list(_TEXT), codes=_TEXT)),
    metrics=_list(
        _object(name=_TEXT, unit=_TEXT, values=_list(_NUMBER), fidelity=_TEXT, estimate=_TEXT)
    ),
    fidelities=_list(_TEXT),
)
GROWTH = _object(
    reference=_or_null(_list(_NUMBER)),
    growth=_list(_object(trial=_WHOLE, trials_ended=_WHOLE, elapsed_s=_NUMBER, share=_NUMBER)),
)
EFFECTS = _object(
    metric=_TEXT,
    trials=_WHOLE,
    effects=_list(
        _object(
            parameter=_TEXT,
            metric=_TEXT,
            variance_explained=_NUMBER,
            together_with=_list(_TEXT),
            levels=_list(
                _object(
                    value=_TEXT, trials=_WHOLE, smallest=_NUMBER, median=_NUMBER, largest=_NUMBER
                )
            ),
        )
    ),
    not_told_from_chance=_list(_TEXT),
)


def answers(schema: Schema) -> dict[int | str, dict[str, Any]]:
    """Return the ``responses`` of a route that answers so."""
    return {
        200: {"content": {"application/json": {"schema": schema}}},
        304: {"description": "What was sent as If-None-Match is what there is."},
    }


def _filter(name: str, says: str, schema: Schema) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "description": says, "schema": schema}


FILTERS: dict[str, Any] = {
    "parameters": [
        _filter("box", "METRIC:LOW:HIGH, either end may be empty; may be repeated.", _list(_TEXT)),
        _filter("only", "PARAMETER:VALUE|VALUE, - for absent; may be repeated.", _list(_TEXT)),
        _filter("show", "Only trials of this kind.", {"enum": ["", *SHOWN]}),
        _filter("fits", "Only trials that fit this part.", {"enum": ["", *PARTS]}),
        _filter("spare", "Percent of the part that stay free, 0 to 99.", _TEXT),
        _filter("tag", "Only trials with this tag.", _TEXT),
        _filter("derive", "One more metric, made of others; may be repeated.", _list(_TEXT)),
    ]
}
"""What a selection takes from the query beside the parameters of a route, as ``openapi_extra``."""
