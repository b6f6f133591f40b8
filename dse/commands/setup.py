"""``setup``: what a program that was installed from a wheel needs before its first trial.

In a checkout ``make setup`` does the same, and installs what is missing.
"""

from collections.abc import Callable

from contracts.faults import ToolMissing
from dse.shipped import PACKAGES_OF_DEBIAN
from runners.pipeline import Cache, default_root
from runners.prepare import prepare


def set_up(*, say: Callable[[str], None]) -> None:
    """Make what every trial shares; returns at once when it is there.

    Args:
        say: Told what was built, and how long that took.

    Raises:
        ToolMissing: A program is not installed; the fix names the packages that a Debian or an
            Ubuntu has for all of them.
        DseError: Maven cannot download or compile.
    """
    try:
        prepare(Cache(default_root()), say=say)
    except ToolMissing as error:
        raise ToolMissing(
            error.what,
            fix="install the programs that trials need; on Debian or Ubuntu: sudo apt-get satisfy"
            f' --no-install-recommends "{", ".join(needs_of_debian())}"',
            detail=error.detail,
        ) from error
    say("everything that trials need is there")


def needs_of_debian() -> tuple[str, ...]:
    """Return what ``apt-get satisfy`` is asked for, without what some distributions lack."""
    lines = map(str.strip, PACKAGES_OF_DEBIAN.read_text().splitlines())
    return tuple(line for line in lines if line and not line.startswith("#") and "?" not in line)
