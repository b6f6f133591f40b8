"""What lies at the place of an entry is believed only after a look."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import pytest

from contracts.faults import Bug
from runners.pipeline import Artefact, Cache, entries
from tests.pipeline.test_cache import get


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


def entry(cache: Cache, text: str = "netlist") -> Path:
    found = get(cache, text)
    assert isinstance(found, Artefact)
    return found.folder


def is_built_again(cache: Cache, text: str = "netlist") -> bool:
    found = get(cache, text)
    assert isinstance(found, Artefact)
    assert found.folder.joinpath("file").read_text() == text
    assert not found.folder.is_symlink()
    return not found.cached


def link_to_elsewhere(folder: Path) -> None:
    shutil.copytree(folder, folder.parent / "elsewhere")
    shutil.rmtree(folder)
    folder.symlink_to(folder.parent / "elsewhere")


def dangling_link(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.symlink_to("nowhere")


def file_is_a_link(folder: Path) -> None:
    shutil.copy(folder / "file", folder.parent / "outside")
    (folder / "file").unlink()
    (folder / "file").symlink_to(folder.parent / "outside")


def manifest_is_a_link(folder: Path) -> None:
    shutil.move(folder / "manifest.json", folder.parent / "outside")
    (folder / "manifest.json").symlink_to(folder.parent / "outside")


def log_is_a_link(folder: Path) -> None:
    (folder / "yosys.log").symlink_to("/etc/passwd")


def folder_is_a_file(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_text("entry")


def folder_is_empty(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


def has_a_pipe(folder: Path) -> None:
    os.mkfifo(folder / "pipe")


def manifest_is_nested_deep(folder: Path) -> None:
    (folder / "manifest.json").write_text("[" * 100_000)


def manifest_is_a_list(folder: Path) -> None:
    (folder / "manifest.json").write_text("[]")


def manifest_is_no_text(folder: Path) -> None:
    (folder / "manifest.json").write_bytes(b"\xff\xfe\x00")


def forbids_everything(folder: Path) -> None:
    (folder / "file").write_text("tampered")
    (folder / "file").chmod(0)
    folder.chmod(0o500)


@pytest.mark.parametrize(
    "spoil",
    [
        link_to_elsewhere,
        dangling_link,
        file_is_a_link,
        manifest_is_a_link,
        log_is_a_link,
        folder_is_a_file,
        folder_is_empty,
        has_a_pipe,
        manifest_is_nested_deep,
        manifest_is_a_list,
        manifest_is_no_text,
        forbids_everything,
    ],
)
def test_an_entry_that_is_not_a_folder_of_plain_files_is_built_again(
    cache: Cache, spoil: Callable[[Path], None]
) -> None:
    spoil(entry(cache))

    assert is_built_again(cache)
    assert not is_built_again(cache)
    assert list((cache.root / "scratch").iterdir()) == []


def test_what_a_link_leads_to_is_left_alone(cache: Cache, tmp_path: Path) -> None:
    folder = entry(cache)
    shutil.move(folder, tmp_path / "precious")
    folder.symlink_to(tmp_path / "precious")

    assert is_built_again(cache)
    assert (tmp_path / "precious" / "file").read_text() == "netlist"


def test_a_stage_whose_folder_is_a_link_is_built_where_the_cache_is(
    cache: Cache, tmp_path: Path
) -> None:
    folder = entry(cache)
    shutil.move(folder.parent, tmp_path / "elsewhere")
    folder.parent.symlink_to(tmp_path / "elsewhere")

    assert is_built_again(cache)
    assert not folder.parent.is_symlink()


def test_a_whole_entry_of_other_inputs_is_foreign(cache: Cache) -> None:
    ours, theirs = entry(cache, "netlist"), entry(cache, "other")
    shutil.rmtree(ours)
    shutil.copytree(theirs, ours)

    assert is_built_again(cache, "netlist")


@pytest.mark.parametrize(("key", "value"), [("stage", "simulate"), ("version", 2)])
def test_a_whole_entry_of_another_stage_or_version_is_foreign(
    cache: Cache, key: str, value: object
) -> None:
    manifest = entry(cache) / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {key: value}))

    assert is_built_again(cache)


def test_an_entry_from_before_the_version_was_written_down_is_taken(cache: Cache) -> None:
    manifest = entry(cache) / "manifest.json"
    content = json.loads(manifest.read_text())
    del content["version"]
    manifest.write_text(json.dumps(content))

    assert not is_built_again(cache)


def test_an_entry_from_before_the_version_was_written_down_is_foreign_with_other_inputs(
    cache: Cache,
) -> None:
    ours, theirs = entry(cache, "netlist"), entry(cache, "other")
    shutil.rmtree(ours)
    shutil.copytree(theirs, ours)
    content = json.loads((ours / "manifest.json").read_text())
    del content["version"]
    (ours / "manifest.json").write_text(json.dumps(content))

    assert is_built_again(cache, "netlist")


def test_every_byte_is_read_once_a_process_and_not_at_every_hit(cache: Cache) -> None:
    entry(cache)
    with mock.patch.object(entries, "hashes", wraps=entries.hashes) as hashing:
        assert not is_built_again(cache)
        assert not is_built_again(Cache(cache.root))
    assert hashing.call_count == 0, "it was verified when it was built"


def test_a_stage_that_writes_a_link_is_a_bug(cache: Cache) -> None:
    def build(out: Path) -> float:
        (out / "file").symlink_to("/etc/passwd")
        return 0.0

    with pytest.raises(Bug, match="synthesise wrote something that is no plain file"):
        get(cache, build=build)
    assert is_built_again(cache), "nothing was kept"
