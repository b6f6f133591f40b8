"""A cache that machines share: a folder between some caches, and what may be wrong there."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import pytest

from runners import ROOT
from runners.pipeline import Artefact, Cache, Remote, entries, remote


def machine(tmp_path: Path, name: str, *, url: str | None = None) -> Cache:
    """Return the cache of a machine; all share one folder."""
    root = tmp_path / name
    return Cache(root, remote=Remote(url or f"file://{tmp_path}/shared", cache_root=root))


def get(cache: Cache, text: str = "netlist", *, calls: list[str] | None = None) -> Artefact:
    def build(out: Path) -> float:
        if calls is not None:
            calls.append(text)
        (out / "file").write_text(text)
        (out / "tool.log").write_text("it took 3 s")
        (out / "bin").mkdir()
        (out / "bin" / "program").write_text(f"#!/bin/sh\necho {text}\n")
        (out / "bin" / "program").chmod(0o755)
        return 1.0

    return cache.get_or_build("simulator", version=1, inputs={"text": text}, build=build)


def test_what_one_machine_has_built_another_takes(tmp_path: Path) -> None:
    calls: list[str] = []
    built = get(machine(tmp_path, "one"), calls=calls)
    taken = get(machine(tmp_path, "two"), calls=calls)

    assert calls == ["netlist"]
    assert (built.cached, taken.cached, taken.cpu_s) == (False, True, 0.0)
    assert taken.folder.is_relative_to(tmp_path / "two")
    assert entries.hashes(taken.folder) == entries.hashes(built.folder)
    assert (taken.folder / "tool.log").read_text() == "it took 3 s"
    assert subprocess.check_output([taken.folder / "bin" / "program"], text=True) == "netlist\n"
    assert list((tmp_path / "two" / "scratch").iterdir()) == []


def test_equal_files_lie_there_once(tmp_path: Path) -> None:
    one = machine(tmp_path, "one")
    get(one, "a")
    get(one, "b")

    blobs = [path for path in (tmp_path / "shared").rglob("files/*/*") if path.is_file()]
    assert len(blobs) == 2 * 3 + 1, "file, program and manifest of each, and one log"


def shared(tmp_path: Path, pattern: str) -> list[Path]:
    return sorted(path for path in (tmp_path / "shared").rglob(pattern) if path.is_file())


def truncate(tmp_path: Path) -> None:
    for path in shared(tmp_path, "files/*/*"):
        path.write_bytes(path.read_bytes()[:-1])


def tamper(tmp_path: Path) -> None:
    for path in shared(tmp_path, "files/*/*"):
        path.write_bytes(bytes(len(path.read_bytes())))


def grow(tmp_path: Path) -> None:
    for path in shared(tmp_path, "files/*/*"):
        path.write_bytes(path.read_bytes() + b"more")


def lose_files(tmp_path: Path) -> None:
    for path in shared(tmp_path, "files/*/*"):
        path.unlink()


def rewrite(change: Callable[[dict[str, object]], object]) -> Callable[[Path], None]:
    def spoil(tmp_path: Path) -> None:
        (path,) = shared(tmp_path, "simulator/*.json")
        content = json.loads(path.read_text())
        content = change(content["files"]) or content
        path.write_text(json.dumps(content))

    return spoil


def put(name: str, **entry: object) -> Callable[[Path], None]:
    good = {"sha256": "0" * 64, "bytes": 1, "is_program": False}
    return rewrite(lambda files: files.update({name: {**good, **entry}}))


def no_json(tmp_path: Path) -> None:
    for path in shared(tmp_path, "simulator/*.json"):
        path.write_bytes(b"\xff" * 99)


def nested(tmp_path: Path) -> None:
    for path in shared(tmp_path, "simulator/*.json"):
        path.write_text("[" * 200_000)


@pytest.mark.parametrize(
    "spoil",
    [
        truncate, tamper, grow, lose_files, no_json, nested,
        put("../../outside"), put("/tmp/outside"), put("a/../../b"), put("./a"), put("a//b"),
        put(""), put("a\0b"), put("..\\b"), put("file/inside"),
        put("n" * 300), put("n/" * 900 + "n"), put("more"),
        put("file", sha256="../../../../etc/passwd"), put("file", sha256=7),
        put("file", bytes=-1), put("file", bytes=1 << 60), put("file", bytes=True),
        put("file", bytes="9"), put("bin/program", is_program="yes"),
        rewrite(lambda files: files.pop("manifest.json") and None),
        rewrite(lambda files: files.pop("file") and None),
        rewrite(lambda files: {"schema": 2, "files": files}),
        rewrite(lambda _files: [1]),
    ],
)  # fmt: skip
def test_what_is_damaged_there_is_built_here_and_replaced(
    tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    before = sorted(path.name for path in tmp_path.parent.iterdir())
    get(machine(tmp_path, "one"))
    spoil(tmp_path)
    calls: list[str] = []

    found = get(machine(tmp_path, "two"), calls=calls)

    assert calls == ["netlist"]
    assert found.folder.joinpath("file").read_text() == "netlist"
    assert sorted(path.name for path in found.folder.iterdir()) == [
        "bin", "file", "manifest.json", "tool.log",
    ]  # fmt: skip
    assert sorted(path.name for path in tmp_path.parent.iterdir()) == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["one", "shared", "two"]


def test_a_truncated_file_there_is_replaced_by_whoever_finds_it(tmp_path: Path) -> None:
    get(machine(tmp_path, "one"))
    (content,) = [p for p in shared(tmp_path, "files/*/*") if p.read_bytes() == b"netlist"]
    content.write_text("netl")
    get(machine(tmp_path, "two"))
    calls: list[str] = []

    get(machine(tmp_path, "three"), calls=calls)

    assert calls == []


def test_a_whole_entry_under_a_foreign_key_is_not_taken(tmp_path: Path) -> None:
    one = machine(tmp_path, "one")
    get(one, "a")
    get(one, "b")
    first, second = shared(tmp_path, "simulator/*.json")
    for left, right in ((first, second.read_bytes()), (second, first.read_bytes())):
        left.write_bytes(right)

    assert get(machine(tmp_path, "two"), "a").folder.joinpath("file").read_text() == "a"
    assert get(machine(tmp_path, "two"), "b").folder.joinpath("file").read_text() == "b"


@pytest.mark.parametrize(
    "url", ["file:///proc/nowhere/shared", "nothing://there", "ftp://127.0.0.1:9/x"]
)
def test_a_place_that_cannot_be_used_costs_a_warning_and_no_trial(
    tmp_path: Path, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    for text in "abc":
        assert not get(machine(tmp_path, "one", url=url), text).cached

    warnings = [r.getMessage() for r in caplog.records if "cannot be used to" in r.getMessage()]
    assert 1 <= len(warnings) <= 2, "at most one to read and one to write"
    assert Remote(url, cache_root=tmp_path / "one").check() != ""


def test_a_place_that_only_takes_no_writes_is_still_read(tmp_path: Path) -> None:
    get(machine(tmp_path, "one"), "a")
    calls: list[str] = []
    two = machine(tmp_path, "two")
    with mock.patch.object(Remote, "_put", side_effect=PermissionError("read-only")):
        get(two, "b", calls=calls)
        get(two, "a", calls=calls)
        assert "read-only" in Remote(two.remote.url, cache_root=two.root).check()  # type: ignore[union-attr]

    assert calls == ["b"]
    assert Remote(two.remote.url, cache_root=two.root).check() == ""  # type: ignore[union-attr]
    assert not two.remote.is_away("write")  # type: ignore[union-attr]


def test_a_place_that_hangs_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "_LIMIT_S", 0.3)
    shared_folder = tmp_path / "shared"
    get(machine(tmp_path, "one"))
    (listed,) = shared(tmp_path, "simulator/*.json")
    listed.unlink()
    os.mkfifo(listed)  # opening it waits for somebody who writes

    assert not get(machine(tmp_path, "two")).cached
    assert shared_folder.exists()


def test_rebuilding_asks_no_other_machine(tmp_path: Path) -> None:
    get(machine(tmp_path, "one"))
    root = tmp_path / "two"
    cache = Cache(root, rebuild=True, remote=Remote(f"file://{tmp_path}/shared", cache_root=root))

    with mock.patch.object(Remote, "fetch", side_effect=AssertionError("it was asked")):
        assert not get(cache).cached


@pytest.mark.slow
def test_machines_that_ask_at_the_same_time_all_get_it_right(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from tests.pipeline.test_remote_cache import get, machine\n"
        f"cache = machine(Path({str(tmp_path)!r}), sys.argv[1])\n"
        "for n in range(20):\n"
        "    assert (get(cache, str(n)).folder / 'file').read_text() == str(n)\n"
    )
    command = [sys.executable, "-c", code]
    running = [subprocess.Popen([*command, name], cwd=ROOT) for name in ("one", "two", "three")]
    assert [process.wait(120) for process in running] == [0, 0, 0]
    calls: list[str] = []
    last = machine(tmp_path, "four")
    for n in range(20):
        get(last, str(n), calls=calls)
    assert calls == []
