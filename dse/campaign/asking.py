"""Asking the search algorithm without waiting for it: one question at a time, in a thread."""

import queue
import threading
import time
import traceback
from dataclasses import dataclass, replace

from contracts.belief import STOOD_IN, Belief
from contracts.faults import DseError, InfrastructureFault, ToolCrashed
from dse.store import STAND_IN
from dse.suggest import Suggester, Suggestion, SuggestRequest, make_suggester
from dse.suggest.cost import priced

_ATTEMPTS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The answer of a search algorithm to one request, as ``Asker.answer`` returns it.

    Attributes:
        suggestions: Empty when the space is exhausted.
        note: What went wrong on the way, or empty.
    """

    suggestions: tuple[Suggestion, ...]
    note: str = ""


class Asker:
    """Puts one request at a time to a suggester.

    An algorithm that crashes or hangs twice in a row does not end the night: that one request is
    answered at random, and the answer says so.
    """

    def __init__(self, suggester: Suggester) -> None:
        self._suggester = suggester
        self._answers: queue.SimpleQueue[Answer | BaseException] = queue.SimpleQueue()
        self._is_asking = False
        self._is_closed = False
        self._asked_s = 0.0
        self._took_s = 0.0

    @property
    def is_asking(self) -> bool:
        """Tell whether an answer is outstanding."""
        return self._is_asking

    @property
    def took_s(self) -> float:
        """How long the last answer took; 0 before there is one."""
        return self._took_s

    def ask(self, request: SuggestRequest) -> None:
        """Hand a request to the algorithm in a thread of its own; ``answer`` returns the result."""
        self._is_asking = True
        self._asked_s = time.monotonic()
        # a daemon, so that an interrupted campaign does not wait for it
        threading.Thread(target=self._think, args=(request,), daemon=True).start()

    def answer(self) -> Answer | None:
        """Return the answer when it is there, else None.

        Raises:
            DseError: The request was refused; asking again would not help.
        """
        try:
            found = self._answers.get_nowait()
        except queue.Empty:
            return None
        self._is_asking = False
        self._took_s = time.monotonic() - self._asked_s
        if isinstance(found, BaseException):
            raise found
        return found

    def close(self) -> None:
        """Release what the algorithm holds, also while it thinks: it is not asked again."""
        self._is_closed = True
        self._suggester.close()

    def _think(self, request: SuggestRequest) -> None:
        try:
            self._answers.put(self._think_or_draw(request))
        except BaseException as error:  # noqa: BLE001 - carried to the thread that asked
            self._answers.put(error)

    def _think_or_draw(self, request: SuggestRequest) -> Answer:
        name = self._suggester.name
        fault: DseError | None = None
        for _ in range(_ATTEMPTS):
            try:
                suggestions = self._suggester.suggest(request)
                _check(name, request, suggestions)
                return Answer(suggestions=priced(suggestions, request))
            except InfrastructureFault as error:
                fault = error
                if self._is_closed:
                    raise
            except DseError:
                raise
            except Exception as error:  # noqa: BLE001 - an algorithm may be anybody's file
                fault = _crash(name, error)
        drawn = make_suggester("random").suggest(request)
        return Answer(
            suggestions=priced(
                [
                    replace(
                        suggestion,
                        suggested_by=f"{STAND_IN}{name}",
                        belief=Belief(reason=STOOD_IN),
                    )
                    for suggestion in drawn
                ],
                request,
            ),
            note=f"{name} failed {_ATTEMPTS} times, so this design is drawn at random: {fault}",
        )


def _crash(name: str, error: Exception) -> ToolCrashed:
    """Return the fault of an algorithm that ended with an exception of Python's."""
    return ToolCrashed(
        f"{name} ended with {type(error).__name__}: {error}",
        fix="report it as a bug of the algorithm, or use the algorithm `random`",
        detail="".join(traceback.format_exception(error)),
    )


def _check(name: str, request: SuggestRequest, suggestions: tuple[Suggestion, ...]) -> None:
    """Make sure that designs are new, or a campaign would ask for the same ones for ever.

    Raises:
        ToolCrashed: They are not.
    """
    designs = [suggestion.design for suggestion in suggestions]
    old = [design for design in designs if request.is_taken(design)]
    if old or len(set(designs)) < len(designs):
        raise ToolCrashed(
            f"{name} suggested a design again: {(old or designs)[0]}",
            fix="report it as a bug of the algorithm, or use the algorithm `random`",
        )
