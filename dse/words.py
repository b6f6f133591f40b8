"""Numbers and designs as people read them, and data as any reader of JSON takes it."""

import difflib
import json
import math
import re
import shlex
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from contracts.faults import ConfigError
from contracts.parameter import Value
from dse import program

if TYPE_CHECKING:
    from runners.job import SimulatedCycles


def number_text(value: float) -> str:
    """Write a number with thousands separated and no more digits than matter.

    What is no number is written as it is: ``inf``, ``nan``.
    """
    if not math.isfinite(value):
        return str(value)
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:,.1f}" if abs(value) >= 100 else f"{value:.4g}"


_MOST_DIGITS = 18
"""Of a number that fits what SQLite and NumPy count with."""


def whole_number(text: str) -> int | None:
    """Return what an address or a form has as a whole number; None where it has none.

    ``str.isdigit`` alone takes superscripts, which ``int`` does not.
    """
    is_number = text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS
    return int(text) if is_number else None


def json_text(data: Any, *, indent: int | None = None) -> str:
    """Write data as JSON, null for what JSON has no word for: infinity and not-a-number.

    Old databases may hold such a value, and a reader other than Python's stops at its word.

    Args:
        data: Dicts, lists, texts, numbers, None.
        indent: As of ``json.dumps``; None writes one line without blanks.
    """
    separators = (",", ":") if indent is None else None
    try:
        return json.dumps(data, indent=indent, separators=separators, allow_nan=False)
    except ValueError:
        return json.dumps(_finite(data), indent=indent, separators=separators, allow_nan=False)


