"""What is checked of a config before a study of it is started, by a command or in a browser."""

from contracts.faults import ConfigError, ToolMissing
from contracts.measurement import Fidelity
from dse.campaign.networks import check_network
from dse.config import StudyConfig, config_from_json, differences
from dse.config.assembly import assemble_space
from dse.config.mistakes import Mistakes
from dse.results.going_on import going_on
from dse.space import Space
from dse.store import Reader, StudyRecord


def checked_space(config: StudyConfig, mistakes: Mistakes) -> Space:
    """Return the space of a config whose space, network and boards are right.

    Runs the code of the CFU families that the config names: who gives the file asks for that.

    Args:
        config: What a file says.
        mistakes: What is wrong in the file so far.

    Raises:
        ConfigError: All that is wrong in the file.
        ToolMissing: A board is to be loaded, and the program that does is not installed.
    """
    space: Space | None = None
    with mistakes.checking("cfu", without=f"study {config.name}: "):
        space = assemble_space(config)
    check_surroundings(config, mistakes)
    assert space is not None, "without a mistake there is one"
    return space


def check_surroundings(config: StudyConfig, mistakes: Mistakes) -> None:
    """Check the network and the boards that a config names; runs no code of its.

    Raises:
        ConfigError: All that is wrong in the file, with what was so before.
        ToolMissing: As of ``checked_space``.
    """
    with mistakes.checking("workload", "target", "space.model"):
        check_network(config)
    try:
        with mistakes.checking("study.fidelity", "target"):
            check_boards_of(config)
    except ToolMissing:
        mistakes.raise_any()
        raise
    mistakes.raise_any()


def require_same_config(study: StudyRecord, config: StudyConfig, reader: Reader, file: str) -> None:
    """Make sure that a config may go on with the study of its name.

    Args:
        study: The one that is there.
        config: What the file says.
        reader: Has the study.
        file: How the config is named to a person.

    Raises:
        ConfigError: They differ in what decides what is measured; the message says in what.
    """
    changed = differences(config_from_json(study.config_json), config)
    if changed:
        raise ConfigError(
            f"study {config.name} in {reader.place} was started with another config:\n  "
            + "\n  ".join(changed),
            fix=f"give the new study another name in {file}, use another --db, or"
            f" go on with the old one: {going_on(reader, config.name)}",
        )


def check_boards_of(config: StudyConfig) -> None:
    """Make sure that a study whose trials go to boards finds one.

    Raises:
        ConfigError: ``boards.toml`` is missing or wrong, or has no board of the target; or energy
            is asked for, and a board has no meter.
        ToolMissing: openFPGALoader is not installed, and a board has no command of its own.
    """
    if config.fidelity is not Fidelity.BOARD:
        return
    from runners.boards.loader import LOADER
    from runners.measuring.metrics import OF_METERS
    from runners.measuring.on_board import (
        check_boards,  # the board's room, which most studies need not
    )
    from runners.tools import find_program

    entries = check_boards(config.target.name)
    if not all(entry.load for entry in entries):
        find_program(LOADER)
    wanted = {metric.name for metric in OF_METERS} & {*config.objectives, *config.constraints}
    without = [entry.name for entry in entries if entry.power is None]
    if wanted and without:
        raise ConfigError(
            f"study {config.name} asks for {', '.join(sorted(wanted))}, and no meter measures the"
            f" power of board {', '.join(without)}",
            fix=f"add a section [boards.{without[0]}.power] to boards.toml, see"
            " docs/how-to/measure-energy.md",
        )
