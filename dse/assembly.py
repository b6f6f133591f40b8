"""The space of a study: what the rooms declare, joined under conditions, cut by the config."""

from collections.abc import Mapping
from dataclasses import replace

from contracts.faults import ConfigError
from contracts.parameter import Condition, Parameter, Rule, Value
from dse.config import StudyConfig
from dse.space import Space


def assemble_space(config: StudyConfig) -> Space:
    """Return the space that a config allows, the user's own CFU families included.

    Raises:
        ConfigError: A family cannot be registered, the config names a parameter or value that
            does not exist, a condition names an unknown parameter, or no design is left.
    """
    from hw_templates import cpu
    from hw_templates.cfu import registry
    from sw_templates import options as firmware

    for name in config.families:
        registry.load_user_family(name)
    families = registry.families()
    choice = Parameter(
        name="cfu",
        values=tuple(families),
        default="none",
        description="family of the custom function unit",
    )
    parameters: list[Parameter] = [*cpu.PARAMETERS, choice]
    rules: list[Rule] = [*cpu.RULES, *firmware.RULES]
    for family in families.values():
        only_here = Condition(parameter="cfu", values=(family.name,))
        parameters += [replace(p, when=(only_here, *p.when)) for p in family.parameters]
        rules += [_only_under(family.name, rule) for rule in family.rules]
    parameters += firmware.PARAMETERS
    return restricted_space(Space(parameters, rules), config)


def restricted_space(space: Space, config: StudyConfig) -> Space:
    """Return the part of a space that ``[space]`` of the config allows.

    Raises:
        ConfigError: As ``Space.restricted``, with the section and the study named.
    """
    try:
        return space.restricted(config.space)
    except ConfigError as error:
        raise ConfigError(
            f"study {config.name}: [space] {error.what}", fix=error.fix, detail=error.detail
        ) from None


def _only_under(family: str, rule: Rule) -> Rule:
    """Let a family's rule hold wherever another family is chosen."""

    def holds(values: Mapping[str, Value]) -> bool:
        return values.get("cfu") != family or rule.holds(values)

    return replace(rule, parameters=("cfu", *rule.parameters), holds=holds)
