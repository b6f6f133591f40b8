import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from contracts.faults import Bug, ToolCrashed
from runners.pipeline import Cache, artefact_key, digest_of_files


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
    assert not get(again).cached  # type: ignore[attr-defined]
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
