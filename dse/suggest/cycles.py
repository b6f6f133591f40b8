"""How many cycles a design is expected to take: what tells how far its simulation is."""

from collections.abc import Mapping

import numpy as np

from dse.space import Design, Space
from dse.suggest.features import Encoder
from dse.suggest.ridge import LogRidge, feature_columns

_LEAST_TRIALS = 4
"""Designs whose cycles must be known: fewer tell nothing of another one."""


def expected_cycles(space: Space, known: Mapping[Design, float], design: Design) -> int:
    """Return the cycles that an inference of a design is expected to take; 0 where unknown.

    Args:
        space: Where designs come from; of others nothing is known.
        known: Cycles of designs that were measured.
        design: The one in question.
    """
    encoder = Encoder(space)
    ours = [each for each in known if encoder.can_encode(each)]
    if len(ours) < _LEAST_TRIALS or not encoder.can_encode(design):
        return 0
    cycles = np.array([known[each] for each in ours])
    ridge = LogRidge(feature_columns(encoder, encoder.codes(ours)), cycles)
    found = ridge.predict(feature_columns(encoder, encoder.codes([design])))
    return round(float(found[0]))
