"""The one thing that ``pyproject.toml`` cannot say: files from outside the rooms go into a wheel.

``dse.shipped`` finds them there. Everything else about the package is in ``pyproject.toml``.
"""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

SHIPPED = ("configs/**/*.toml", "models/*/*.tflite", "models/*/README.md", "setup/*.txt")


class BuildWithShipped(build_py):
    """Builds the rooms and what is shipped beside them, from nothing."""

    def run(self) -> None:
        """Build; what an earlier build left behind would go into the wheel, too."""
        if not self.editable_mode:
            shutil.rmtree(self.build_lib, ignore_errors=True)
        super().run()
        if self.editable_mode:  # the rooms are those of the checkout, and so is the rest
            return
        root = Path(__file__).parent
        for pattern in SHIPPED:
            for file in sorted(root.glob(pattern)):
                target = Path(self.build_lib, "dse", "shipped", file.relative_to(root))
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, target)


setup(cmdclass={"build_py": BuildWithShipped})
