"""Damages model files at random: each must end in an answer or in a named error.

``python -m benchmarks.mutated_models MODEL_OR_FOLDER ... --count 10000`` prints a row for each
model: how many mutants were refused by the import, refused by TFLite's reference interpreter,
supported, and accepted but too large to be run; how many crashed the interpreter (an error with a
name); what took longest; and everything that was neither, which is a fault of this software.
"""

import argparse
import functools
import random
import resource
import signal
import struct
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import flatbuffers
import tflite

from contracts.faults import Bug, ConfigError
from runners.reference import reference_refusals
from runners.workload import model_memory
from sw_templates.tflite_import import load_model
from sw_templates.workload import workload_report

LIMIT_S = 20
"""A mutant that keeps the import busy for longer hangs."""
REFERENCE_LIMIT_S = 5
_WORDS = (0, 1, 2, 4, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
_NUMBERS = (0, 1, -1, 2, 3, 4, 5, 7, 127, 128, 255, 256, 4096, 65536, 2**31 - 1, -(2**31))
_REALS = (0.0, -0.0, 1.0, -1.0, 1e-45, 1e-30, 1e30, 3e38, float("nan"), float("inf"))
_CHUNK = 500
_MOST_WORK = 50_000_000
SHARED = Path(__file__).parents[2] / "shared" / "data"
HEADER = (
    *("model", "mutants", "refused by the import", "refused by the reference", "supported"),
    *("crashes of the reference", "slowest import, s"),
)
_COUNT = 10_000
TOO_LARGE = "accepted, too large to run"
"""A changed size may make a network of minutes; it has its answer, the reference is not asked."""
KINDS = ("refused by the import", "refused by the reference", "supported", TOO_LARGE)


# Mutations: each takes the file and a generator, and returns another file. ----------------------


def flip_bytes(content: bytes, chance: random.Random) -> bytes:
    """Change one to eight bytes."""
    changed = bytearray(content)
    for _ in range(chance.randint(1, 8)):
        changed[_place(content, chance)] = chance.randrange(256)
    return bytes(changed)


def truncate(content: bytes, chance: random.Random) -> bytes:
    """Drop the end."""
    return content[: chance.randrange(len(content))]


def insert_bytes(content: bytes, chance: random.Random) -> bytes:
    """Insert or remove some bytes, by which all offsets behind point elsewhere."""
    place, count = _place(content, chance), chance.choice((1, 2, 3, 4, 8, 64))
    if chance.random() < 0.5:
        return content[:place] + content[place + count :]
    return content[:place] + chance.randbytes(count) + content[place:]


def swap_words(content: bytes, chance: random.Random) -> bytes:
    """Exchange two words of four bytes: offsets, lengths or entries of tables."""
    changed = bytearray(content)
    first, second = (_place(content, chance) // 4 * 4 for _ in range(2))
    changed[first : first + 4], changed[second : second + 4] = (
        content[second : second + 4],
        content[first : first + 4],
    )
    return bytes(changed[: len(content)])


def set_word(content: bytes, chance: random.Random) -> bytes:
    """Give a word of four bytes a value at the edge of a range."""
    changed = bytearray(content)
    place = min(_place(content, chance) // 4 * 4, len(content) - 4)
    struct.pack_into("<I", changed, place, chance.choice(_WORDS))
    return bytes(changed)


def change_fields(content: bytes, chance: random.Random) -> bytes:
    """Change one to three fields of the file's tables to other values of their kind."""
    from ai_edge_litert import schema_py_generated as schema

    for _ in range(20):  # some values cannot be written
        model = schema.ModelT.InitFromPackedBuf(content, 0)
        for _ in range(chance.randint(1, 3)):
            table, name = chance.choice(list(_fields(model)))
            setattr(table, name, _other(getattr(table, name), chance))
        builder = flatbuffers.Builder(len(content) + 1024)
        try:
            builder.Finish(model.Pack(builder), b"TFL3")
        except (TypeError, ValueError, struct.error, AttributeError, OverflowError):
            continue
        return bytes(builder.Output())
    return content


MUTATIONS: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    flip_bytes,
    truncate,
    insert_bytes,
    swap_words,
    set_word,
    change_fields,
)


def _place(content: bytes, chance: random.Random) -> int:
    """Return a place, mostly one outside of weights: a file has few tables and many weights."""
    for _ in range(20):
        place = chance.randrange(len(content))
        if not any(place in weights for weights in _weights(content)) or chance.random() < 0.01:
            return place
    return chance.randrange(len(content))


@functools.cache
def _weights(content: bytes) -> tuple[range, ...]:
    """Return where the longer buffers of a whole file lie."""
    model = tflite.Model.GetRootAs(content, 0)
    buffers = [model.Buffers(number) for number in range(model.BuffersLength())]
    found = [
        range(start, start + buffer.DataLength())
        for buffer in buffers
        if buffer.DataLength() > 64
        for start in [buffer._tab.Vector(buffer._tab.Offset(4))]
    ]
    return tuple(sorted(found, key=len, reverse=True))


def _fields(table: Any) -> Iterator[tuple[Any, str]]:
    """Yield every field of the tables below one, weights left out."""
    for name, value in vars(table).items():
        yield table, name
        below = value if isinstance(value, list) else [value]
        for item in below:
            if type(item).__module__ == type(table).__module__:
                yield from _fields(item)


def _other(value: Any, chance: random.Random) -> Any:
    """Return another value of the same kind, or what an absent one is."""
    if chance.random() < 0.1:
        return None
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return chance.choice((*_NUMBERS, value + 1, value - 1))
    if isinstance(value, float):
        return chance.choice((*_REALS, value * 2, -value))
    if value is None or isinstance(value, bytes | str):
        return chance.choice((None, "", "x", b"\xff\xfe", [1, 2], 1))
    items = value.tolist() if hasattr(value, "tolist") else value
    if not isinstance(items, list) or len(items) > 4096:
        return None
    return _other_list(items, chance)


def _other_list(items: list[Any], chance: random.Random) -> list[Any]:
    kind = chance.randrange(4)
    if kind == 0 or not items:
        return items[: chance.randrange(len(items) + 1)]
    if kind == 1:
        return [*items, chance.choice(items)]
    place = chance.randrange(len(items))
    if isinstance(items[0], int | float):
        return [*items[:place], _other(items[place], chance) or 0, *items[place + 1 :]]
    return [*items[:place], chance.choice(items), *items[place + 1 :]]


# Asking ------------------------------------------------------------------------------------------


@dataclass(kw_only=True)
class Outcome:
    """What became of the mutants of one model.

    Attributes:
        model: The file.
        counts: How many ended how.
        faults: What ended in neither an answer nor a named error: mutation, number, what happened.
        slowest_s: What the longest import took.
        crashes: How many crashed the reference interpreter, which is an error with a name.
        too_slow: How many it did not end within ``REFERENCE_LIMIT_S``, which is another one.
    """

    model: Path
    counts: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    slowest_s: float = 0.0
    crashes: int = 0
    too_slow: int = 0


class _Hangs(BaseException):
    """Raised by the alarm; no part of the import catches it."""


def _hangs(*_: object) -> None:
    raise _Hangs


def try_mutants(model: Path, *, count: int, seed: int) -> Outcome:
    """Damage a model ``count`` times and ask what each mutant is.

    Args:
        model: The file.
        count: Of mutants, the kinds of mutation in turn.
        seed: The same one makes the same mutants.
    """
    content = model.read_bytes()
    outcome = Outcome(model=model)
    before = signal.signal(signal.SIGALRM, _hangs)
    try:
        _try_all(content, outcome, count=count, seed=seed)
    finally:
        signal.signal(signal.SIGALRM, before)
    return outcome


def _try_all(content: bytes, outcome: Outcome, *, count: int, seed: int) -> None:
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        for first in range(0, count, _CHUNK):
            accepted = {}
            for number in range(first, min(first + _CHUNK, count)):
                mutation = MUTATIONS[number % len(MUTATIONS)]
                mutant = Path(folder) / f"{number}.tflite"
                mutant.write_bytes(mutation(content, random.Random(f"{seed} {number}")))
                if _imports(mutant, f"{mutation.__name__} {number}", outcome):
                    accepted[mutant] = f"{mutation.__name__} {number}"
                else:
                    mutant.unlink()
            refusals = reference_refusals(list(accepted), limit_s=REFERENCE_LIMIT_S)
            for mutant, refusal in zip(accepted, refusals, strict=True):
                outcome.counts["supported" if refusal is None else "refused by the reference"] += 1
                outcome.crashes += refusal is not None and "crashed" in refusal
                outcome.too_slow += refusal is not None and "did not end" in refusal
                mutant.unlink()


def _imports(mutant: Path, name: str, outcome: Outcome) -> bool:
    """Import a mutant, report on it, and note what became of it."""
    started_s = time.perf_counter()
    signal.alarm(LIMIT_S)
    try:
        model = load_model(mutant)
        workload_report(model)
        model_memory(model)
        if sum(layer.macs + layer.output.elements for layer in model.layers) > _MOST_WORK:
            outcome.counts[TOO_LARGE] += 1
            return False
    except ConfigError:
        outcome.counts["refused by the import"] += 1
        return False
    except _Hangs:
        outcome.faults.append(f"{name}: hangs")
        return False
    except Exception as error:  # noqa: BLE001 - this is what is looked for
        outcome.faults.append(f"{name}: {type(error).__name__}: {error}"[:200])
        return False
    finally:
        signal.alarm(0)
        outcome.slowest_s = max(outcome.slowest_s, time.perf_counter() - started_s)
    return True


def models_in(paths: Sequence[Path]) -> list[Path]:
    """Return the model files among paths and below folders."""
    found = [sorted(p.rglob("*.tflite")) if p.is_dir() else [p] for p in paths]
    return [path for group in found for path in group]


def rows() -> list[list[str]]:
    """Damage the networks at hand, as often as is usual.

    Raises:
        ConfigError: There are none.
    """
    models = models_in([SHARED])
    if not models:
        raise ConfigError(f"there are no models below {SHARED}", fix="put them there")
    found = []
    for path in models:
        outcome = try_mutants(path, count=_COUNT, seed=1)
        ends = [outcome.counts[kind] for kind in KINDS[:3]]
        counts = [f"{number:,}" for number in (_COUNT, *ends, outcome.crashes)]
        found.append([path.stem, *counts, f"{outcome.slowest_s:.2f}"])
        if outcome.faults:
            raise Bug(f"{path.name}: {outcome.faults[0]}", fix="mend the import")
        print(found[-1], file=sys.stderr, flush=True)
    return found


def main() -> None:
    """Print a row for each model; the exit status is 1 where anything was a fault."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("models", nargs="+", type=Path, help="model files, or folders of them")
    parser.add_argument("--count", type=int, default=_COUNT, help="mutants of each model")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    print(
        f"{'model':34} {'import':>8} {'reference':>9} {'supported':>9} {'large':>6}"
        f" {'crashes':>7} {'slow':>5} {'slowest s':>9}"
    )
    has_faults = False
    for path in models_in(arguments.models):
        outcome = try_mutants(path, count=arguments.count, seed=arguments.seed)
        first, second, third, fourth = (outcome.counts[kind] for kind in KINDS)
        print(
            f"{path.name:34} {first:8,} {second:9,} {third:9,} {fourth:6,} {outcome.crashes:7,}"
            f" {outcome.too_slow:5,} {outcome.slowest_s:9.2f}",
            flush=True,
        )
        for fault in outcome.faults:
            has_faults = True
            print(f"  {fault}")
    peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(f"largest memory of the import: {peak_bytes >> 20} MiB")
    sys.exit(has_faults)


if __name__ == "__main__":
    main()
