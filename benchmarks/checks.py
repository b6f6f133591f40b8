"""``python -m benchmarks.checks``: what the checks of the first hour find, counted.

Each row is a file of tests, run here: axe-core on every page, Schemathesis on the API, the mistakes
that people make in a config. A test that fails is a finding.
"""

import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree

from contracts.faults import ConfigError
from dse.output.report import table_text

_ROOT = Path(__file__).parent.parent
CHECKS = {
    "axe-core: pages, light, dark, 1280, 390 px": "tests/dashboard/test_accessibility.py",
    "Schemathesis: the API by its OpenAPI document": "tests/dashboard/test_schemathesis.py",
    "mistakes in a config: what, where, what to do": "tests/config/test_mistakes.py",
}
"""What is checked, and the tests that do it."""
HEADER = ("check", "tests", "findings")


def main() -> int:
    """Print the table; 1 where there is a finding."""
    found = rows()
    print(table_text(HEADER, found))
    return int(any(row[-1] != "0" for row in found))


def rows() -> list[list[str]]:
    """Run the checks and count.

    Raises:
        ConfigError: Tests cannot be run here, or were left out.
    """
    return [[what, *map(str, _counted(path))] for what, path in CHECKS.items()]


def _counted(path: str) -> tuple[int, int]:
    """Return how many tests a file has, and how many failed."""
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder) / "told.xml"
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-n", "0", f"--junitxml={told}", path],
            cwd=_ROOT,
            check=False,
            capture_output=True,
            text=True,
        )
        suite = ElementTree.parse(told).getroot().find("testsuite") if told.exists() else None
        counts = {} if suite is None else {name: int(n) for name, n in suite.items() if n.isdigit()}
    if not counts.get("tests") or counts["skipped"]:
        raise ConfigError(
            f"not all tests of {path} ran",
            fix="make setup installs what they need",
            detail=done.stdout[-2000:] + done.stderr[-2000:],
        )
    return counts["tests"], counts["failures"] + counts["errors"]


if __name__ == "__main__":
    sys.exit(main())
