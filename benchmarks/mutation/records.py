"""What was found of each change, kept from run to run, and the table that is made of it."""

import ast
import hashlib
import json
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.mutation.changes import Change
from benchmarks.mutation.workshop import ROOT, Verdict

EQUIVALENTS = Path(__file__).with_name("equivalents.toml")

_HEAD = """# Which wrong decisions the tests notice

`make mutants` made this page: it changes the modules that decide something, one small thing at a
time, and runs the module's own quick tests until one fails. `make mutants MODULE="pareto leases"`
does some of them, `BUDGET_S=600` says for how many seconds; what was judged is kept in
`mutants.jsonl` as long as module and tests are what they were, so a run goes on where the last one
ended. *Possible* are the changes that there are; *tried* is a sample of them, the same in each
run. The score is what was noticed of those that can be noticed. A change counts as noticed, too,
where the tests do not end. Of a module that a run does not come to, the row of the run before
stays.

Comparisons, `and` and `or`, arithmetic, constants, conditions, returned values, calls, named
arguments and conditions of comprehensions are changed or left out; messages are not. The tests of
a module are in `benchmarks/mutation/deciders.py`, the changes that no test can notice in
`equivalents.toml` beside it.

It is ours because neither of the known tools fits. mutmut 3.8 changes no decorated function, so no
property and no context manager, and nothing outside of functions; it puts all changes of a module
into one text, which the keys of our stages are made of. cosmic-ray 8.7 starts Python and all tests
of a module anew for each of 832 changes of `dse/pareto.py` (we make 235, and each runs the tests
that call its function, in a copy of a process that has loaded the libraries), writes into the
checkout itself, and knows no named argument or call that is left out.

| module | possible | tried | noticed | equivalent | missed | score |
|---|---:|---:|---:|---:|---:|---:|"""


def digest(*paths: Path) -> str:
    """Return a hash of files, folders included."""
    found = hashlib.sha256()
    for path in paths:
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            found.update(file.read_bytes())
    return found.hexdigest()[:16]


def test_files(tests: Sequence[str]) -> list[Path]:
    """Return the files and folders that some tests are in."""
    return [ROOT / test.partition("::")[0] for test in tests]


@dataclass(frozen=True, slots=True, kw_only=True)
class Equivalent:
    """A change that no test can notice.

    Attributes:
        module: Its file.
        function: As of ``Change``.
        code: As of ``Change``.
        what: As of ``Change``; empty: whatever was changed in the line.
        reason: Why.
    """

    module: str
    function: str
    code: str
    what: str = ""
    reason: str

    def is_of(self, module: str, change: Change) -> bool:
        """Tell whether a change is this one."""
        where = (self.module, self.function, self.code)
        return where == (module, change.function, change.code) and self.what in ("", change.what)


def read_equivalents() -> tuple[Equivalent, ...]:
    """Return what is in ``equivalents.toml``."""
    rows = tomllib.loads(EQUIVALENTS.read_text()).get("equivalent", [])
    return tuple(Equivalent(**row) for row in rows)


class Done:
    """Verdicts of earlier runs, a line of JSON each.

    What a test noticed holds as long as the changed function and that test are what they were;
    what none noticed, as long as the module and all files of its tests are.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[tuple[Any, ...], dict[str, Any]] = {}
        for line in path.read_text().splitlines() if path.exists() else ():
            record = json.loads(line)
            self._known[(record["module"], *record["identity"])] = record

    def verdict(self, module: str, change: Change, tests: Sequence[str]) -> Verdict | None:
        """Return what is known of a change, None if that is nothing or no longer true."""
        record = self._known.get((module, *change.identity))
        if record is None:
            return None
        verdict = Verdict(is_noticed=record["is_noticed"], by=record["by"])
        if record["judged"] != self._judged(module, change, tests, verdict):
            return None
        return verdict

    def add(self, module: str, change: Change, tests: Sequence[str], verdict: Verdict) -> None:
        """Keep a verdict."""
        record = {
            "module": module,
            "identity": change.identity,
            "is_noticed": verdict.is_noticed,
            "by": verdict.by,
            "judged": self._judged(module, change, tests, verdict),
        }
        self._known[(module, *change.identity)] = record
        with self._path.open("a") as file:
            file.write(json.dumps(record) + "\n")

    def _judged(
        self, module: str, change: Change, tests: Sequence[str], verdict: Verdict
    ) -> list[str]:
        file, _, test = verdict.by.partition("[")[0].partition("::")
        if verdict.is_noticed and test and (ROOT / file).is_file():
            return [
                _function_digest(ROOT / module, change.function),
                _function_digest(ROOT / file, test.replace("::", ".")),
            ]
        if verdict.is_noticed:
            return [digest(ROOT / module)]
        return [digest(ROOT / module), digest(*test_files(tests))]


def _function_digest(path: Path, function: str) -> str:
    text = path.read_text()
    body: Sequence[ast.stmt] = ast.parse(text).body
    found = ""
    for name in function.split("."):
        named = [
            each
            for each in body
            if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            and each.name == name
        ]
        if named:
            found, body = ast.get_source_segment(text, named[0]) or "", named[0].body
    return hashlib.sha256((found or text).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """What the tests of one module noticed.

    Attributes:
        module: Its file.
        possible: Changes that there are.
        noticed: Of those that were tried.
        equivalent: Listed with a reason.
        missed: Neither.
    """

    module: str
    possible: int
    noticed: int
    equivalent: int
    missed: int


def _row(s: Score) -> str:
    tried = s.noticed + s.equivalent + s.missed
    return (
        f"| `{s.module}` | {s.possible} | {tried} | {s.noticed} | {s.equivalent} | {s.missed}"
        f" | {_percent(s)} |"
    )


def _percent(score: Score) -> str:
    judged = score.noticed + score.missed
    return f"{100 * score.noticed / judged:.0f} %" if judged else "-"


def page(scores: Iterable[Score], equivalents: Iterable[Equivalent], *, before: str = "") -> str:
    """Return the scores, and what cannot be noticed, as a page of Markdown.

    Args:
        scores: Of all modules.
        equivalents: What cannot be noticed.
        before: The page that there was: of a module that was not judged since, its row stays.
    """
    known = {line.split("`")[1]: line for line in before.splitlines() if line.startswith("| `")}
    rows = "\n".join(
        _row(score) if score.noticed + score.missed else known.get(score.module, _row(score))
        for score in scores
    )
    reasons = "\n".join(
        f"- `{e.module}`, `{e.function or 'module'}`: `` {e.code} ``"
        f" ({e.what or 'any change'}): {e.reason}"
        for e in equivalents
    )
    return f"{_HEAD}\n{rows}\n\n## Changes that no test can notice\n\n{reasons}\n"


def by_module(rows: Mapping[str, Sequence[str]], wanted: Sequence[str]) -> list[str]:
    """Return the modules that some texts name, each by its path or the end of it.

    Raises:
        SystemExit: One names none.
    """
    found = []
    for text in wanted:
        matching = [module for module in rows if text in module]
        if not matching:
            raise SystemExit(f"no module of the table is called {text!r}\n  fix: {', '.join(rows)}")
        found += matching
    return found or list(rows)
