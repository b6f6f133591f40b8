"""Vizier's own designers, by its public API: made anew, told all trials, asked once.

Imports jax: only the process of guests may import this module.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from vizier import algorithms as vza
from vizier import pyvizier as vz
from vizier.algorithms import designers

from dse.suggest.guests.messages import Places, Propose

_SCALAR = "scalar"
_FURTHEST = 20_000
"""Steps of a walk; a longer study goes on at random."""


def propose(name: str, question: Propose) -> tuple[Places, ...]:
    """Return what a designer suggests."""
    make, is_scalar, is_walk = _DESIGNERS[name]
    is_scalar = is_scalar and len(question.metrics) > 1
    problem = _problem(question, [_SCALAR] if is_scalar else question.metrics)
    designer = make(problem, question.seed)
    completed = vza.CompletedTrials(_completed(question, is_scalar=is_scalar))
    designer.update(completed, vza.ActiveTrials(_active(question)))
    # A walk starts anew each time and comes by designs that were tried, some of them repeatedly.
    count = min(4 * question.taken + 16 * question.count, _FURTHEST) if is_walk else question.count
    found = tuple(_places(question, each) for each in designer.suggest(count))
    # GP-UCB-PE keeps some 100 MB of compiled code for each suggestion
    jax.clear_caches()  # type: ignore[no-untyped-call]
    return found


def _problem(question: Propose, metrics: Sequence[str]) -> vz.ProblemStatement:
    problem = vz.ProblemStatement()
    root = problem.search_space.root
    for p in question.parameters:
        if p.ordered:  # its rank: hardware sizes double from step to step
            root.add_int_param(p.name, 0, p.count - 1)
        else:
            root.add_categorical_param(p.name, [str(place) for place in range(p.count)])
    for metric in metrics:
        goal = vz.ObjectiveMetricGoal.MINIMIZE
        problem.metric_information.append(vz.MetricInformation(metric, goal=goal))
    return problem


def _completed(question: Propose, *, is_scalar: bool) -> list[vz.Trial]:
    scalars = _scalars(question) if is_scalar else {}
    known = [each.losses for each in question.trials if each.losses is not None]
    worst = np.max(known, axis=0).tolist()  # NSGA2 wants numbers of infeasible trials, too
    trials = []
    for number, each in enumerate(question.trials, start=1):
        trial = vz.Trial(id=number, parameters=_parameters(question, each.places))
        if each.losses is None:
            losses = dict(zip(question.metrics, worst, strict=True))
            if is_scalar:
                losses = {_SCALAR: max(scalars.values())}
            trial.complete(vz.Measurement(losses), infeasibility_reason="infeasible")
        elif is_scalar:
            trial.complete(vz.Measurement({_SCALAR: scalars[number]}))
        else:
            losses = dict(zip(question.metrics, each.losses, strict=True))
            trial.complete(vz.Measurement(losses))
        trials.append(trial)
    return trials


def _scalars(question: Propose) -> dict[int, float]:
    """Return each feasible trial's loss for weights of objectives that change with the trials.

    The largest weighted loss: each point of a front is the best one for some weights. A designer
    for one objective so looks at another part of the front with each suggestion.
    """
    rows = [(n, t.losses) for n, t in enumerate(question.trials, start=1) if t.losses is not None]
    if not rows:
        return {}
    losses = np.array([row for _, row in rows])
    extent = np.ptp(losses, axis=0)
    scaled = (losses - losses.min(axis=0)) / np.where(extent > 0, extent, 1.0)
    rng = np.random.default_rng([question.seed, question.taken])
    weights = np.abs(rng.standard_normal(losses.shape[1]))
    worst = (scaled * weights / np.linalg.norm(weights)).max(axis=1)
    return {number: float(value) for (number, _), value in zip(rows, worst, strict=True)}


def _active(question: Propose) -> list[vz.Trial]:
    first = len(question.trials) + 1
    return [
        vz.Trial(id=number, parameters=_parameters(question, places))
        for number, places in enumerate(question.active, start=first)
    ]


def _parameters(question: Propose, places: Places) -> dict[str, int | str]:
    return {
        p.name: place if p.ordered else str(place)
        for p, place in zip(question.parameters, places, strict=True)
    }


def _places(question: Propose, suggestion: vz.TrialSuggestion) -> Places:
    values = suggestion.parameters.as_dict()
    return tuple(int(values[p.name]) for p in question.parameters)


def _gp_ucb_pe(problem: vz.ProblemStatement, seed: int) -> Any:
    return designers.VizierGPUCBPEBandit(problem, rng=jax.random.PRNGKey(seed))


def _nsga2(problem: vz.ProblemStatement, seed: int) -> Any:
    return designers.NSGA2Designer(problem, seed=seed)


def _eagle(problem: vz.ProblemStatement, seed: int) -> Any:
    return designers.EagleStrategyDesigner(problem, seed=seed)


def _grid(problem: vz.ProblemStatement, seed: int) -> Any:
    return designers.GridSearchDesigner(problem.search_space, shuffle_seed=seed)


def _quasi_random(problem: vz.ProblemStatement, seed: int) -> Any:
    return designers.QuasiRandomDesigner(problem.search_space, seed=seed)


_Make = Callable[[vz.ProblemStatement, int], Any]
_DESIGNERS: dict[str, tuple[_Make, bool, bool]] = {
    "gp-ucb-pe": (_gp_ucb_pe, False, False),
    "nsga2": (_nsga2, False, False),
    "eagle": (_eagle, True, False),
    "grid": (_grid, False, True),
    "quasi-random": (_quasi_random, False, True),
}
"""How to make each; whether it takes one objective only; whether it walks without looking."""
