"""What tests keep of each other's work is what they would have made themselves."""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from jinja2 import Environment, TemplateAssertionError

from contracts.faults import DseError
from tests import objects
from tests.objects import compile_once
from tests.templates import compiling_once


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of what is kept, of this test alone."""
    monkeypatch.setattr(objects, "KEPT", tmp_path / "kept")
    objects._kept.cache_clear()
    yield tmp_path / "kept" / "objects"
    objects._kept.cache_clear()


def write(folder: Path, *, value: int) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "main.c").write_text(
        '#include "value.h"\nint main(void) { return VALUE + more(); }\n'
    )
    (folder / "more.c").write_text('#include "value.h"\nint more(void) { return MORE; }\n')
    (folder / "value.h").write_text(f"#define VALUE {value}\nint more(void);\n")
    return folder


def status(folder: Path, *flags: str) -> int:
    """Compile and link; return the exit status of the program."""
    command = ["cc", "-O1", "-I.", *flags, "main.c", "more.c", "-o", "program"]
    compile_once(command, folder, log=folder / "log", timeout_s=60)
    return subprocess.run([folder / "program"], check=False).returncode


def test_a_program_is_that_of_its_headers_and_flags(kept: Path, tmp_path: Path) -> None:
    assert status(write(tmp_path / "a", value=3), "-DMORE=4") == 7
    known = {path.name: path.stat().st_ino for path in kept.iterdir()}
    assert len(known) == 3, "two objects and a program"
    assert status(write(tmp_path / "b", value=3), "-DMORE=4") == 7
    assert {path.name: path.stat().st_ino for path in kept.iterdir()} == known, "none is made again"
    assert status(write(tmp_path / "c", value=20), "-DMORE=4") == 24
    assert status(write(tmp_path / "d", value=3), "-DMORE=5") == 8


def test_objects_that_are_not_linked_lie_where_the_compiler_puts_them(
    kept: Path, tmp_path: Path
) -> None:
    for name in ("a", "b"):
        folder = write(tmp_path / name, value=1)
        command = ["cc", "-DMORE=1", "-I.", "-c", "main.c", "more.c"]
        compile_once(command, folder, log=folder / "log", timeout_s=60)
        assert {path.name for path in folder.glob("*.o")} == {"main.o", "more.o"}
    assert len(list(kept.iterdir())) == 2


def test_what_does_not_compile_is_an_error_each_time(kept: Path, tmp_path: Path) -> None:
    folder = write(tmp_path / "a", value=1)
    for _ in range(2):
        with pytest.raises(DseError):
            status(folder)  # MORE is not defined
        assert "MORE" in (folder / "log").read_text()
    assert all(path.suffix == ".o" for path in kept.iterdir()), "nothing half made is left"


def test_what_nobody_asked_for_in_a_week_goes(kept: Path, tmp_path: Path) -> None:
    status(write(tmp_path / "a", value=3), "-DMORE=4")
    old, *others = kept.iterdir()
    long_ago_s = time.time() - 8 * 24 * 3600
    os.utime(old, (long_ago_s, long_ago_s))
    objects._kept.cache_clear()
    assert set(objects._kept().iterdir()) == set(others)


def test_a_template_is_compiled_once_for_environments_that_read_it_alike() -> None:
    made: list[str] = []

    def noting(environment: Environment, source: str, *more: object) -> object:
        made.append(source)
        return Environment.compile(environment, source, *more)  # type: ignore[call-overload]

    compile_template = compiling_once(noting)
    text = "{% if true %}\nb{% endif %}{{ 'a' | shout }}"

    def environment(*, has_filter: bool = True, trim_blocks: bool = False) -> Environment:
        found = Environment(autoescape=False, trim_blocks=trim_blocks)
        if has_filter:
            found.filters["shout"] = str.upper
        return found

    first = compile_template(environment(), text)
    assert compile_template(environment(), text) is first
    assert made == [text]
    assert compile_template(environment(trim_blocks=True), text) is not first
    with pytest.raises(TemplateAssertionError, match="shout"):
        compile_template(environment(has_filter=False), text)
