"""Variants of a network: which files they are, and what each is called in a space.

A variant is known by its content. Its value of the parameter ``model`` is the name of its file and
the start of its SHA-256, ``resnet8_w4.tflite@3f2a9c01``: so a table shows which file a design has,
and a file that is trained again is another value, whose results are never taken for those of the
one before.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePath

from contracts.faults import ConfigError
from contracts.parameter import Parameter, Value
from dse.words import closest, suggestion

PARAMETER = "model"
"""Name of the parameter whose values the variants are."""
_DIGITS = 8
_ENDING = "*.tflite"


def variant_values(files: Sequence[str], digests: Sequence[str]) -> tuple[str, ...]:
    """Return the value of ``model`` of each variant, in order.

    Args:
        files: Absolute paths.
        digests: SHA-256 of each.
    """
    paths = [PurePath(file) for file in files]
    return tuple(
        f"{_short_name(path, paths)}@{digest[:_DIGITS]}"
        for path, digest in zip(paths, digests, strict=True)
    )


def file_name(value: str) -> str:
    """Return the name of the file that a value of ``model`` stands for."""
    return PurePath(value.rpartition("@")[0]).name


def variants_parameter(values: Sequence[str]) -> Parameter:
    """Return the parameter that chooses between variants; the first one is the default."""
    return Parameter(
        name=PARAMETER,
        values=tuple(values),
        default=values[0],
        description="variant of the network: file and start of its SHA-256",
    )


def variant_files(names: Sequence[str], *, folder: Path, file: str) -> tuple[Path, ...]:
    """Return the files that ``workload.models`` names: files, and all of each folder, by name.

    Args:
        names: As in the config.
        folder: What relative paths start from.
        file: Name of the config for messages.

    Raises:
        ConfigError: A file or folder is not there, a folder has no model, or none is named.
    """
    found = list(dict.fromkeys(path for name in names for path in _files(name, folder, file)))
    if not found:
        raise ConfigError(
            f"{file}: [workload] models is an empty list",
            fix="name the files of the variants, or their folder",
        )
    return tuple(found)


def variant_digests(
    paths: Sequence[Path], given: Sequence[str] | None, *, file: str
) -> tuple[str, ...]:
    """Return the SHA-256 of each variant.

    Args:
        paths: Of the variants.
        given: ``workload.models_sha256``, None where the config does not have it.
        file: Name of the config for messages.

    Raises:
        ConfigError: Two files have the same content, or one not the content that was given.
    """
    digests = [_digest(path, file) for path in paths]
    if given is not None and list(given) != digests:
        raise ConfigError(
            f"{file}: [workload] models_sha256 does not fit the files, whose SHA-256 are"
            f" {', '.join(digests)}",
            fix="bring the files back that were meant, or correct the key",
        )
    first: dict[str, Path] = {}
    for path, digest in zip(paths, digests, strict=True):
        if (other := first.setdefault(digest, path)) != path:
            raise ConfigError(
                f"{file}: [workload] models has {other} and {path}, which are the same network",
                fix="name it once",
            )
    return tuple(digests)


def variants_meant(
    allowed: Value | Sequence[Value], values: Sequence[str], *, file: str
) -> list[Value]:
    """Return the values of ``model`` that ``[space]`` means: by name of the file, or whole.

    Raises:
        ConfigError: A name stands for no variant, or for several.
    """
    wanted = [allowed] if isinstance(allowed, int | str) else list(allowed)
    found: list[Value] = []
    for name in wanted:
        fitting = [
            value for value in values if name in (value, value.rpartition("@")[0], file_name(value))
        ]
        if len(fitting) != 1:
            what = "no variant" if not fitting else f"several variants: {', '.join(fitting)}"
            raise ConfigError(
                f"{file}: [space] {PARAMETER} has {name!r}, which is {what}",
                fix=suggestion(str(name), [value.rpartition("@")[0] for value in values]),
            )
        found += fitting
    return found


def comparable(section: Mapping[str, object]) -> dict[str, object]:
    """Return a resolved ``[workload]`` with names and contents of variants: files may move."""
    files, digests = section.get("models"), section.get("models_sha256")
    if not isinstance(files, list) or not isinstance(digests, list):
        return dict(section)
    others = {k: v for k, v in section.items() if k not in ("models", "models_sha256")}
    named = zip(variant_values(files, digests), digests, strict=True)
    return {**others, "models": sorted(f"{value.rpartition('@')[0]}@{sha}" for value, sha in named)}


def _short_name(path: PurePath, paths: Sequence[PurePath]) -> str:
    """Return the shortest end of a path that no other one of these has."""
    for count in range(1, len(path.parts) + 1):
        tail = path.parts[-count:]
        if sum(other.parts[-count:] == tail for other in paths) == 1:
            break
    return "/".join(path.parts[-count:])


def _files(name: str, folder: Path, file: str) -> Iterator[Path]:
    path = (folder / name).resolve()
    if path.is_dir():
        inside = sorted(each for each in path.rglob(_ENDING) if each.is_file())
        if not inside:
            raise ConfigError(
                f"{file}: [workload] models has {name!r}, and there is no {_ENDING} below {path}",
                fix="put the variants there, or name another folder",
            )
        yield from inside
    elif path.is_file():
        yield path
    else:
        near = closest(path.name, (other.name for other in path.parent.glob(_ENDING)))
        raise ConfigError(
            f"{file}: [workload] models has {name!r}, and there is no file or folder {path}",
            fix=f"did you mean {near!r}?" if near else "correct the path; it starts at the config",
        )


def _digest(path: Path, file: str) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise ConfigError(
            f"{file}: [workload] models: {path} cannot be read: {error.strerror}",
            fix="make it readable",
        ) from error
