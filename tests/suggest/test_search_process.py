"""The child behind the Vizier suggester: limits, crashes, and that it leaves nothing behind."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from contracts.faults import ToolCrashed, ToolTimeout
from contracts.parameter import Parameter
from dse.space import Space
from dse.suggest import Observation, SuggestRequest
from dse.suggest.algorithms.vizier import VizierSuggester
from dse.suggest.process import ChildProcess
from tests.suggest.small_study import TWO, drawn, observe, small_space, suggested


def odd_child(mode: str) -> ChildProcess:
    return ChildProcess("tests.suggest.odd_child", env={"ODD_CHILD": mode}, name="the odd child")


def soon(seconds: float = 60.0) -> float:
    return time.monotonic() + seconds


def has_ended(pid: int) -> bool:
    for _ in range(600):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
            threads = len(list(Path(f"/proc/{pid}/task").iterdir()))
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z" and threads == 1:  # ended with all its threads; nobody has looked yet
            return True
        time.sleep(0.1)
    return False


def test_a_child_answers_messages_larger_than_a_pipe() -> None:
    with odd_child("echo") as child:
        message = np.arange(1_000_000)
        assert (child.ask(message, deadline_s=soon()) == message).all()
        assert child.ask("again", deadline_s=soon()) == "again"


@pytest.mark.parametrize("mode", ["hang", "partial"])
def test_a_child_that_does_not_answer_is_killed_with_its_group(mode: str) -> None:
    child = odd_child(mode)
    with pytest.raises(ToolTimeout, match=r"odd child did not answer.*\n  fix: raise") as caught:
        child.ask("hello", deadline_s=soon(4))
    assert not child.alive
    for grandchild in re.findall(r"grandchild (\d+)", caught.value.detail):
        assert has_ended(int(grandchild))
    child.close()


@pytest.mark.parametrize("mode", ["exit", "garbage"])
def test_a_child_that_breaks_the_conversation_is_a_crash(mode: str) -> None:
    with odd_child(mode) as child:
        with pytest.raises(ToolCrashed, match="ended without an answer") as caught:
            child.ask("hello", deadline_s=soon())
        assert not child.alive
        if mode == "exit":
            assert "status 3" in caught.value.what
            assert caught.value.detail == "out of luck\n"


def test_an_error_inside_the_child_comes_with_its_traceback() -> None:
    with odd_child("refuse") as child:
        with pytest.raises(ToolCrashed, match=r"failed: ValueError\('no'\)") as caught:
            child.ask("hello", deadline_s=soon())
        assert caught.value.detail == "line 7"
        assert child.alive


def test_closing_twice_is_harmless() -> None:
    child = odd_child("echo")
    child.close()
    child.close()
    assert not child.alive


def test_the_first_design_is_the_default_and_needs_no_child() -> None:
    suggester, space = VizierSuggester(), small_space()
    first = suggested(suggester, SuggestRequest(space=space, objectives=TWO, count=3))
    assert first[0] == space.default()
    assert len(set(first)) == 3
    assert suggester.child_pid is None


@pytest.mark.slow
@pytest.mark.parametrize("ordered", [True, False], ids=["sizes-only", "kinds-only"])
def test_the_models_take_spaces_of_one_sort_of_parameter(ordered: bool) -> None:
    space = Space(
        Parameter(name=f"p{n}", values=(1, 2, 4), default=2, description="", ordered=ordered)
        for n in range(3)
    )
    designs = list(space.enumerate())
    tried = tuple(
        Observation(
            design=d, values={"latency_us": 20.0 - sum(map(int, d.values.values())), "lut4": 1.0}
        )
        for d in designs[:20]
    )
    suggester = VizierSuggester()
    try:
        (found,) = suggested(
            suggester, SuggestRequest(space=space, objectives=TWO, observations=tried)
        )
    finally:
        suggester.close()
    assert found in designs[20:]
    if ordered:
        assert found == designs[-1]  # the trend goes on


@pytest.mark.slow
def test_the_search_recovers_from_a_time_out_and_from_a_killed_child() -> None:
    space = small_space()
    request = SuggestRequest(space=space, objectives=TWO, observations=observe(drawn(space, 10)))
    suggester = VizierSuggester(timeout_s=0.05)  # too short even to import jax
    try:
        with pytest.raises(ToolTimeout, match="search process"):
            suggested(suggester, request)
        suggester.timeout_s = 300
        first = suggested(suggester, request)
        child = suggester.child_pid
        assert child is not None
        os.kill(child, signal.SIGKILL)
        assert has_ended(child)
        assert suggested(suggester, request) == first  # from a new child, without memory
        assert suggester.child_pid != child
    finally:
        suggester.close()
    assert suggester.child_pid is None


@pytest.mark.slow
def test_the_search_process_ends_with_its_parent() -> None:
    script = (
        "import os, time\n"
        "from dse.suggest.process import ChildProcess\n"
        "child = ChildProcess('dse.suggest.search', env={'JAX_PLATFORMS': 'cpu'}, name='it')\n"
        "print(child.pid, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    parent = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert parent.returncode == -9
    assert has_ended(int(parent.stdout))
