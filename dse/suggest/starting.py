"""What is tried before a model is asked: the default design, known designs and random ones."""

import itertools
from collections.abc import Iterable, Iterator

from contracts.belief import DEFAULT_START, RANDOM_START, Belief, known_from
from dse.pareto import front
from dse.space import Design
from dse.suggest.cost import CostModel
from dse.suggest.interface import EarlierStudy, Suggestion, SuggestRequest
from dse.suggest.orders import first_untaken, random_order_in_turn

FIRST_DESIGNS = 6
"""Tried before a model is asked: the default and random ones, which taught the models of a made-up
table more than designs spread out evenly."""

_EARLIER_FIRST = 3
"""So many of the first designs may come from the fronts of earlier studies."""

_CHOICE = 8
"""Random designs of which the cheapest is tried, where hours are spent and not trials."""

FIRST_DEFAULT, FIRST_RANDOM = "default (first designs)", "random (first designs)"
"""What the first designs are suggested by: no model has chosen them. Those of earlier studies say
which, in the same way."""


def first_suggestions(request: SuggestRequest) -> tuple[Suggestion, ...]:
    """Return the next first designs: the default one, then known and random ones in turn."""
    default = request.space.default()
    known = earlier_designs(request)
    found = []
    for design in first_untaken(first_designs(request, known), request):
        by, reason = FIRST_RANDOM, RANDOM_START
        if design == default:
            by, reason = FIRST_DEFAULT, DEFAULT_START
        elif design in known:
            reason = known_from((known[design],))
            by = f"{reason} (first designs)"
        found.append(Suggestion(design=design, suggested_by=by, belief=Belief(reason=reason)))
    return tuple(found)


def first_designs(request: SuggestRequest, known: Iterable[Design] = ()) -> Iterator[Design]:
    """Yield the default design, then random ones of each kind, every second a known one."""
    yield request.space.default()
    others = iter(known)
    for design in _drawn(request):
        yield from itertools.islice(others, 1)
        yield design


def _drawn(request: SuggestRequest) -> Iterator[Design]:
    """Yield random designs, each kind in turn; where cost counts, cheap ones first.

    Of the next few that is the cheapest.
    """
    order = random_order_in_turn(request.space, request.seed)
    cost = CostModel(request.space, request.costs, request.active) if request.per_cost else None
    if cost is None or not cost.is_known:
        yield from order
        return
    coming = (design for design in order if not request.is_taken(design))
    few = list(itertools.islice(coming, _CHOICE))
    while few:
        design = few.pop(int(cost.predict_s(few).argmin()))
        cost.assume(design)
        yield design
        few += itertools.islice(coming, 1)


def earlier_designs(request: SuggestRequest) -> dict[Design, str]:
    """Return designs from the fronts of earlier studies, in turn, each with its study's name."""
    fronts = [
        [(design, study.name) for design in _spread_front(study) if request.space.contains(design)]
        for study in request.earlier
    ]
    found: dict[Design, str] = {}
    for round_ in itertools.zip_longest(*fronts):
        for each in round_:
            if each is not None and len(found) < _EARLIER_FIRST:
                found.setdefault(*each)
    return found


def _spread_front(study: EarlierStudy) -> list[Design]:
    """Return a compromise of a study's front and then its ends."""
    finished = study.observations.finished()
    feasible = [(text, values) for text, values in finished if values is not None]
    points = [[values[o.metric] for o in study.objectives] for _, values in feasible]
    best = sorted(front(points, [o.goal for o in study.objectives]), key=points.__getitem__)
    if not best:
        return []
    chosen = dict.fromkeys((best[len(best) // 2], best[0], best[-1]))
    return [Design.from_canonical(feasible[place][0]) for place in chosen]
