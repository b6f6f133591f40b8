"""What a study's search would suggest next, without anything being queued."""

from collections.abc import Sequence
from typing import Any

from dse.campaign.earlier import EarlierStudies
from dse.campaign.knowledge import Knowledge
from dse.campaign.trial_costs import TrialCosts
from dse.config import config_from_json
from dse.config.assembly import assemble_space
from dse.output.calibration_report import belief_data, belief_lines
from dse.store import Reader
from dse.suggest import Suggestion, make_suggester
from dse.suggest.cost import priced
from dse.words import design_text
from runners.pipeline import default_root


def next_designs(reader: Reader, name: str, *, count: int) -> tuple[Suggestion, ...]:
    """Return what the search of a study would suggest now; the database stays as it is.

    Runs the code of the CFU families that the study names; see ``trust.require_trust``.

    Args:
        reader: Has the study.
        name: Of the study.
        count: How many designs.

    Raises:
        NotFound: There is no such study.
        ConfigError: A study that it learns from is not there, or is of another space.
        ToolTimeout: The search did not answer in time.
        ToolCrashed: Its process ended without an answer.
    """
    study = reader.study(name)
    config = config_from_json(study.config_json)
    space = assemble_space(config)
    earlier = EarlierStudies(config, space, reader)
    knowledge = Knowledge(name, config, space)
    knowledge.update(reader)
    suggester = make_suggester(
        config.suggest.algorithm,
        timeout_s=config.suggest.timeout_s,
        compilation_cache=default_root() / "suggest",
    )
    try:
        request = knowledge.request(
            count, earlier=earlier.studies(), costs=TrialCosts(study.id).update(reader)
        )
        return priced(suggester.suggest(request), request)
    finally:
        suggester.close()


def next_data(suggestions: Sequence[Suggestion]) -> list[dict[str, Any]]:
    """Return the suggestions as plain data."""
    return [
        {
            "design": dict(suggestion.design.values),
            "design_id": suggestion.design.id,
            "suggested_by": suggestion.suggested_by,
            "belief": belief_data(suggestion.belief),
        }
        for suggestion in suggestions
    ]


def next_text(suggestions: Sequence[Suggestion]) -> str:
    """Lay out the suggestions, the best first."""
    if not suggestions:
        return "every design of the space has been tried"
    lines: list[str] = []
    for suggestion in suggestions:
        lines += [f"by {suggestion.suggested_by}: {design_text(suggestion.design.values)}"]
        if suggestion.belief is not None:
            told = "\n".join(belief_lines(suggestion.belief, {}))
            lines += [f"  {line}" for line in told.splitlines()]
        lines.append("")
    return "\n".join(lines).rstrip()
