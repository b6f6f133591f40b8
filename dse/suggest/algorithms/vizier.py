"""Vizier's models behind the interface of suggesters: first designs, candidates, the child.

Vizier's own designers refuse conditional spaces and propose the same design again in small ones.
Here its models value real designs of the space that were not tried yet: all of them where there
are few, otherwise a sample and, step by step, the neighbours of the best.
"""

import math
import random
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contracts.belief import (
    EXPECTED_GAIN,
    Belief,
    Importance,
    Prediction,
    known_from,
)
from dse.pareto import front
from dse.space import Design
from dse.suggest.cost import CostModel
from dse.suggest.ends import first_suggestions_with_ends
from dse.suggest.evidence import chosen_observations
from dse.suggest.features import Encoder
from dse.suggest.interface import (
    EarlierStudy,
    Observation,
    Suggester,
    Suggestion,
    SuggestRequest,
)
from dse.suggest.messages import (
    Assume,
    EarlierEvidence,
    Evidence,
    Explain,
    Explanation,
    Fit,
    Message,
    Score,
    Weigh,
)
from dse.suggest.orders import first_untaken, random_order
from dse.suggest.process import KeptChild
from dse.suggest.starting import FIRST_DESIGNS

LEARNS_FROM_OTHERS = True
"""The designs on the fronts of earlier studies are among its first ones."""

_ENUMERATED = 6_000
"""Spaces up to this size are candidates as a whole."""

_SAMPLED = 1_200
_ROUNDS = 3
_CENTRES = 10
_SHORT_LIST = 500
"""Candidates that are left after each choice: of 32 at once, the later ones are among the best for
the first, and scoring all anew for each took 40 CPU-seconds."""

_MOST_OF_FRONT = 20
"""Designs of the front whose neighbours are candidates: with the sample some 1,900, padded to
2,048."""

_WEIGHED = 512
"""Designs that the importance of parameters is computed from."""


class VizierSuggester:
    """Gaussian processes of Vizier in a child process, expected hypervolume gain over the space.

    The child is kept between calls because importing and compiling cost more than a suggestion;
    its models are fitted to the request alone. It is started when first needed.

    Args:
        timeout_s: Limit of one call of ``suggest``, start of the child included.
        first_designs: How many designs are tried before a model is asked, at least 3.
        compilation_cache: Folder in which compiled code survives the child; None for none.
    """

    name = "vizier"

    def __init__(
        self,
        *,
        timeout_s: float = 300.0,
        first_designs: int = FIRST_DESIGNS,
        compilation_cache: Path | None = None,
    ) -> None:
        self.timeout_s = timeout_s
        self._first_designs = max(3, first_designs)
        self._child = KeptChild(
            "dse.suggest.search",
            compilation_cache=compilation_cache,
            name="the search process (Vizier)",
        )

    def suggest(self, request: SuggestRequest) -> tuple[Suggestion, ...]:
        """Return the designs from which the models expect most.

        Raises:
            ToolTimeout: The child did not answer within the time limit; the next call starts anew.
            ToolCrashed: It ended or failed; likewise.
        """
        observations = chosen_observations(request)
        pending = tuple(
            design
            for design in dict.fromkeys(request.active)
            if not request.history.has(design) and request.space.contains(design)
        )
        known = len(observations) + len(pending)
        measured = sum(o.values is not None for o in observations)
        if known < self._first_designs or measured < 3:
            if known + 2 >= self._first_designs and request.space.count() > known + 2:
                self._child.running()  # so that it has started when it is first asked
            return first_suggestions_with_ends(request)
        deadline_s = time.monotonic() + self.timeout_s
        child = self._child.running()
        ask = partial(child.ask, deadline_s=deadline_s)
        return _Search(request, observations, pending, ask, name=self.name).run()

    @property
    def child_pid(self) -> int | None:
        """Process id of the child, None while there is none."""
        return self._child.pid

    def close(self) -> None:
        """End the child."""
        self._child.close()


def make(*, timeout_s: float, compilation_cache: Path | None) -> Suggester:
    """See ``dse.suggest.make_suggester``."""
    return VizierSuggester(timeout_s=timeout_s, compilation_cache=compilation_cache)


