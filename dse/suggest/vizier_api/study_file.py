"""A study in a file of Vizier's own: the SQLite database that its service keeps studies in.

Read it with Vizier alone::

    from vizier.service import clients
    clients.environment_variables.servicer_kwargs["database_url"] = "sqlite:////path/night.vizier"
    study = clients.Study.from_owner_and_id("soft-soc-dse", "night")

Only public names are used. A client refuses to add trials to a conditional study, so they go in by
the server's ``datastore``.
"""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from vizier.service import pyvizier as vz
from vizier.service import servers
from vizier.service.protos import study_pb2

from contracts.faults import ConfigError

OWNER = "soft-soc-dse"
_MAGIC = b"SQLite format 3\0"


def write_study(
    path: Path, *, name: str, config: vz.StudyConfig, trials: Sequence[vz.Trial]
) -> None:
    """Write one study with its trials into a new file.

    Raises:
        ConfigError: The file exists, or cannot be written.
    """
    if path.exists():
        raise ConfigError(
            f"{path} exists, and may hold studies of others",
            fix="name another file, or take this one away",
        )
    if not path.parent.is_dir():
        raise ConfigError(
            f"{path} cannot be written: there is no folder {path.parent}",
            fix="name a file in a folder that is there",
        )
    study = f"owners/{OWNER}/studies/{name}"
    with _datastore(path) as store:
        store.create_study(
            study_pb2.Study(
                name=study,
                display_name=name,
                study_spec=config.to_proto(),
                state=study_pb2.Study.State.ACTIVE,
            )
        )
        for trial in trials:
            proto = vz.TrialConverter.to_proto(trial)
            proto.name = f"{study}/trials/{trial.id}"
            store.create_trial(proto)


def read_study(
    path: Path, *, name: str | None, owner: str = OWNER
) -> tuple[str, vz.StudyConfig, tuple[vz.Trial, ...]]:
    """Read a study and its trials from a file of Vizier's service; the file stays as it is.

    Args:
        path: The file.
        name: Of the study; None where the owner has one only.
        owner: Of the study, as its client called itself.

    Returns:
        The study's name, its config and its trials by number.

    Raises:
        ConfigError: There is no such file, it is none of Vizier's, or has not one study of that
            name.
    """
    require_vizier_file(path)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "study"  # Vizier adds the tables that it misses
        shutil.copyfile(path, copy)
        with _datastore(copy) as store:
            studies = _studies(store, path, owner)
            names = {study.name.rsplit("/", 1)[1]: study for study in studies}
            if name is None and len(names) == 1:
                (name,) = names
            if name is None or name not in names:
                asked = "several studies" if name is None else f"no study {name!r}"
                raise ConfigError(
                    f"{path} has {asked} of owner {owner!r}",
                    fix=f"name one with --study: {', '.join(sorted(names)) or 'it has none'}",
                )
            study = names[name]
            config = vz.StudyConfig.from_proto(study.study_spec)
            trials = [vz.TrialConverter.from_proto(each) for each in store.list_trials(study.name)]
    return name, config, tuple(sorted(trials, key=lambda trial: trial.id))


def _studies(store: Any, path: Path, owner: str) -> list[Any]:
    with _named(
        f"{path} has no studies of owner {owner!r}",
        fix="name the owner with --owner, as the study's client calls itself; the file is the"
        " SQLite file of a Vizier service, or what `export --vizier` wrote",
    ):
        return list(store.list_studies(f"owners/{owner}"))


def require_vizier_file(path: Path) -> None:
    """Make sure that a file is there and may be one of Vizier's.

    Raises:
        ConfigError: It is not.
    """
    fix = "name the SQLite file of a Vizier service, or what `export --vizier` wrote"
    if not path.is_file():
        raise ConfigError(f"there is no file {path}", fix=fix)
    with path.open("rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            raise ConfigError(f"{path} is not a database of Vizier's", fix=fix)


@contextlib.contextmanager
def _datastore(path: Path) -> Iterator[Any]:
    """Open a file as Vizier's server does; the server listens on loopback meanwhile."""
    with _named(
        f"{path} cannot be used as a file of Vizier's",
        fix="check the file and its folder, or name another file",
    ):
        server = servers.DefaultVizierServer(
            host="localhost", database_url=f"sqlite:///{path.absolute()}"
        )
        store = server.datastore
        try:
            yield store
        finally:
            # Vizier leaves its file open and has no public name for closing it
            store._connection.close()
            store._engine.dispose()


@contextlib.contextmanager
def _named(what: str, *, fix: str) -> Iterator[None]:
    """Turn whatever Vizier raises into a ConfigError: it raises what its database does.

    Raises:
        ConfigError: As it is, where that is what was raised.
    """
    try:
        yield
    except ConfigError:
        raise
    except Exception as error:
        raise ConfigError(f"{what} ({error})", fix=fix) from error
