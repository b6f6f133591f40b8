"""What comes with the program and is no code: configs, targets, our own network, needed packages.

In a checkout they are where a reader of the project looks for them, ``configs/`` and ``models/``.
A wheel has no such folders; ``setup.py`` puts the same files, in the same places of one another,
beside this one.
"""

from pathlib import Path

from runners import ROOT

_BESIDE = Path(__file__).parent

FOLDER = _BESIDE if (_BESIDE / "configs").is_dir() else ROOT
"""The folder that holds ``configs`` and ``models``: the checkout, or of an installed program its
own."""

QUICK = FOLDER / "configs" / "quick.toml"
TARGETS = FOLDER / "configs" / "targets"
OUR_MODEL = FOLDER / "models" / "imgc" / "imgc_resnet8_int8.tflite"
PACKAGES_OF_DEBIAN = FOLDER / "setup" / "debian-packages.txt"


def shipped_or_given(path: Path) -> Path:
    """Return a path, or the file that comes with the program where a person means that one.

    So ``configs/quick.toml`` and ``models/imgc/imgc_resnet8_int8.tflite`` are the same files in a
    checkout and in any other folder.

    Args:
        path: As a person gave it. One that exists, or is absolute, is returned as it is.
    """
    if path.is_absolute() or path.exists() or ".." in path.parts:
        return path
    shipped = FOLDER / path
    return shipped if path.parts[:1] in (("configs",), ("models",)) and shipped.exists() else path
