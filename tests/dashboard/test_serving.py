"""The command itself, the recorded example, the scripts of others, the pictures."""

import json
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from dse.dashboard import screenshots
from dse.dashboard.example import RECORDED
from dse.dashboard.vendoring.__main__ import HERE, VENDOR, digests
from dse.store import Store

ROOT = Path(__file__).parents[2]


@contextmanager
def command(*words: str, cwd: Path) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """Run the dashboard command and yield it with the addresses that it prints."""
    process = subprocess.Popen(
        [sys.executable, "-m", "dse.study", "dashboard", "--port", "0", *words],
        cwd=cwd,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "TMPDIR": str(cwd)},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        lines = [process.stderr.readline() for _ in range(2)]
        yield process, [url for line in lines for url in re.findall(r"http\S+", line)]
    finally:
        process.kill()
        process.communicate()


def fetch(url: str) -> tuple[int, str]:
    here = urlsplit(url)._replace(netloc=f"127.0.0.1:{urlsplit(url).port}").geturl()
    try:
        with urllib.request.urlopen(here, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_the_example_is_served_from_a_folder_that_goes_with_it(tmp_path: Path) -> None:
    with command("--example", cwd=tmp_path) as (process, (url, acting_url)):
        status, page = fetch(url)
        assert status == 200
        assert "recorded example" in page
        assert "?token=" in acting_url
        assert fetch(f"{url}studies/imgc")[0] == 200
        assert len(list(tmp_path.iterdir())) == 1
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=120) == 130
    assert list(tmp_path.iterdir()) == []


def test_the_network_is_told_nothing_without_the_token(database: Path) -> None:
    with command("--db", str(database), "--host", "0.0.0.0", cwd=database.parent) as (_, (url,)):
        assert fetch(url.partition("?")[0])[0] == 401
        status, page = fetch(url)
        assert status == 401  # the cookie of the redirect was not kept
        assert "imgc" not in page


def test_an_address_that_cannot_be_had_is_an_error_with_a_fix(database: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "dse.study", "dashboard", "--host", "192.0.2.1", "--db", database],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
    )
    assert ended.returncode == 3
    assert "cannot listen at 192.0.2.1" in ended.stderr
    assert "fix: choose another --port" in ended.stderr


def test_the_recorded_studies_know_nothing_of_the_machine_they_ran_on(example: Path) -> None:
    with Store(example) as store:
        for summary in store.summaries():
            text = json.dumps(json.loads(summary.study.config_json)) + summary.study.config_toml
            assert not re.search(r'"/|/tmp|/home|/root', text)
            detail = store.detail(summary.study, 1)
            assert all(re.fullmatch(r"worker-\d", a.worker) for a in detail.attempts)
    assert RECORDED.stat().st_size < 300_000


def test_every_file_of_others_is_the_one_that_was_described() -> None:
    described = json.loads((VENDOR / "vendor.json").read_text())
    assert described["files"] == digests()
    lock = json.loads((HERE / "package-lock.json").read_text())["packages"]
    for package, facts in described["packages"].items():
        assert lock[f"node_modules/{package}"]["version"] == facts["version"]
        assert lock[f"node_modules/{package}"]["integrity"] == facts["integrity"]
        assert facts["integrity"].startswith("sha512-")
        assert any(name.startswith(f"{package}.LICENSE") for name in described["files"])


def test_no_page_names_another_site() -> None:
    folder = ROOT / "dse" / "dashboard"
    for path in [*folder.glob("templates/**/*.html"), *folder.glob("static/*.*")]:
        found = re.findall(r"https?://[^\s\"'<>)]+", path.read_text())
        assert set(found) <= {"http://www.w3.org/2000/svg"}, path.name


@pytest.mark.slow
def test_the_pictures_of_the_documentation_are_made_by_their_command(tmp_path: Path) -> None:
    if not Path(screenshots.CHROMIUM).exists():
        pytest.skip("chromium is not installed: apt-get install chromium")
    subprocess.run(
        [sys.executable, "-m", "dse.dashboard.screenshots", tmp_path], check=True, cwd=ROOT
    )
    made = {path.name for path in tmp_path.iterdir()}
    assert made == {path.name for path in screenshots.PICTURES.glob("dashboard-*.png")}
    shown = set()
    for page in (ROOT / "docs").rglob("*.md"):
        shown |= set(re.findall(r"dashboard-[a-z-]+\.png", page.read_text()))
    assert shown <= made
