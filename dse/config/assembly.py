"""The space of a study: what the rooms declare, joined under conditions, cut by the config."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from contracts.faults import ConfigError, ConfigMistakes
from contracts.parameter import Condition, Parameter, Rule, Value
from dse.config.study_config import StudyConfig, read_config
from dse.config.variants import variants_parameter
from dse.space import EmptySpace, Space

if TYPE_CHECKING:
    from hw_templates.cfu import Family


def assemble_space(config: StudyConfig, *, reads_networks: bool = True) -> Space:
    """Return the space that a config allows, the user's own CFU families included.

    Imports the modules of these families: where the config comes from a database, ask
    ``trust.require_trust`` first.

    Args:
        config: Of the study.
        reads_networks: Whether designs are left out that do not hold the study's network; where
            its file is not there they stay in.

    Raises:
        ConfigError: A family cannot be loaded, the config names a parameter or value that
            does not exist, a condition names an unknown parameter, or no design is left.
    """
    from hw_templates import cfu, cpu
    from sw_templates import options as firmware

    families = cfu.load_families(config.families)
    choice = Parameter(
        name="cfu",
        values=tuple(families),
        default="none",
        description="family of the custom function unit",
    )
    rules = [*cpu.RULES, *firmware.RULES, *_rules_of(families)]
    variants = [variants_parameter(tuple(config.variants))] if config.variants else []
    parameters = [*variants, *cpu.PARAMETERS, choice, *_of_families(families), *firmware.PARAMETERS]
    space = restricted_space(Space(parameters, rules), config)
    fitting = _that_fits(space, families, config)
    whole = _that_holds(fitting, families, config) if reads_networks else fitting
    whole.count()  # one that cannot be counted is refused here, where its config is known
    return whole


def load_space(path: Path) -> Space:
    """Return the space of a config file, whose model and samples need not be there.

    Where the model is, designs that do not hold it are left out, as a study leaves them out.

    Raises:
        ConfigError: All that is wrong in the file, or in what its ``[space]`` allows.
    """
    read = read_config(path, with_workload=False)
    config, space = read.config, None
    workload = replace(config.workload, model=path.parent / config.workload.model)
    with read.mistakes.checking("cfu", without=f"study {config.name}: "):
        space = assemble_space(replace(config, workload=workload))
    read.mistakes.raise_any()
    assert space is not None, "without a mistake there is one"
    return space


def built_in_rules(config: StudyConfig, parameters: Sequence[Parameter]) -> list[Rule]:
    """Return the rules of a space that are code of this software and of nobody else.

    Args:
        config: Of the study.
        parameters: Of the space.
    """
    from dse.config.fit import fit_rules
    from hw_templates import cfu, cpu
    from sw_templates import options as firmware

    of_part = fit_rules(parameters, cfu.BUILT_IN, config.target)
    return [*cpu.RULES, *firmware.RULES, *_rules_of(cfu.BUILT_IN), *of_part]


def _that_fits(space: Space, families: "Mapping[str, Family]", config: StudyConfig) -> Space:
    """Return the part of a space of which it is not known that the target is too small for it.

    Raises:
        ConfigError: That is no design.
    """
    from dse.config.fit import fit_rules, room_text

    rules = fit_rules(space.parameters, families, config.target)
    if not rules:
        return space
    refusal = ConfigError(
        f"study {config.name}: [space] no design that it allows fits the"
        f" {config.target.part}: {room_text(config.target)}",
        fix="allow smaller values (icache_bytes, icache_ways, dcache_bytes, dcache_ways, the"
        " CFU's own), shrink target.memory (rom_bytes, sram_bytes, l2_bytes, on-chip"
        " size_bytes), or take a target with a larger part",
    )
    return _with_rules(space, rules, refusal)


def _that_holds(space: Space, families: "Mapping[str, Family]", config: StudyConfig) -> Space:
    """Return the part of a space of which it is not known that it does not hold the network.

    Raises:
        ConfigError: That is no design.
    """
    from dse.config.network_fit import network_rules, networks_of

    if not any(family.compiler for family in families.values()):
        return space
    rules = tuple(network_rules(space.parameters, families, networks_of(config)))
    if not rules:
        return space
    refusal = ConfigError(
        f"study {config.name}: [space] no design that it allows holds {config.network_name}:"
        f" {'; '.join(rule.reason for rule in rules)}",
        fix="allow larger values of the CFU's memories, or another cfu",
    )
    return _with_rules(space, rules, refusal)


def _with_rules(space: Space, rules: Sequence[Rule], refusal: ConfigError) -> Space:
    """Return a space under further rules; raise ``refusal`` where they leave no design."""
    try:
        return Space(space.parameters, (*space.rules, *rules))
    except EmptySpace as error:
        raise refusal from error


def restricted_space(space: Space, config: StudyConfig) -> Space:
    """Return the part of a space that ``[space]`` of the config allows.

    Raises:
        ConfigError: As ``Space.restricted``, with the section and the study named.
    """
    try:
        return space.restricted(config.space)
    except ConfigMistakes as several:
        raise ConfigMistakes.of(
            f"study {config.name}", [(f"[space] {what}", fix) for what, fix in several.mistakes]
        ) from None
    except ConfigError as error:
        raise ConfigError(
            f"study {config.name}: [space] {error.what}", fix=error.fix, detail=error.detail
        ) from None


def _of_families(families: "Mapping[str, Family]") -> list[Parameter]:
    """Return the families' parameters, each under its families alone; families may share one."""
    owners: dict[str, list[str]] = {}
    declared: dict[str, Parameter] = {}
    for family in families.values():
        for parameter in family.parameters:
            owners.setdefault(parameter.name, []).append(family.name)
            declared.setdefault(parameter.name, parameter)
    return [
        replace(
            parameter,
            when=(Condition(parameter="cfu", values=tuple(owners[name])), *parameter.when),
        )
        for name, parameter in declared.items()
    ]


def _rules_of(families: "Mapping[str, Family]") -> list[Rule]:
    return [_only_under(family.name, rule) for family in families.values() for rule in family.rules]


def _only_under(family: str, rule: Rule) -> Rule:
    """Let a family's rule hold wherever another family is chosen."""

    def holds(values: Mapping[str, Value]) -> bool:
        return values.get("cfu") != family or rule.holds(values)

    return replace(rule, parameters=("cfu", *rule.parameters), holds=holds)
