"""Which of many finished designs a model is fitted to, so that a long study stays affordable."""

import zlib
from collections.abc import Iterator, Sequence

import numpy as np

from dse.pareto import non_dominated
from dse.space import Design
from dse.suggest.interface import Observation, SuggestRequest

MOST_OBSERVATIONS = 240
"""A model is fitted to so many designs at most; with 15 pending ones they are padded to 256. Twice
as many made a suggestion 2.7 CPU-seconds in a large space."""

_LAYERS = 12
"""Fronts behind the front that are looked for the best designs."""


def chosen_observations(
    request: SuggestRequest, *, most: int = MOST_OBSERVATIONS
) -> tuple[Observation, ...]:
    """Return the finished designs of the space that a model is to be fitted to, oldest first.

    All of them where there are no more than ``most``. Otherwise half are the best, front after
    front, and the others are drawn evenly from all, so that the models also know where it is bad
    and how often designs are infeasible. A design that was drawn stays drawn as more come in.
    """
    finished = request.history.finished()
    if len(finished) <= most:
        found = (_observation(*each) for each in finished)
        return tuple(o for o in found if request.space.contains(o.design))
    best = _inside(request, _best_first(request), most // 2)
    scattered = np.fromiter((zlib.crc32(text.encode()) for text, _ in finished), dtype=np.int64)
    by_chance = np.argsort(scattered, kind="stable").tolist()
    drawn = _inside(request, (n for n in by_chance if n not in best), most - len(best))
    rows = {**best, **drawn}
    return tuple(rows[place] for place in sorted(rows))


def _inside(request: SuggestRequest, places: Iterator[int], most: int) -> dict[int, Observation]:
    """Return the first observations, by place, whose designs are of the space."""
    found: dict[int, Observation] = {}
    finished = request.history.finished()
    for place in places:
        if len(found) == most:
            break
        observation = _observation(*finished[place])
        if request.space.contains(observation.design):
            found[place] = observation
    return found


def _observation(text: str, values: object) -> Observation:
    return Observation(design=Design.from_canonical(text), values=values)  # type: ignore[arg-type]


def _best_first(request: SuggestRequest) -> Iterator[int]:
    """Yield places of feasible designs, front after front."""
    finished = request.history.finished()
    feasible = [n for n, (_, values) in enumerate(finished) if values is not None]
    points = np.array([_losses(request, finished[n][1]) for n in feasible])  # type: ignore[arg-type]
    left = np.arange(len(feasible))
    for _ in range(_LAYERS):
        if not len(left):
            return
        best = non_dominated(points[left])
        yield from (feasible[n] for n in left[best].tolist())
        left = np.delete(left, best)


def _losses(request: SuggestRequest, values: dict[str, float]) -> Sequence[float]:
    return [
        values[o.metric] if o.goal == "minimise" else -values[o.metric] for o in request.objectives
    ]
