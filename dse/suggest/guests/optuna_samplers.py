"""Optuna's samplers: a study in memory is made anew, given all trials and asked.

Imports optuna: only the process of guests may import this module.
"""

import warnings
from typing import Any

import numpy as np
import optuna

from dse.suggest.guests.messages import Places, Propose

optuna.logging.set_verbosity(optuna.logging.ERROR)


def propose(name: str, question: Propose) -> tuple[Places, ...]:
    """Return what a sampler suggests."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some of its options are experimental, it says each time
        study = optuna.create_study(
            sampler=_SAMPLERS[name](question), directions=["minimize"] * len(question.metrics)
        )
        distributions = _distributions(question)
        penalty = _penalty(question)
        for each in question.trials:
            study.add_trial(
                optuna.trial.create_trial(
                    params=_parameters(question, each.places),
                    distributions=distributions,
                    values=list(each.losses if each.losses is not None else penalty),
                )
            )
        found = []
        for _ in range(question.count):
            values = study.ask(distributions).params
            found.append(tuple(int(values[p.name]) for p in question.parameters))
    return tuple(found)


def _penalty(question: Propose) -> list[float]:
    """Return what an infeasible design counts as: the worst seen of each objective."""
    losses = [trial.losses for trial in question.trials if trial.losses is not None]
    return np.max(losses, axis=0).tolist() if losses else [0.0] * len(question.metrics)


def _distributions(question: Propose) -> dict[str, Any]:
    return {
        p.name: optuna.distributions.IntDistribution(0, p.count - 1)
        if p.ordered
        else optuna.distributions.CategoricalDistribution(list(range(p.count)))
        for p in question.parameters
    }


def _parameters(question: Propose, places: Places) -> dict[str, int]:
    return {p.name: place for p, place in zip(question.parameters, places, strict=True)}


def _gp(question: Propose) -> Any:
    return optuna.samplers.GPSampler(seed=question.seed + question.taken)


def _tpe(question: Propose) -> Any:
    return optuna.samplers.TPESampler(
        seed=question.seed + question.taken, multivariate=True, constant_liar=True
    )


_SAMPLERS = {"gp": _gp, "tpe": _tpe}
