"""Whether the optional packages behind an algorithm are installed; imports none of them."""

from collections.abc import Sequence
from importlib.util import find_spec

from contracts.faults import ConfigError


def require_optuna(algorithm: str, *, needs: Sequence[str]) -> None:
    """Make sure that the extra ``optuna`` is installed.

    Raises:
        ConfigError: A package that the algorithm needs is not there; the message names the extra.
    """
    missing = [name for name in needs if find_spec(name) is None]
    if missing:
        raise ConfigError(
            f"the search algorithm {algorithm!r} needs {' and '.join(missing)}, which"
            f" {'is' if len(missing) == 1 else 'are'} not installed",
            fix="install the extra `optuna`: pip install 'soft-soc-dse[optuna]'; or use the"
            " algorithm `vizier`",
        )
