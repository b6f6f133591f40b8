"""Answers of a copy of a process that may crash, hang or take too much memory."""

import ctypes
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
Answer = Callable[[bytes], None]


def crash(answer: Answer) -> None:
    answer(b"one\n")
    ctypes.string_at(0)


def hang(answer: Answer) -> None:
    answer(b"one\n")
    time.sleep(60)


def fill(answer: Answer) -> None:
    answer(b"one\n")
    bytearray(64 << 30)


def answer_all(answer: Answer) -> None:
    for number in range(3):
        time.sleep(1.5)  # longer than the limit together, not each
        answer(f"{number}\n".encode())


@pytest.mark.parametrize(
    ("work", "expected"),
    [
        ("crash", (b"one\n", -signal.SIGSEGV)),
        ("hang", (b"one\n", -signal.SIGALRM)),
        ("fill", (b"one\n", 1)),
        ("answer_all", (b"0\n1\n2\n", 0)),
    ],
)
def test_a_copy_says_how_far_it_came_and_how_it_ended(
    work: str, expected: tuple[bytes, int]
) -> None:
    # in a process of one thread, as it is meant for: the test's own has those of pytest-xdist
    program = (
        "from runners.tools.child import answers_of_copy\n"
        f"from tests.tools.test_copies import {work}\n"
        f"print(answers_of_copy({work}, limit_s=4.0, memory_bytes=16 << 30))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == repr(expected)
