"""Fetches and packs the scripts of others: ``python -m dse.dashboard.vendoring``.

For a developer who wants another version: change ``package.json``, delete ``package-lock.json``
and run this with node and npm. What it makes is part of the repository, so nobody else needs them.
"""

import hashlib
import json
import shutil
import subprocess
import tempfile
from pathlib import Path

from dse.dashboard.web.assets import STATIC

HERE = Path(__file__).parent
VENDOR = STATIC / "vendor"
_LICENCES = {
    "echarts": ("LICENSE", "NOTICE"),
    "zrender": ("LICENSE",),
    "tslib": ("LICENSE.txt",),
    "htmx.org": ("LICENSE",),
}
"""Packages whose code is in our files, and where each has its licence."""


def main() -> None:
    """Make everything in ``static/vendor`` anew."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for source in ("package.json", "package-lock.json", "echarts.js"):
            if (HERE / source).exists():
                shutil.copy(HERE / source, folder)
        verb = "ci" if (folder / "package-lock.json").exists() else "install"
        quiet = ("--no-audit", "--no-fund", "--ignore-scripts")
        subprocess.run(["npm", verb, *quiet], cwd=folder, check=True)
        shutil.copy(folder / "package-lock.json", HERE)
        shutil.rmtree(VENDOR, ignore_errors=True)
        VENDOR.mkdir()
        _bundle(folder)
        modules = folder / "node_modules"
        shutil.copy(modules / "htmx.org" / "dist" / "htmx.min.js", VENDOR)
        for package, names in _LICENCES.items():
            for licence in names:
                shutil.copy(modules / package / licence, VENDOR / f"{package}.{licence}")
        lock = json.loads((folder / "package-lock.json").read_text())["packages"]
    packages = {
        package: {key: lock[f"node_modules/{package}"][key] for key in ("version", "integrity")}
        for package in _LICENCES
    }
    described = {"packages": packages, "files": digests()}
    (VENDOR / "vendor.json").write_text(json.dumps(described, indent=1, sort_keys=True) + "\n")


def digests() -> dict[str, str]:
    """Return the SHA-256 of every file of others."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(VENDOR.iterdir())
        if path.name != "vendor.json"
    }


def _bundle(folder: Path) -> None:
    subprocess.run(
        [
            "node_modules/.bin/esbuild",
            "echarts.js",
            "--bundle",
            "--minify",
            "--format=esm",
            "--legal-comments=inline",
            f"--outfile={VENDOR / 'echarts.js'}",
        ],
        cwd=folder,
        check=True,
    )


if __name__ == "__main__":
    main()
