import errno
import json
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest import mock

import pytest

from contracts.faults import Bug, DiskFull, ToolCrashed
from runners.pipeline import Cache, artefact_key, digest_of_files
from runners.pipeline import cache as cache_module
from runners.pipeline.cache import default_root


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


def write(text: str, calls: list[str] | None = None) -> object:
    def build(out: Path) -> float:
        if calls is not None:
            calls.append(text)
        (out / "file").write_text(text)
        return 1.5

    return build


def get(cache: Cache, text: str = "netlist", **options: object) -> object:
    build = options.pop("build", None) or write(text)
    return cache.get_or_build(
        "synthesise",
        version=1,
        inputs={"text": text},
        build=build,  # type: ignore[arg-type]
    )


def test_same_inputs_are_built_once(cache: Cache) -> None:
    calls: list[str] = []
    first = get(cache, build=write("netlist", calls))
    second = get(cache, build=write("netlist", calls))
    assert calls == ["netlist"]
    assert (first.cached, second.cached) == (False, True)  # type: ignore[attr-defined]
    assert (first.cpu_s, second.cpu_s) == (1.5, 0.0)  # type: ignore[attr-defined]
    assert second.folder.joinpath("file").read_text() == "netlist"  # type: ignore[attr-defined]


def test_what_a_killed_process_leaves_in_a_scratch_folder_is_swept(cache: Cache) -> None:
    with cache.scratch_folder("board") as folder:
        assert folder.parent == cache.root / "scratch"
        assert list(folder.iterdir()) == []
    assert not folder.exists()
    folder.mkdir()  # as after `kill -9`
    (folder / "memory.bin").write_bytes(b"x")
    Cache(cache.root)
    assert folder.exists()
    os.utime(folder, (0, 0))
    Cache(cache.root)
    assert not folder.exists()


def test_an_entry_is_counted_when_it_comes_and_not_each_time_that_it_is_asked_for(
    cache: Cache,
) -> None:
    limited = Cache(cache.root, limit_bytes=10**6)
    with mock.patch.object(limited.contents, "grew") as grew:
        for _ in range(3):
            get(limited)
    ((size_bytes,), named) = grew.call_args_list[0]
    assert grew.call_count == 1
    assert size_bytes > len("netlist")
    assert named == {"limit_bytes": 10**6}


def test_other_inputs_version_or_stage_have_other_keys() -> None:
    keys = {
        artefact_key("a", version=1, inputs={"x": 1}),
        artefact_key("a", version=2, inputs={"x": 1}),
        artefact_key("b", version=1, inputs={"x": 1}),
        artefact_key("a", version=1, inputs={"x": True}),
    }
    assert len(keys) == 4


def test_a_failed_build_is_not_cached_and_leaves_nothing(cache: Cache) -> None:
    def fail(out: Path) -> float:
        (out / "half").write_text("half")
        raise ToolCrashed("yosys failed", fix="read the log")

    with pytest.raises(ToolCrashed):
        get(cache, build=fail)
    assert list((cache.root / "scratch").iterdir()) == []
    assert not get(cache).cached  # type: ignore[attr-defined]


def test_requests_at_the_same_moment_build_once(cache: Cache) -> None:
    calls: list[str] = []
    both_started = threading.Barrier(4)

    def slow(out: Path) -> float:
        calls.append("build")
        time.sleep(0.2)
        (out / "file").write_text("x")
        return 0.0

    def ask(_: int) -> object:
        both_started.wait()
        return get(cache, build=slow)

    with ThreadPoolExecutor(4) as pool:
        folders = {artefact.folder for artefact in pool.map(ask, range(4))}  # type: ignore[attr-defined]
    assert len(calls) == 1
    assert len(folders) == 1


