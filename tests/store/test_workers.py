import subprocess
import sys
from pathlib import Path

from dse.store.workers import is_gone, worker_name

ROOT = Path(__file__).parent.parent.parent


def test_a_living_worker_is_not_gone() -> None:
    assert not is_gone(worker_name())


def test_an_ended_worker_of_this_machine_is_gone() -> None:
    code = "from dse.store.workers import worker_name; print(worker_name())"
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert is_gone(ended.stdout.strip())


def test_a_process_that_got_the_number_of_a_dead_worker_is_another_one() -> None:
    name, _, ticks = worker_name().rpartition(".")

    assert is_gone(f"{name}.{int(ticks) - 1}")


def test_nothing_is_known_of_other_machines() -> None:
    assert not is_gone("elsewhere/4026531836/1.1")


def test_a_machine_of_the_same_name_is_another_machine() -> None:
    machine, _, process = worker_name().rpartition("/")
    name, _, kernel = machine.partition("/")
    boot, _, namespace = kernel.partition(".")

    assert len(boot) == 8
    assert not is_gone(f"{name}/00000000.{namespace}/999999999.1")
    assert is_gone(f"{name}/{boot}.{namespace}/999999999.1")
    assert not is_gone(f"{name}/{boot}.{namespace}/{process}")
