"""The space of a study as the database keeps it: enough for pages, without anybody's code.

When a study is started or resumed, its space is written down as JSON: parameters, conditions,
values, the default design, how many designs there are, and which files of code were loaded for it.
Rules are code. Those of this software can be decided by any reader; of a user's own the name and
the reason are kept, and the campaign that runs the study decides them.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from contracts.faults import ConfigError
from contracts.parameter import Condition, Parameter, Value
from contracts.untrusted import parse_json
from dse import program
from dse.config.assembly import assemble_space, built_in_rules
from dse.config.study_config import StudyConfig
from dse.config.trust import CodeFile
from dse.space import Design, RuleSummary, Space, describe

_SCHEMA = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownSpace:
    """What can be known of a study's space without loading its families.

    Attributes:
        space: Its parameters, under the rules that can be decided here.
        undecided: Rules of the user's own families: a design may still break them.
        designs: How many designs obey all rules.
        default: The design of the defaults.
    """

    space: Space
    undecided: tuple[RuleSummary, ...]
    designs: int
    default: Design


def space_json(space: Space, code: Iterable[CodeFile]) -> str:
    """Return what the database keeps of a space and of the code that was loaded for it."""
    summary = describe(space)
    document = {
        "schema": _SCHEMA,
        "designs": summary.designs,
        "parameters": [asdict(parameter) for parameter in space.parameters],
        "rules": [asdict(rule) for rule in summary.rules],
        "default": dict(space.default().values),
        "code": [asdict(file) for file in code],
    }
    return json.dumps(document)


def known_space(config: StudyConfig, stored: str | None) -> KnownSpace | None:
    """Return what can be known of a study's space; nobody's code is run.

    Args:
        config: Of the study.
        stored: What ``space_json`` returned for it, None in old databases.

    Returns:
        None when nothing is stored and the config names families of its own.

    Raises:
        ConfigError: What is stored is not what ``space_json`` writes, or without it: the config
            does not fit the built-in families.
    """
    if stored is not None:
        try:
            return _read(parse_json(stored), config)
        except (ValueError, KeyError, TypeError) as error:
            raise ConfigError(
                f"the space of study {config.name} in the database cannot be read: {error!r}",
                fix=f"resume the study, which writes it anew: {program.name()} resume"
                f" {config.name}",
            ) from error
    if config.families:
        return None
    space = assemble_space(config, reads_networks=False)
    return KnownSpace(space=space, undecided=(), designs=space.count(), default=space.default())


def stored_code(stored: str | None) -> dict[str, str]:
    """Return path to SHA-256 of the code that was loaded when the study ran last."""
    try:
        return {str(f["path"]): str(f["sha256"]) for f in parse_json(stored or "{}")["code"]}
    except (ValueError, KeyError, TypeError):
        return {}


def _read(document: dict[str, Any], config: StudyConfig) -> KnownSpace:
    if document["schema"] != _SCHEMA:
        raise ValueError(f"schema {document['schema']}")
    parameters = [_parameter(fields) for fields in document["parameters"]]
    names = {parameter.name for parameter in parameters}
    stored = [
        RuleSummary(name=r["name"], parameters=tuple(r["parameters"]), reason=r["reason"])
        for r in document["rules"]
    ]
    decided = [
        rule
        for rule in built_in_rules(config, parameters)
        if names.issuperset(rule.parameters) and any(rule.name == other.name for other in stored)
    ]
    decided_names = {rule.name for rule in decided}
    if type(document["designs"]) is not int:
        raise ValueError("the number of designs is none")
    return KnownSpace(
        space=Space(parameters, decided),
        undecided=tuple(rule for rule in stored if rule.name not in decided_names),
        designs=document["designs"],
        default=Design(document["default"]),
    )


def _parameter(fields: dict[str, Any]) -> Parameter:
    when = tuple(
        Condition(parameter=condition["parameter"], values=_values(condition["values"]))
        for condition in fields["when"]
    )
    return Parameter(**{**fields, "values": _values(fields["values"]), "when": when})


def _values(stored: list[Any]) -> tuple[Value, ...]:
    return tuple(value if isinstance(value, str) else _integer(value) for value in stored)


def _integer(stored: Any) -> int:
    """Return a whole number of 64 bits, or true or false."""
    if not isinstance(stored, int) or abs(stored) >= 1 << 63:
        raise ValueError(f"{str(stored)[:40]} is no whole number of 64 bits")
    return stored
