"""A guest behind the interface of suggesters: flat in, legal new designs out."""

import math
import random
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from contracts.belief import AT_RANDOM, ITS_OWN, Belief
from contracts.parameter import Value
from dse.space import Design, Space
from dse.suggest.guests.messages import FlatParameter, FlatTrial, Places, Propose
from dse.suggest.interface import Suggestion, SuggestRequest
from dse.suggest.orders import random_order
from dse.suggest.process import KeptChild
from dse.suggest.starting import FIRST_DESIGNS, first_suggestions

BESIDE = "beside what was tried: the sampler repeated itself"
"""Reason of a design that stands for one that the guest proposed again."""


class GuestSuggester:
    """An algorithm of Vizier's or Optuna's over a flattened space.

    A parameter that a design does not have counts as its default, so each design has one place;
    what a guest proposes is made legal, and a design that was tried already is replaced by a
    neighbour. Objectives are told as logarithms where all values are positive, as our own models
    take them. The first designs are the default, known and random ones (``dse.suggest.starting``).

    Args:
        name: As a config writes it, for example ``vizier:nsga2``.
        timeout_s: Limit of one call of ``suggest``, start of the child included.
        compilation_cache: Folder in which compiled code survives the child; None for none.
    """

    def __init__(
        self, name: str, *, timeout_s: float = 300.0, compilation_cache: Path | None = None
    ) -> None:
        self.name = name
        self._timeout_s = timeout_s
        self._child = KeptChild(
            "dse.suggest.guests.serve",
            compilation_cache=compilation_cache,
            name=f"the search process ({name})",
        )

    def suggest(self, request: SuggestRequest) -> tuple[Suggestion, ...]:
        """Return what the guest proposes, made legal and new.

        Raises:
            ToolTimeout: The child did not answer within the time limit; the next call starts anew.
            ToolCrashed: It ended or failed; likewise.
        """
        space = request.space
        observations = [o for o in request.observations if space.contains(o.design)]
        pending = [d for d in dict.fromkeys(request.active) if space.contains(d)]
        measured = sum(o.values is not None for o in observations)
        parameters = _flat(space)
        is_first = len(observations) + len(pending) < FIRST_DESIGNS or measured < 3
        if is_first or not parameters:
            return first_suggestions(request)
        scale = _Scale(request, [dict(o.values) for o in observations if o.values is not None])
        question = Propose(
            guest=self.name,
            parameters=parameters,
            metrics=tuple(objective.metric for objective in request.objectives),
            trials=tuple(
                FlatTrial(
                    places=_places(space, parameters, o.design),
                    losses=None if o.values is None else scale.losses(o.values),
                )
                for o in observations
            ),
            active=tuple(_places(space, parameters, design) for design in pending),
            count=request.count,
            seed=request.seed,
            taken=len(observations) + len(pending),
        )
        deadline_s = time.monotonic() + self._timeout_s
        proposals = self._child.running().ask(question, deadline_s=deadline_s)
        return _new_designs(request, parameters, proposals, name=self.name)

    @property
    def child_pid(self) -> int | None:
        """Process id of the child, None while there is none."""
        return self._child.pid

    def close(self) -> None:
        """End the child."""
        self._child.close()


class _Scale:
    """Objectives to be minimised, by their logarithm where all measured values are positive."""

    def __init__(self, request: SuggestRequest, measured: list[dict[str, float]]) -> None:
        self._objectives = request.objectives
        self._is_log = {
            o.metric: all(values[o.metric] > 0 for values in measured) for o in request.objectives
        }

    def losses(self, values: Mapping[str, float]) -> tuple[float, ...]:
        found = []
        for o in self._objectives:
            value = math.log(values[o.metric]) if self._is_log[o.metric] else values[o.metric]
            found.append(value if o.goal == "minimise" else -value)
        return tuple(found)


def _flat(space: Space) -> tuple[FlatParameter, ...]:
    return tuple(
        FlatParameter(name=p.name, count=len(p.values), ordered=p.ordered)
        for p in space.parameters
        if len(p.values) > 1
    )


def _places(space: Space, parameters: tuple[FlatParameter, ...], design: Design) -> Places:
    values = space.flattened(design)
    legal = {p.name: [repr(value) for value in p.values] for p in space.parameters}
    return tuple(legal[p.name].index(repr(values[p.name])) for p in parameters)


def _new_designs(
    request: SuggestRequest,
    parameters: tuple[FlatParameter, ...],
    proposals: tuple[Places, ...],
    *,
    name: str,
) -> tuple[Suggestion, ...]:
    """Return new legal designs for proposals, as many as are wanted and left."""
    space = request.space
    values = {p.name: p.values for p in space.parameters}
    rng = random.Random(f"{request.seed} {len(request.history)} {len(request.active)}")
    taken = set(request.active)
    found: list[Suggestion] = []

    def is_new(design: Design) -> bool:
        return design not in taken and not request.history.has(design)

    def take(design: Design, reason: str) -> None:
        taken.add(design)
        found.append(Suggestion(design=design, suggested_by=name, belief=Belief(reason=reason)))

    repeated: list[Design] = []
    for proposal in proposals:
        if len(found) == request.count:
            return tuple(found)
        pairs = zip(parameters, proposal, strict=True)
        design = legal_design(space, {p.name: values[p.name][place] for p, place in pairs})
        if is_new(design):
            take(design, ITS_OWN)
        else:
            repeated.append(design)
    for design in repeated[: request.count - len(found)]:
        beside = [step for step in space.neighbours(design) if is_new(step)]
        if beside:
            take(rng.choice(beside), BESIDE)
    for design in _in_random_order(request):
        if len(found) == request.count:
            break
        if is_new(design):
            take(design, AT_RANDOM)
    return tuple(found)


def _in_random_order(request: SuggestRequest) -> Iterator[Design]:
    return iter(random_order(request.space, request.seed))


def legal_design(space: Space, wishes: Mapping[str, Value]) -> Design:
    """Return a design of the space that has as many of these values as its rules allow.

    Wishes are kept in the order of the space's parameters; those of inactive ones are dropped.
    """
    design = space.completed(wishes)
    if design is not None:
        return design
    kept: dict[str, Value] = {}
    for parameter in space.parameters:
        if parameter.name in wishes:
            attempt = {**kept, parameter.name: wishes[parameter.name]}
            if space.completed(attempt) is not None:
                kept = attempt
    design = space.completed(kept)
    assert design is not None  # a space has at least one design
    return design
