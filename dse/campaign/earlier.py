"""What other studies of the same space found, for a search that learns from them."""

import contextlib
from dataclasses import replace

from contracts.faults import ConfigError, NotFound
from dse.campaign.knowledge import Knowledge
from dse.config import StudyConfig, config_from_json
from dse.config.known_space import known_space
from dse.space import Space, space_differences
from dse.store import Reader, name_of
from dse.suggest import EarlierStudy
from dse.words import plural, suggestion


class EarlierStudies:
    """The studies that ``suggest.learn_from`` names, kept up to date. Belongs to one thread.

    Args:
        config: Of the study that learns.
        space: Its designs.
        reader: Has all of them.

    Raises:
        ConfigError: One is not there, or is of another space.
    """

    def __init__(self, config: StudyConfig, space: Space, reader: Reader) -> None:
        self._known = {
            name: Knowledge(
                name, _config_of(name, config, space, reader), space, also=config.objectives
            )
            for name in config.suggest.learn_from
        }
        self.update(reader)

    def update(self, reader: Reader) -> None:
        """Learn what they found since the last update; of one that was deleted, all stays."""
        for known in self._known.values():
            with contextlib.suppress(NotFound):
                known.update(reader)

    def studies(self) -> tuple[EarlierStudy, ...]:
        """Return what each has found so far; none that has found nothing."""
        found = []
        for name, known in self._known.items():
            request = known.request(1)
            if len(request.history):
                found.append(
                    EarlierStudy(
                        name=name, objectives=request.objectives, observations=request.history
                    )
                )
        return tuple(found)

    def remarks(self) -> tuple[str, ...]:
        """Say how much there is to learn from each."""
        return tuple(
            f"the search learns from study {name}:"
            f" {plural(len(known.request(1).history), 'finished design')} of the same space"
            for name, known in self._known.items()
        )


def _config_of(name: str, config: StudyConfig, space: Space, reader: Reader) -> StudyConfig:
    """Return the config of a study to learn from.

    Raises:
        ConfigError: There is no such study, or it is of another space.
    """
    leave_out = f"take {name} out of suggest.learn_from"
    try:
        study = reader.study(name)
    except NotFound as error:
        names = [each.study.name for each in reader.summaries() if each.study.name != config.name]
        known = suggestion(name, names, intro="there are") if names else "there is no other study"
        raise ConfigError(
            f"[suggest] learn_from of study {config.name} names {name!r}, and"
            f" {name_of(reader.place)} has no such study",
            fix=f"{known}; or {leave_out}",
        ) from error
    theirs = config_from_json(study.config_json)
    found = known_space(theirs, study.space_json)
    if found is None:
        raise ConfigError(
            f"[suggest] learn_from of study {config.name} names {name}, whose space was not kept:"
            " an old version wrote it, and its CFU families are code",
            fix=f"resume {name} once, which keeps its space; or {leave_out}",
        )
    differences = space_differences(space, found.space, there=f"in {name}")
    if differences:
        raise ConfigError(
            f"[suggest] learn_from of study {config.name} names {name}, which is of another"
            " space:\n  " + "\n  ".join(differences),
            fix=f"give both studies the same [space] and families; or {leave_out}",
        )
    return replace(theirs, suggest=replace(theirs.suggest, learn_from=()))
