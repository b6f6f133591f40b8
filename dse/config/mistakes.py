"""Collecting everything that is wrong in a config file, so that a person corrects it in one go.

A mistake makes others likely that are none: a misspelt ``fidelity`` leaves the default behind, and
what the file says elsewhere does not go with that. So each check says which keys it looks at, and
one that looks at a key that is in doubt already is not made.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from contracts.faults import ConfigError, ConfigMistakes


class Mistakes:
    """What is wrong in one file, in the order in which it is found.

    Args:
        file: Name of the file for messages.
    """

    def __init__(self, file: str) -> None:
        self.file = file
        self._found: list[tuple[str, str]] = []
        self._errors: list[ConfigError] = []
        self._doubtful: set[tuple[str, ...]] = set()

    def __bool__(self) -> bool:
        """Tell whether anything is wrong."""
        return bool(self._found)

    def add(self, what: str, fix: str, *, where: tuple[str, ...] = ()) -> None:
        """Keep a mistake.

        Args:
            what: What is wrong and at which key, without the file's name.
            fix: What to do.
            where: Section and key, which are in doubt from now on; empty for none.
        """
        self.keep(ConfigError(f"{self.file}: {what}", fix), where=where)

    def keep(self, error: ConfigError, *, where: tuple[str, ...] = (), without: str = "") -> None:
        """Keep an error that was raised, or each of several that one error tells.

        Args:
            error: What was raised.
            where: As of ``add``.
            without: As of ``checking``.
        """
        several = isinstance(error, ConfigMistakes) and error.mistakes
        for what, fix in several or ((error.what, error.fix),):
            if without and what.startswith(without):
                what = f"{self.file}: {what.removeprefix(without)}"
            each = (self._without_file(what), fix)
            if each not in self._found:
                self._found.append(each)
                self._errors.append(
                    error if what == error.what else ConfigError(what, fix, error.detail)
                )
        if where:
            self.doubt(*where)

    def doubt(self, *where: str) -> None:
        """Make no check that looks at this section and key, nor at the whole section."""
        self._doubtful.add(where)

    def is_certain(self, *keys: str) -> bool:
        """Tell whether none of some keys is in doubt.

        Args:
            keys: ``section.key``, or ``section`` for all of its keys.
        """
        return not any(_touches(key.split("."), where) for key in keys for where in self._doubtful)

    @contextmanager
    def checking(self, *keys: str, without: str = "") -> Iterator[None]:
        """Keep the ConfigError that a check raises, if the keys it looks at are not in doubt.

        What the check would have returned is not there then: assign it a stand-in before.

        Args:
            keys: As of ``is_certain``.
            without: How the check's messages begin where another name than the file's is known.
        """
        try:
            yield
        except ConfigError as error:
            if self.is_certain(*keys):
                self.keep(error, without=without)

    def raise_any(self) -> None:
        """End the reading of the file if anything is wrong in it.

        Raises:
            ConfigError: The only mistake, as it was found.
            ConfigMistakes: All of them.
        """
        if len(self._errors) == 1:
            raise self._errors[0]
        if self._errors:
            raise ConfigMistakes.of(self.file, self._found)

    def _without_file(self, what: str) -> str:
        """Return a message without the name of the file; its line stays."""
        for begin, instead in ((": ", ""), (":", "line "), (" is ", "it is ")):
            if what.startswith(f"{self.file}{begin}"):
                return instead + what.removeprefix(f"{self.file}{begin}")
        return what


def _touches(key: list[str], where: tuple[str, ...]) -> bool:
    """Tell whether one of two places is the other, or inside of it."""
    return all(one == other for one, other in zip(key, where, strict=False))