def _finite(data: Any) -> Any:
    if isinstance(data, float):
        return data if math.isfinite(data) else None
    if isinstance(data, Mapping):
        return {key: _finite(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_finite(value) for value in data]
    return data


def latency_text(microseconds: float) -> str:
    """Write how long something takes in milliseconds, or in seconds from one on: ``60.0 ms``.

    Three digits count, and a zero at the end is written when it is one of them.
    """
    if not math.isfinite(microseconds):
        return str(microseconds)
    if microseconds == 0:
        return "0 ms"
    # what rounds to 1,000 ms is a second
    is_long = abs(microseconds) >= 999_500
    unit, value = ("s", microseconds / 1e6) if is_long else ("ms", microseconds / 1e3)
    decimals = max(2 - math.floor(math.log10(float(f"{abs(value):.2e}"))), 0)
    return f"{value:,.{decimals}f} {unit}"


_IN_US = "_us"
"""How the names of metrics end that are times."""


def is_time(metric: str) -> bool:
    """Tell whether the values of a metric are microseconds; a formula of some is another thing."""
    return metric.endswith(_IN_US) and metric.isidentifier()


def metric_title(metric: str) -> str:
    """Return what a metric is called above its values, without a unit that these have."""
    return metric.removesuffix(_IN_US) if is_time(metric) else metric


def metric_text(metric: str, value: float) -> str:
    """Write the value of a metric: times with their unit, see ``latency_text``."""
    return latency_text(value) if is_time(metric) else number_text(value)


def metrics_text(values: Mapping[str, float]) -> str:
    """Write metrics in one line: ``latency 60.0 ms, lut4 6,845``."""
    return ", ".join(f"{metric_title(n)} {metric_text(n, value)}" for n, value in values.items())


def estimate_text(metric: str, value: float) -> str:
    """Write the value of a metric that is only expected: three digits of it, behind ``~``."""
    if is_time(metric) or not math.isfinite(value):
        return f"~{metric_text(metric, value)}"
    return f"~{number_text(float(f'{value:.2e}'))}"


_QUANTITY = re.compile(
    r"([+-]?(?:[0-9]{1,3}(?:[, _\u00a0\u202f][0-9]{3})+|[0-9]+)?(?:\.[0-9]*)?(?:e[+-]?[0-9]+)?)"
    r"[ \u00a0\u202f]*([a-zµμ]*)",
    re.IGNORECASE,
)
_TIMES_ONE = {"": 1.0}
_THOUSANDS = {"k": 1e3, "M": 1e6, "G": 1e9}
_TIMES = {"us": 1.0, "µs": 1.0, "μs": 1.0, "ms": 1e3, "s": 1e6, "min": 6e7}
_CLOCKS = {"Hz": 1e-6, "kHz": 1e-3, "MHz": 1.0, "GHz": 1e3}


def quantity(text: str, metric: str) -> float:
    """Return the number that a person typed as a value of a metric, in the metric's unit.

    ``100 ms``, ``1.5s``, ``100k``, ``6,500``; a number without a unit is one of the metric's.

    Raises:
        ConfigError: It is no such text; the message says which there are.
    """
    units: dict[str, float] = dict(_TIMES_ONE)
    if is_time(metric):
        units |= _TIMES
    elif metric.endswith("_mhz"):
        units |= _CLOCKS
    units |= _THOUSANDS
    found = _QUANTITY.fullmatch(text.strip())
    number = re.sub("[, _\u00a0\u202f]", "", found[1]) if found else ""
    worth = units.get(found[2], units.get(found[2].lower())) if found else None
    try:
        value = float(number) * (worth if worth is not None else math.nan)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        known = ", ".join(unit for unit in units if unit.isascii() and unit)
        raise ConfigError(
            f"{text[:80]!r} is no value of {metric}",
            fix=f"use a number such as 6,500 or 100k, with one of {known}, or none",
        )
    return value


def unit_text(metric: str, unit: str) -> str:
    """Return the unit of a metric, empty where the metric's name says it."""
    return "" if metric.endswith(f"_{unit.lower()}") or unit in ("", metric) else unit


def duration_text(seconds: float) -> str:
    """Write a duration in its two largest units."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def stage_text(stage: str, fraction: float | None, cycles: "SimulatedCycles | None") -> str:
    """Say how far a running stage is: ``simulate 33%, 12.3 of about 36.9 Mcycles``."""
    said = stage if fraction is None else f"{stage} {math.floor(100 * fraction)}%"
    if cycles is None:
        return said
    of = "" if cycles.expected is None else f" of about {cycles.expected / 1e6:.1f}"
    return f"{said}, {cycles.done / 1e6:.1f}{of} Mcycles"


def value_text(value: Value) -> str:
    """Write a parameter's value as the config has it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def design_text(design: Mapping[str, Value], names: Iterable[str] | None = None) -> str:
    """Write a design in one line, all of it or the parameters ``names``."""
    chosen = design if names is None else {name: design[name] for name in names if name in design}
    return " ".join(f"{name}={value_text(value)}" for name, value in chosen.items())


def varying(designs: Iterable[Mapping[str, Value]]) -> tuple[str, ...]:
    """Return the names of the parameters that are not the same in all designs, sorted."""
    listed = list(designs)
    names = sorted({name for design in listed for name in design})
    return tuple(name for name in names if len({repr(d.get(name)) for d in listed}) > 1)


_BYTE_UNITS = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
               "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}  # fmt: skip
_BYTES = re.compile(r"([0-9]+(?:\.[0-9]+)?) *([A-Za-z]+)")


def byte_count(text: str) -> int:
    """Return the bytes of a text such as ``20 GB`` or ``1.5 GiB``.

    Raises:
        ConfigError: It is no number with a unit.
    """
    found = _BYTES.fullmatch(text.strip())
    units = {name.lower(): worth for name, worth in _BYTE_UNITS.items()}
    if found is None or found[2].lower() not in units:
        raise ConfigError(
            f"{text[:80]!r} is no number of bytes",
            fix=f"write a number and one of {', '.join(_BYTE_UNITS)}, for example 20 GB",
        )
    return round(float(found[1]) * units[found[2].lower()])


def bytes_text(count: int) -> str:
    """Write a number of bytes with the largest unit of thousands that fits: ``1.5 GB``."""
    for unit in ("TB", "GB", "MB", "kB"):
        if abs(count) >= _BYTE_UNITS[unit]:
            return f"{count / _BYTE_UNITS[unit]:.3g} {unit}"
    return f"{count} B"


def printable(text: str) -> str:
    """Return a text in one line without what a terminal would obey.

    What a database says may come from anywhere: a fault's text, a name, a tool's output.
    """
    return "".join(c if c.isprintable() else " " if c.isspace() else "?" for c in text)


def plural(count: int, noun: str) -> str:
    """Write a count with its noun: ``1 design``, ``2 designs``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def closest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that ``name`` was probably meant to be, in whatever case."""
    names = {each.lower(): each for each in known}
    near = difflib.get_close_matches(name.lower(), list(names), n=1, cutoff=0.6)
    return names[near[0]] if near else None


def suggestion(name: str, known: Iterable[str], *, intro: str = "allowed are") -> str:
    """Say which names are allowed, the probable one first."""
    names = list(known)
    near = closest(name, names)
    allowed = f"{intro}: {', '.join(names)}"
    return f"did you mean {near!r}? {allowed}" if near else allowed


def study_command(*words: str, db: str | None = None) -> str:
    """Write a command of this program for a shell.

    Args:
        words: The command and its arguments.
        db: Path of the database; None for the default one, which need not be named.
    """
    return " ".join(
        [
            program.name(),
            *map(shlex.quote, words),
            *([] if db is None else ["--db", shlex.quote(db)]),
        ]
    )
