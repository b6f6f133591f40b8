"""A cache that keeps its limit, with real processes that use it, build in it and are killed."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import pytest

from runners import ROOT
from runners.pipeline import Artefact, Cache, Contents

KIB = 1024
USING = """
has = get(cache, 'a')
print('ready', flush=True)
time.sleep(99)
"""
BUILDING = """
with cache.scratch_folder('simulator') as folder:
    (folder / 'half').write_text('x')
    print('ready', flush=True)
    time.sleep(99)
"""


def get(cache: Cache, name: str, size: int = 10 * KIB) -> Artefact:
    def build(out: Path) -> float:
        (out / "file").write_bytes(bytes(size))
        return 0.0

    return cache.get_or_build("simulator", version=1, inputs={"name": name}, build=build)


def names(cache: Cache) -> set[str]:
    found = set()
    for name in "abcdefgh":
        if cache.contains("simulator", version=1, inputs={"name": name}):
            found.add(name)
    return found


def age(cache: Cache) -> None:
    """Let all that was used until now have been used an hour before what comes."""
    for path in (cache.root / "uses").iterdir():
        then_s = path.stat().st_mtime - 3600
        os.utime(path, (then_s, then_s))


@contextmanager
def another_process(cache: Cache, code: str) -> Iterator["subprocess.Popen[str]"]:
    """Run code with ``cache`` and ``get`` until the block ends; it prints a line when ready."""
    head = (
        "import time\nfrom pathlib import Path\nfrom runners.pipeline import Cache\n"
        "from tests.pipeline.test_bounded_cache import get\n"
        f"cache = Cache(Path({str(cache.root)!r}))\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", head + code],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "ready"
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache", limit_bytes=35 * KIB)


def test_what_was_used_least_recently_goes_first(cache: Cache) -> None:
    for name in "abc":
        get(cache, name)
        age(cache)
    get(cache, "a")
    age(cache)

    get(cache, "d")

    assert names(cache) == {"a", "c", "d"}
    assert sum(entry.size_bytes for entry in cache.contents.entries()) <= 35 * KIB
    assert len(list((cache.root / "locks").iterdir())) == 4, "one for each entry, and `shrink`"
    assert not get(cache, "b").cached


def test_an_artefact_that_somebody_has_is_never_removed(cache: Cache) -> None:
    kept = [get(cache, name) for name in "abcde"]

    assert names(cache) == set("abcde"), "more than the limit, since all are in use"
    assert all(artefact.folder.joinpath("file").exists() for artefact in kept)
    del kept
    shrunk = cache.contents.shrink(35 * KIB)
    assert (shrunk.removed, len(names(cache))) == (2, 3)
    assert shrunk.left_bytes <= 35 * KIB


def test_what_another_process_uses_stays_until_that_is_killed(cache: Cache) -> None:
    with another_process(cache, USING):
        age(cache)
        for name in "bcd":
            get(cache, name)
            age(cache)
        assert "a" in names(cache)
    cache.contents.shrink(25 * KIB)
    assert names(cache) == {"c", "d"}


def test_what_is_being_built_is_not_removed(cache: Cache) -> None:
    get(cache, "a")
    code = (
        "from runners.pipeline.locks import locked_file\n"
        "(lock,) = [p for p in (cache.root / 'locks').iterdir() if p.name != 'shrink']\n"
        "with locked_file(lock):\n print('ready', flush=True)\n time.sleep(99)"
    )
    with another_process(cache, code):
        assert cache.contents.shrink(0).removed == 0
    assert cache.contents.shrink(0).removed == 1


def test_many_processes_keep_the_limit_and_get_what_they_ask_for(cache: Cache) -> None:
    code = (
        "import random\ncache = Cache(cache.root, limit_bytes=35 * 1024)\n"
        "print('ready', flush=True)\n"
        "for _ in range(60):\n"
        "    found = get(cache, random.choice('abcdefgh'))\n"
        "    assert len((found.folder / 'file').read_bytes()) == 10 * 1024\n"
    )
    with another_process(cache, code) as first, another_process(cache, code) as second:
        assert first.wait(60) == 0
        assert second.wait(60) == 0
    assert cache.contents.shrink(35 * KIB).left_bytes <= 35 * KIB
    assert cache.contents.damaged() == []


def test_opening_a_cache_sweeps_killed_builds_at_once_and_leaves_running_ones(
    cache: Cache,
) -> None:
    scratch = cache.root / "scratch"
    with another_process(cache, BUILDING) as running:
        with another_process(cache, BUILDING) as killed:
            killed.send_signal(signal.SIGKILL)
        for path in scratch.iterdir():  # a build may take days
            os.utime(path, (0, 0))
        running.send_signal(signal.SIGSTOP)
        Cache(cache.root)
        left = [path for path in scratch.iterdir() if path.is_dir()]
        assert [f"-{running.pid}-" in path.name for path in left] == [True]
        assert (left[0] / "half").read_text() == "x"
    Cache(cache.root)
    assert list(scratch.iterdir()) == []


def test_sweeping_never_takes_a_folder_that_is_just_being_made(cache: Cache) -> None:
    code = (
        "print('ready', flush=True)\n"
        "for _ in range(300):\n"
        "    with cache.scratch_folder('simulator') as folder:\n"
        "        (folder / 'file').write_text('x')\n"
        "        assert (folder / 'file').read_text() == 'x'\n"
    )
    with another_process(cache, code) as process:
        deadline_s = time.monotonic() + 60
        while process.poll() is None:
            Cache(cache.root)
            assert time.monotonic() < deadline_s
        assert process.returncode == 0


def test_entries_are_not_looked_at_until_the_limit_is_reached(cache: Cache) -> None:
    get(cache, "a")  # counts what is there
    with mock.patch.object(Contents, "entries", wraps=cache.contents.entries) as looking:
        get(cache, "b")
        get(cache, "c")
        assert looking.call_count == 0
        get(cache, "d")
        assert looking.call_count == 1
    assert len(names(cache)) == 3


def test_what_was_removed_by_hand_or_came_without_a_limit_is_noticed(cache: Cache) -> None:
    unbounded = Cache(cache.root)
    for name in "abcdef":
        get(unbounded, name)
        age(cache)
    get(cache, "g")
    assert names(cache) == {"e", "f", "g"}
    for entry in cache.contents.entries():
        shutil.rmtree(entry.folder)
    for name in "abc":
        get(cache, name)
    assert names(cache) == {"a", "b", "c"}


def test_an_entry_of_an_older_version_has_its_size_and_age(cache: Cache) -> None:
    before_s = int(time.time())
    get(cache, "a")
    for path in (cache.root / "uses").iterdir():
        path.unlink()

    (entry,) = cache.contents.entries()

    assert entry.size_bytes > 10 * KIB
    assert entry.used_s >= before_s
    assert cache.contents.shrink(0).removed == 1
