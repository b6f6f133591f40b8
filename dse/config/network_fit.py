"""Rules that keep out of a space what is known not to hold the study's network.

A CFU whose family compiles networks has memories of its own. Compiling takes milliseconds and
building takes minutes, so how large they must be is found before the first trial.
"""

import itertools
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from contracts.faults import ConfigError, DoesNotFit
from contracts.network import Network
from contracts.parameter import Parameter, Rule, Value
from dse.config.study_config import StudyConfig
from dse.config.variants import PARAMETER as VARIANT
from hw_templates.cfu import Family
from hw_templates.cfu.family import Compiler
from runners.job import Workload
from sw_templates.network import network_of
from sw_templates.tflite_import import load_model

Variant = Value | None
"""A value of the parameter ``model``; None in a study of one network."""


def networks_of(config: StudyConfig) -> Mapping[Variant, Network]:
    """Return the networks of a study by variant; none where a file is not there or is none.

    What is wrong with a file is said by who checks the study's network.
    """
    alone: Mapping[Variant, Workload] = {None: config.workload}
    files = {variant: each.model for variant, each in (config.variants or alone).items()}
    if not all(file.is_file() for file in files.values()):
        return {}  # a space can be looked at where its network is not
    try:
        return {variant: network_of(load_model(file)) for variant, file in files.items()}
    except ConfigError:
        return {}


def network_rules(
    parameters: Sequence[Parameter],
    families: Mapping[str, Family],
    networks: Mapping[Variant, Network],
) -> Iterator[Rule]:
    """Yield a rule for each family of whose designs some do not hold the network.

    Args:
        parameters: Of the space, with the values that a config allows.
        families: The CFU families whose code is there.
        networks: Of the study.
    """
    known = {parameter.name: parameter for parameter in parameters}
    for choice in map(str, known["cfu"].values if "cfu" in known else ()):
        compiler = families[choice].compiler if choice in families else None
        if compiler is None or not networks:
            continue
        names = (*compiler.decided_by, *compiler.room)
        if compiler.room and all(name in known for name in names):
            rule, excludes = _rule(families[choice], compiler, known, networks)
            if excludes:
                yield rule


def _rule(
    family: Family,
    compiler: Compiler,
    known: Mapping[str, Parameter],
    networks: Mapping[Variant, Network],
) -> tuple[Rule, bool]:
    """Return the rule of a family, and whether it excludes anything."""
    room = {name: known[name].values for name in compiler.room}
    least = {
        (variant, others): least_room(
            family, network, given=dict(zip(compiler.decided_by, others, strict=True)), room=room
        )
        for variant, network in networks.items()
        for others in itertools.product(*(known[name].values for name in compiler.decided_by))
    }
    of_variant = () if None in networks else (VARIANT,)

    def holds(values: Mapping[str, Value]) -> bool:
        if values.get("cfu") != family.name:
            return True
        others = tuple(values[name] for name in compiler.decided_by)
        needed = least[values.get(VARIANT) if of_variant else None, others]
        return needed is not None and all(
            int(values[name]) >= int(needed[name]) for name in compiler.room
        )

    smallest = {name: values[0] for name, values in room.items()}
    return Rule(
        name=f"{family.name}-holds-the-network",
        reason=f"the memories of the {family.name} are too small for the network",
        parameters=(*of_variant, "cfu", *compiler.decided_by, *compiler.room),
        holds=holds,
    ), any(needed != smallest for needed in least.values())


def least_room(
    family: Family,
    network: Network,
    *,
    given: Mapping[str, Value],
    room: Mapping[str, Sequence[Value]],
) -> Mapping[str, Value] | None:
    """Return the least value of each parameter that gives room; None where none is enough.

    Each beside the largest of the others: what is too small beside these is too small always.

    Args:
        family: Has a compiler.
        network: That is to be held.
        given: Values of other parameters of the family; those that are left out have defaults.
        room: Parameters that say how large the memories are, with the values to choose from.
    """
    assert family.compiler is not None
    defaults = {parameter.name: parameter.default for parameter in family.parameters}
    design = {**defaults, **given, **{name: values[-1] for name, values in room.items()}}
    own = (rule for rule in family.rules if design.keys() >= set(rule.parameters))
    if not all(rule.holds(design) for rule in own):
        return {name: values[0] for name, values in room.items()}  # out by that rule
    found = {}
    for name, values in room.items():
        holds = partial(_compiles, family.compiler, design, network, name)
        at = bisect_left(values, True, key=holds)
        if at == len(values):
            return None
        found[name] = values[at]
    return found


def _compiles(
    compiler: Compiler, design: Mapping[str, Value], network: Network, name: str, value: Value
) -> bool:
    try:
        compiler.compile({**design, name: value}, network)
    except DoesNotFit:
        return False
    return True
