"""Whether two spaces are of the same parameters and values, so that one may learn of the other."""

from contracts.parameter import Parameter
from dse.space.declarations import condition_text, values_text
from dse.space.space import Space


def space_differences(
    ours: Space, theirs: Space, *, here: str = "here", there: str = "there"
) -> tuple[str, ...]:
    """Say what differs: parameters, their values, their order or when they are there.

    Defaults, descriptions and the order of declarations do not count, nor do rules: which designs
    fit is another matter on another board.

    Args:
        ours: A space.
        theirs: Another one.
        here: How to call the first one.
        there: How to call the second one.
    """
    mine = {parameter.name: parameter for parameter in ours.parameters}
    others = {parameter.name: parameter for parameter in theirs.parameters}
    found = [f"{name} is a parameter {here} only" for name in mine if name not in others]
    found += [f"{name} is a parameter {there} only" for name in others if name not in mine]
    for name in mine.keys() & others.keys():
        a, b = mine[name], others[name]
        if _values(a) != _values(b):
            found.append(
                f"{name} is one of {values_text(a.values)} {here},"
                f" one of {values_text(b.values)} {there}"
            )
        if a.ordered != b.ordered:
            found.append(f"the values of {name} are in order {here if a.ordered else there} only")
        if _conditions(a) != _conditions(b):
            found.append(
                f"{name} is there {_when(a)} {here}, {_when(b)} {there}",
            )
    return tuple(sorted(found))


def _values(parameter: Parameter) -> list[str]:
    """Return the values such that 1 is not True; those of a scale in its order."""
    found = [repr(value) for value in parameter.values]
    return found if parameter.ordered else sorted(found)


def _conditions(parameter: Parameter) -> set[tuple[str, tuple[str, ...]]]:
    return {(c.parameter, tuple(sorted(map(repr, c.values)))) for c in parameter.when}


def _when(parameter: Parameter) -> str:
    return f"when {condition_text(parameter.when)}" if parameter.when else "always"