@pytest.mark.parametrize("damage", ["change", "truncate", "remove", "add", "manifest"])
def test_damaged_entry_is_a_warned_miss(
    cache: Cache, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    folder = get(cache).folder  # type: ignore[attr-defined]
    file = folder / "file"
    match damage:
        case "change":
            file.write_text("tampered")
        case "truncate":
            file.write_text("")
        case "remove":
            file.unlink()
        case "add":
            (folder / "more").write_text("more")
        case "manifest":
            (folder / "manifest.json").write_text("{")
    again = get(cache)
    assert not again.cached  # type: ignore[attr-defined]
    assert "damaged" in caplog.text
    assert again.folder.joinpath("file").read_text() == "netlist"  # type: ignore[attr-defined]


def test_rebuilding_compares_bytes(cache: Cache) -> None:
    get(cache)
    again = Cache(cache.root, rebuild=True)
    rebuilt = get(again)
    assert (rebuilt.cached, rebuilt.cpu_s) == (False, 1.5)  # type: ignore[attr-defined]
    assert get(again).cached, "built again once, not at each request"  # type: ignore[attr-defined]


def test_a_stage_that_gives_other_bytes_for_the_same_inputs_is_a_bug(cache: Cache) -> None:
    get(cache)
    with pytest.raises(Bug, match="synthesise gave other bytes for the same inputs: file"):
        get(Cache(cache.root, rebuild=True), build=write("other"))


def test_logs_may_differ(cache: Cache) -> None:
    def build_with_log(text: str) -> object:
        def build(out: Path) -> float:
            (out / "file").write_text("same")
            (out / "yosys.log").write_text(text)
            return 0.0

        return build

    get(cache, build=build_with_log("CPU: 1 s"))
    get(Cache(cache.root, rebuild=True), build=build_with_log("CPU: 2 s"))


def test_digest_tells_names_and_contents_of_the_same_length_apart() -> None:
    assert digest_of_files({"a": b"x"}) != digest_of_files({"a": b"y"})
    assert digest_of_files({"a": b"x"}) != digest_of_files({"b": b"x"})
    assert digest_of_files({"a": b"x", "b": b"y"}) == digest_of_files({"b": b"y", "a": b"x"})


def test_digest_tells_names_from_contents() -> None:
    assert digest_of_files({"ab": b"c"}) != digest_of_files({"a": b"bc"})
    assert digest_of_files({"a": b"", "b": b"x"}) != digest_of_files({"a": b"x", "b": b""})


def test_opening_a_cache_leaves_the_scratch_folders_of_running_builds(cache: Cache) -> None:
    def build(out: Path) -> float:
        (out / "half").write_text("half")
        os.utime(out, (0, 0))  # it may run for days
        Cache(cache.root)
        (out / "file").write_text((out / "half").read_text())
        return 0.0

    assert (get(cache, build=build).folder / "file").read_text() == "half"  # type: ignore[attr-defined]
    with cache.scratch_folder("board") as folder:
        os.utime(folder, (0, 0))
        Cache(cache.root)
        assert folder.is_dir()


def test_where_the_cache_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DSE_CACHE_DIR", "own")
    assert default_root() == tmp_path / "own"
    monkeypatch.delenv("DSE_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert default_root() == tmp_path / "xdg" / "soft-soc-dse"
    for unset in ("", None):
        if unset is None:
            monkeypatch.delenv("XDG_CACHE_HOME")
        else:
            monkeypatch.setenv("XDG_CACHE_HOME", unset)
        assert default_root() == Path.home() / ".cache" / "soft-soc-dse"


def test_what_is_there_is_told_without_building_unless_all_is_built_again(cache: Cache) -> None:
    def contains(of: Cache, *, stage: str = "synthesise", version: int = 1) -> bool:
        return of.contains(stage, version=version, inputs={"text": "netlist"})

    assert not contains(cache)
    get(cache)
    assert contains(cache)
    assert not contains(cache, version=2)
    assert not contains(cache, stage="place")
    assert not contains(Cache(cache.root, rebuild=True))


def test_an_entry_is_readable_by_others_and_says_what_it_is(cache: Cache) -> None:
    artefact = get(cache)
    folder = artefact.folder  # type: ignore[attr-defined]
    assert folder == cache.root / "synthesise" / artefact.key  # type: ignore[attr-defined]
    assert folder.stat().st_mode & 0o777 == 0o755
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["stage"] == "synthesise"
    assert (manifest["version"], manifest["inputs"]) == (1, {"text": "netlist"})
    assert list(manifest["files"]) == ["file"]
    assert list((cache.root / "scratch").iterdir()) == []
    assert artefact.wall_s >= 0  # type: ignore[attr-defined]


def test_a_link_in_what_was_built_is_refused(cache: Cache) -> None:
    def build(out: Path) -> float:
        (out / "file").symlink_to("/etc/passwd")
        return 0.0

    with pytest.raises(Bug, match="wrote something that is no plain file"):
        get(cache, build=build)
    assert not get(cache).cached  # type: ignore[attr-defined]


def test_rebuilding_exempts_what_is_not_comparable_and_builds_what_is_not_there(
    cache: Cache,
) -> None:
    calls: list[str] = []

    def ask(of: Cache, *, comparable: bool) -> object:
        return of.get_or_build(
            "tool",
            version=1,
            inputs={},
            build=write("same", calls),  # type: ignore[arg-type]
            comparable=comparable,
        )

    again = Cache(cache.root, rebuild=True)
    assert not ask(again, comparable=False).cached  # type: ignore[attr-defined]
    assert ask(again, comparable=False).cached  # type: ignore[attr-defined]
    once_more = Cache(cache.root, rebuild=True)
    assert ask(once_more, comparable=False).cached  # type: ignore[attr-defined]
    assert len(calls) == 1
    assert not ask(once_more, comparable=True).cached  # type: ignore[attr-defined]
    assert len(calls) == 2


def test_a_file_that_is_more_or_less_than_before_is_other_bytes(cache: Cache) -> None:
    get(cache)

    def more(out: Path) -> float:
        (out / "file").write_text("netlist")
        (out / "more").write_text("")
        return 0.0

    with pytest.raises(Bug, match=r"for the same inputs: more\n"):
        get(Cache(cache.root, rebuild=True), build=more)
    with pytest.raises(Bug, match=r"for the same inputs: file\n"):
        get(Cache(cache.root, rebuild=True), build=lambda _out: 0.0)
    assert get(cache).cached, "what was there stays"  # type: ignore[attr-defined]


def test_a_cache_that_cannot_be_made_is_a_fault_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ToolCrashed, match=r"the cache folder .*file/cache cannot be made"):
        Cache(tmp_path / "file" / "cache")


def test_an_artefact_is_in_use_as_long_as_somebody_has_it(cache: Cache) -> None:
    first = get(cache, "a")
    small = Cache(cache.root, limit_bytes=1)
    get(small, "b")
    assert first.folder.exists()  # type: ignore[attr-defined]
    del first
    get(small, "c")
    left = [folder.name for folder in (cache.root / "synthesise").iterdir()]
    assert left == [get(small, "c").key]  # type: ignore[attr-defined]


def test_what_cannot_be_stored_is_a_fault_that_names_the_stage(cache: Cache) -> None:
    def full(out: Path) -> float:
        (out / "file").write_text("netlist")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(DiskFull, match="stage synthesise could not be stored"):
        get(cache, build=full)
    assert list((cache.root / "scratch").iterdir()) == []
    assert not get(cache).cached  # type: ignore[attr-defined]
    (cache.root / "place").touch()  # somebody's file where a stage's folder is to be
    with pytest.raises(ToolCrashed, match="stage place could not be stored"):
        cache.get_or_build("place", version=1, inputs={}, build=write("x"))  # type: ignore[arg-type]


def test_a_request_takes_from_its_beginning_to_its_end(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [100.0]

    class Time:
        @staticmethod
        def monotonic() -> float:
            return clock[0]

    def build(out: Path) -> float:
        clock[0] += 7.5
        (out / "file").write_text("netlist")
        return 3.0

    monkeypatch.setattr(cache_module, "time", Time)
    first = get(cache, build=build)
    assert (first.wall_s, first.cpu_s) == (7.5, 3.0)  # type: ignore[attr-defined]
    second = get(cache, build=build)
    assert (second.wall_s, second.cpu_s) == (0.0, 0.0)  # type: ignore[attr-defined]