class _Search:
    """One call of ``suggest``: tells the child what is known and asks it about candidates.

    Args:
        request: What is asked.
        observations: The finished designs that the models are fitted to.
        pending: The designs of the space that are being measured.
        ask: Puts a message to the child.
        name: Of the algorithm.
    """

    def __init__(
        self,
        request: SuggestRequest,
        observations: tuple[Observation, ...],
        pending: tuple[Design, ...],
        ask: Callable[[Message], Any],
        *,
        name: str,
    ) -> None:
        self._request = request
        self._space = request.space
        self._observations = observations
        self._pending = pending
        self._taken = set(request.active)
        self._ask = ask
        self._name = name
        self._encoder = Encoder(request.space)
        self._rng = random.Random(f"{request.seed} {len(request.history)} {len(pending)}")
        self._cost = CostModel(self._space, request.costs, pending) if request.per_cost else None

    def run(self) -> tuple[Suggestion, ...]:
        """Return the best candidates, one after the other, each with what is believed of it."""
        pool = self._first_pool()
        if not pool:
            return ()
        self._ask(Fit(self._evidence()))
        importance = self._importance()
        chosen: list[Suggestion] = []
        while pool and len(chosen) < self._request.count:
            if chosen:
                self._ask(Assume(self._encoder.encode([chosen[-1].design])))
                if self._cost is not None:
                    self._cost.assume(chosen[-1].design)
            best, *pool = self._ranked(pool)[: max(_SHORT_LIST, self._request.count)]
            self._taken.add(best)  # it is a neighbour of others, and would be found again
            chosen.append(
                Suggestion(
                    design=best,
                    suggested_by=self._name,
                    belief=self._belief(best),
                    importance=importance,
                )
            )
        return tuple(chosen)

    def _belief(self, design: Design) -> Belief:
        found: Explanation = self._ask(Explain(self._encoder.encode([design])))
        learned = found.learned_from
        return Belief(
            reason=f"{EXPECTED_GAIN}, {known_from(learned)}" if learned else EXPECTED_GAIN,
            predictions=tuple(
                Prediction(
                    metric=objective.metric,
                    middle=float(found.middle[0, place]),
                    low=float(found.low[0, place]),
                    high=float(found.high[0, place]),
                )
                for place, objective in enumerate(self._request.objectives)
            ),
            feasible=float(found.feasible[0]),
            gain=float(found.gain[0]),
        )

    def _importance(self) -> Importance:
        """Return what the models make of each parameter, from designs drawn evenly."""
        rng = random.Random(f"{self._request.seed} importance")
        drawn = [self._space.sample(rng) for _ in range(_WEIGHED)]
        shares = self._ask(Weigh(self._encoder.encode(drawn)))
        return {
            objective.metric: {
                name: round(float(share), 4)
                for name, share in zip(self._encoder.names, row, strict=True)
            }
            for objective, row in zip(self._request.objectives, shares, strict=True)
        }

    def _evidence(self) -> Evidence:
        objectives, observations = self._request.objectives, self._observations
        return Evidence(
            features=self._encoder.encode([o.design for o in observations]),
            values=np.array(
                [
                    [math.nan if o.values is None else o.values[x.metric] for x in objectives]
                    for o in observations
                ]
            ),
            signs=np.array([1.0 if x.goal == "minimise" else -1.0 for x in objectives]),
            feasible=np.array([o.values is not None for o in observations]),
            pending=self._encoder.encode(self._pending),
            seed=self._request.seed,
            earlier=tuple(map(self._earlier_evidence, self._request.earlier)),
        )

    def _earlier_evidence(self, study: EarlierStudy) -> EarlierEvidence:
        """Return what another study found; its own objectives first, then those of this one."""
        metrics = dict.fromkeys(o.metric for o in (*study.objectives, *self._request.objectives))
        observations = chosen_observations(
            SuggestRequest(
                space=self._space, objectives=study.objectives, observations=study.observations
            )
        )
        rows = [
            [math.nan if o.values is None else o.values.get(m, math.nan) for m in metrics]
            for o in observations
        ]
        return EarlierEvidence(
            study=study.name,
            features=self._encoder.encode([o.design for o in observations]),
            values=np.array(rows).reshape(len(rows), len(metrics)),
            feasible=np.array([o.values is not None for o in observations], dtype=np.bool_),
        )

    def _is_taken(self, design: Design) -> bool:
        return self._request.history.has(design) or design in self._taken

    def _first_pool(self) -> list[Design]:
        """Return unknown designs: all, or a sample and the neighbours of the front.

        Where a long study leaves so little that no sample finds it, the first that are left.
        """
        if self._space.count() <= _ENUMERATED:
            pool = [design for design in self._space.enumerate() if not self._is_taken(design)]
        else:
            drawn = dict.fromkeys(self._space.sample(self._rng) for _ in range(_SAMPLED))
            for design in self._front():
                drawn.update(dict.fromkeys(self._space.neighbours(design)))
            pool = [design for design in drawn if not self._is_taken(design)]
            if len(pool) < self._request.count:
                pool = list(first_untaken(random_order(self._space, 0), self._request))
        self._rng.shuffle(pool)  # so that equal scores favour no part of the space
        return pool

    def _front(self) -> list[Design]:
        """Return designs of the front; of a long one some, or their neighbours take too long."""
        objectives = self._request.objectives
        feasible = [
            (o.design, [o.values[x.metric] for x in objectives])
            for o in self._observations
            if o.values is not None
        ]
        best = list(front([values for _, values in feasible], [x.goal for x in objectives]))
        if len(best) > _MOST_OF_FRONT:
            best = sorted(self._rng.sample(best, _MOST_OF_FRONT))
        return [feasible[position][0] for position in best]

    def _ranked(self, pool: list[Design]) -> list[Design]:
        """Return the pool, best first; where it is not the whole space, with better neighbours."""
        scores = dict(zip(pool, self._scores(pool), strict=True))
        ranked = sorted(scores, key=scores.__getitem__, reverse=True)
        for _ in range(_ROUNDS if self._space.count() > _ENUMERATED else 0):
            best = ranked[0]
            steps = dict.fromkeys(
                step for design in ranked[:_CENTRES] for step in self._space.neighbours(design)
            )
            fresh = [step for step in steps if step not in scores and not self._is_taken(step)]
            scores.update(zip(fresh, self._scores(fresh), strict=True))
            ranked = sorted(scores, key=scores.__getitem__, reverse=True)
            if ranked[0] == best:
                break
        return ranked

    def _scores(self, designs: list[Design]) -> list[float]:
        if not designs:
            return []
        scores: NDArray[np.float64] = self._ask(Score(self._encoder.encode(designs)))
        if self._cost is not None and self._cost.is_known:
            scores = scores - np.log(self._cost.predict_s(designs))  # those are logarithms
        return [float(score) for score in scores]
