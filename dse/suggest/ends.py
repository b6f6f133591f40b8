"""The first designs of a search with models: the default, the ends of all scales, random ones.

Between the design with the smallest value of every parameter and the one with the largest the
models need not guess: a scale whose ends are not known is taken for flatter than it is.
"""

from dataclasses import replace

from contracts.belief import END_START, Belief
from contracts.parameter import Parameter, Value
from dse.space import Design, Space
from dse.suggest.interface import Suggestion, SuggestRequest
from dse.suggest.orders import first_untaken
from dse.suggest.starting import first_suggestions

FIRST_END = "end of all scales (first designs)"
"""What such a design is suggested by."""


def first_suggestions_with_ends(request: SuggestRequest) -> tuple[Suggestion, ...]:
    """Return the next first designs.

    Where another study tells which designs are good, or hours are spent and not trials, those
    designs and the cheap ones are tried instead of the ends.
    """
    ends: tuple[Design, ...] = ()
    if not request.earlier and not request.per_cost:
        ends = end_designs(request.space)
    plan = (request.space.default(), *ends)
    found: list[Suggestion] = []
    for design in first_untaken(plan, request):
        if design == plan[0]:
            found += first_suggestions(replace(request, count=1))
        else:
            belief = Belief(reason=END_START)
            found.append(Suggestion(design=design, suggested_by=FIRST_END, belief=belief))
    if len(found) < request.count:
        told = tuple(suggestion.design for suggestion in found)
        left = request.count - len(found)
        found += first_suggestions(replace(request, count=left, active=(*request.active, *told)))
    return tuple(found)


def end_designs(space: Space) -> tuple[Design, ...]:
    """Return the designs with all ordered parameters at their largest, and at their smallest.

    Of other parameters that bring ordered ones, as a family of CFUs does, the value that brings
    fewest is taken, but some: a family with many scales is large, and the design at the end of
    all costs more than all other first ones together. Else it is the default. Wishes that the
    rules do not allow are dropped; without ordered parameters there are no ends.
    """
    if not any(parameter.ordered for parameter in space.parameters):
        return ()
    return _end(space, -1), _end(space, 0)


def _end(space: Space, place: int) -> Design:
    wishes: dict[str, Value] = {}
    for parameter in sorted(space.parameters, key=_is_scale):
        wish = parameter.values[place] if parameter.ordered else _leanest(space, parameter)
        attempt = {**wishes, parameter.name: wish}
        if space.completed(attempt) is not None:
            wishes = attempt
    design = space.completed(wishes)
    assert design is not None  # a space has at least one design
    return design


def _leanest(space: Space, parameter: Parameter) -> Value:
    """Return the value that brings fewest ordered parameters but some, the default among equals."""
    brings = [
        condition.values
        for each in space.parameters
        if each.ordered
        for condition in each.when
        if condition.parameter == parameter.name
    ]

    def rank(value: Value) -> tuple[bool, int, bool]:
        count = sum(value in values for values in brings)
        return count == 0, count, value != parameter.default

    return min(parameter.values, key=rank)


def _is_scale(parameter: Parameter) -> bool:
    """Sort by it: what is chosen is kept before what is scaled."""
    return parameter.ordered
