"""The command line: ``soft-soc-dse``, in a checkout ``python -m dse.study``.

Each command parses, calls one function, prints.

Results go to standard output, progress and errors to standard error. Everything slow to import
is imported by the command that needs it.
"""

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from contracts.faults import ConfigError, DseError, FaultKind, Then
from dse import program
from dse.commands.interrupts import EXIT_INTERRUPTED
from dse.shipped import QUICK, shipped_or_given

if TYPE_CHECKING:
    from dse.commands.campaigns import CampaignEnd, Running
    from dse.store import Place, Reader, Store
    from runners.job import StageEvent

EXIT_OK = 0
EXIT_BUG = 1
EXIT_USAGE = 2
EXIT_INFRASTRUCTURE = 6
EXIT_DIFFERS = 7
EXIT_SEARCH_FAILED = 8
EXIT_CODE = {
    FaultKind.CONFIG: 3,
    FaultKind.NOT_FOUND: 3,
    FaultKind.STORE: 4,
    FaultKind.TOOL_MISSING: 5,
    FaultKind.UNTRUSTED: 9,
}
"""Exit codes of the faults that stop a command; the others end in 6, a bug in 1."""

EPILOG = (
    "Exit codes: 0 done; 1 bug; 2 wrong usage; 3 wrong config or argument; 4 database unusable;"
    " 5 program missing; 6 trials failed by infrastructure (resume runs them again);"
    " 7 a comparison differs; 8 the search failed, so designs were drawn at random;"
    " 9 the study's own code is not trusted; 130 interrupted."
)

app = typer.Typer(
    epilog=EPILOG,
    no_args_is_help=True,
    add_completion=program.is_script(),  # shells complete a command, not a module of Python
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

DEFAULT_DB = Path("results.db")


def _place(text: str) -> "Place":
    from dse.store.place import parse_place

    return parse_place(str(text))


if TYPE_CHECKING:
    Database = Place
    Target = Place
else:
    Target = Annotated[
        str, typer.Option("--to", metavar="FILE|URL", parser=_place, help="The other database.")
    ]
    Database = Annotated[
        str,
        typer.Option(
            "--db",
            metavar="FILE|URL",
            parser=_place,
            help="The database: a file, or postgresql://USER@HOST/NAME.",
        ),
    ]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Trials = Annotated[
    int | None,
    typer.Option(min=1, help="Trials in the study altogether.", show_default="the config's"),
]
Workers = Annotated[
    int | None, typer.Option(min=1, help="Trials at the same time.", show_default="the config's")
]


def _studies_of(context: typer.Context, incomplete: str) -> list[str]:
    """Return the studies whose names a shell may complete; nothing where they cannot be read."""
    db = context.params.get("db") or DEFAULT_DB
    if not isinstance(db, Path) or not db.is_file():  # nobody waits for a server within a word
        return []
    try:
        with _open(db) as reader:
            names = [summary.study.name for summary in reader.summaries()]
    except DseError:  # a message in the middle of a word helps nobody
        return []
    return [name for name in names if name.startswith(incomplete)]


StudyName = Annotated[
    str,
    typer.Argument(
        metavar="STUDY", help="Name of a study; see `list`.", autocompletion=_studies_of
    ),
]
Trust = Annotated[
    bool,
    typer.Option(
        "--trust", help="Agree to run the CFU families, operators and metrics that the study names."
    ),
]
Operators = Annotated[
    list[Path] | None,
    typer.Option(metavar="FOLDER", help="Folder of your own operators; may be repeated."),
]
SampleEncoding = Annotated[
    Literal["int8", "uint8", "float32"] | None,
    typer.Option(help="What a number in their files is.", show_default="found out"),
]
Limits = Annotated[
    list[str] | None,
    typer.Option(metavar="LIMIT", help='Such as "latency_us <= 100ms"; may be repeated.'),
]
Tags = Annotated[
    list[str] | None,
    typer.Option("--tag", metavar="TAG", help="Only those with this tag; may be repeated."),
]
Wide = Annotated[
    bool,
    typer.Option("--wide", help="Show every metric, and every parameter that says something."),
]
Plot = Annotated[Path | None, typer.Option(metavar="FILE.svg|png", help="Draw it to a file, too.")]
TrialNumber = Annotated[int, typer.Argument(metavar="TRIAL", help="Number of a trial.")]


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            help="Print the version.",
            is_eager=True,
            callback=lambda wanted: _print_version() if wanted else None,
        ),
    ] = False,
) -> None:
    """Search a space of soft SoCs on your model: start a study, look at its front, go on."""


def _print_version() -> None:
    from dse.config.provenance import source_hash

    print(f"{program.SCRIPT} {program.version()}, sources {source_hash()[:12]}")
    raise typer.Exit


@app.command()
def setup() -> None:
    """Check the programs that trials need and build what all of them share, once; needs network."""
    from dse.commands.setup import set_up

    set_up(say=_tell)


@app.command()
def new(
    config: Annotated[
        Path, typer.Argument(metavar="CONFIG", help="The config file to write; a new one.")
    ],
    model: Annotated[
        Path,
        typer.Option(metavar="FILE.tflite", help="Your network.", callback=shipped_or_given),
    ],
    target: Annotated[str, typer.Option(metavar="NAME", help="Where it shall run; see `targets`.")],
    samples: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Labelled samples, to measure accuracy.", show_default="none"
        ),
    ] = None,
    db: Database = DEFAULT_DB,
    as_json: Json = False,
) -> None:
    """Write the config of a first study of your model: a space that fits, limits, the time."""
    from contextlib import nullcontext
    from dataclasses import asdict

    from dse.commands.new import new_study, new_text
    from dse.store.dialect import dialect_of

    with _open(db) if dialect_of(db).exists(db) else nullcontext() as reader:
        written = new_study(config, model=model, target=target, samples=samples, reader=reader)
    _show(asdict(written), new_text(written), as_json=as_json)


@app.command()
def targets(
    model: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE.tflite",
            help="Tell which targets hold it; may be repeated.",
            callback=lambda paths: None if paths is None else list(map(shipped_or_given, paths)),
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """List the targets: parts, memories, clocks, and which models fit."""
    from dse.commands.targets import target_summaries, targets_data, targets_text

    found = target_summaries(Path.cwd(), model or ())
    _show(targets_data(found), targets_text(found), as_json=as_json)


@app.command()
def start(
    config: Annotated[
        Path,
        typer.Argument(
            metavar="CONFIG",
            help="A config file.",
            show_default="configs/quick.toml",
            callback=shipped_or_given,
        ),
    ] = QUICK,
    trials: Trials = None,
    workers: Workers = None,
    db: Database = DEFAULT_DB,
) -> None:
    """Start the study of a config file, or continue it if the database has it."""
    from dse.commands.campaigns import prepare, start_study

    prepared = prepare(config, trials=trials, workers=workers, say=_tell)
    with _open_to_write(db, create=True) as store:
        end = start_study(prepared, store, running=_running(store))
        _finish(end, store)


@app.command()
def resume(
    study: StudyName,
    trials: Trials = None,
    workers: Workers = None,
    stop_gain: Annotated[
        float | None,
        typer.Option(
            help="Stop when the expected gain stays below this share of the front; 0 never does.",
            show_default="the config's",
        ),
    ] = None,
    hours: Annotated[
        float | None,
        typer.Option(
            help="Hours to spend altogether, in the place of a number of trials.",
            show_default="the config's",
        ),
    ] = None,
    trust: Trust = False,
    db: Database = DEFAULT_DB,
) -> None:
    """Queue again what was interrupted or failed by infrastructure, then go on."""
    from dse.commands.campaigns import resume_study

    with _open_to_write(db) as store:
        _require_trust(store, "resume", study, given=trust)
        end = resume_study(
            study,
            store,
            trials=trials,
            workers=workers,
            stop_gain=stop_gain,
            hours=hours,
            running=_running(store),
        )
        _finish(end, store)


@app.command()
def work(
    study: StudyName,
    workers: Annotated[int, typer.Option(min=1, help="Trials at the same time, here.")] = 1,
    trust: Trust = False,
    db: Database = DEFAULT_DB,
) -> None:
    """Run trials of a study beside the processes that run it already; start as many as you like."""
    from dse.commands.campaigns import work_on_study

    with _open_to_write(db) as store:
        _require_trust(store, "work", study, given=trust)
        end = work_on_study(study, store, workers=workers, running=_running(store))
        _finish(end, store)


@app.command()
def watch(
    study: StudyName,
    once: Annotated[bool, typer.Option("--once", help="Look once.")] = False,
    interval_s: Annotated[
        float | None,
        typer.Option(
            "--interval",
            metavar="SECONDS",
            min=0.1,
            help="Between two looks.",
            show_default="2, away from a terminal 10",
        ),
    ] = None,
    db: Database = DEFAULT_DB,
    as_json: Json = False,
) -> None:
    """Show a running study until it has ended: stages, cores, time left, faults, disk."""
    from dse.commands.watch import watch_study
    from dse.store import folders_of
    from runners.pipeline import default_root

    is_terminal = sys.stdout.isatty() and not as_json
    with _open(db) as reader:
        watch_study(
            reader,
            study,
            once=once,
            interval_s=interval_s or (2.0 if is_terminal else 10.0),
            is_terminal=is_terminal,
            as_json=as_json,
            folders={**folders_of(db), "cache": default_root()},
            show=lambda line: print(line, flush=True),
        )


@app.command()
def pause(study: StudyName, db: Database = DEFAULT_DB) -> None:
    """Let the running trials of a study end and start no other, wherever it runs; see `resume`."""
    from dse.commands.steering import pause_study

    with _open_to_write(db) as store:
        print(pause_study(store, study))


@app.command()
def cancel(
    study: StudyName,
    trial: TrialNumber,
    undo: Annotated[bool, typer.Option("--undo", help="Queue a cancelled trial again.")] = False,
    db: Database = DEFAULT_DB,
) -> None:
    """Take a trial back that waits or runs; `resume` leaves it, what it had built is cached."""
    from dse.commands.steering import cancel_trial

    with _open_to_write(db) as store:
        print(cancel_trial(store, study, trial, undo=undo))


@app.command()
def note(
    study: StudyName,
    words: Annotated[
        list[str], typer.Argument(metavar="[TRIAL] TEXT", help="What to write; '' removes it.")
    ],
    db: Database = DEFAULT_DB,
    as_json: Json = False,
) -> None:
    """Write a note beside a study, or beside one of its trials, instead of the old one."""
    from dataclasses import asdict

    from dse.commands.steering import one_text, remark_text, trial_and_words, write_note

    number, rest = trial_and_words(words, what="TEXT")
    with _open_to_write(db) as store:
        written = write_note(store, study, number, one_text(rest))
    _show(asdict(written), remark_text(written), as_json=as_json)


@app.command()
def tag(
    study: StudyName,
    words: Annotated[
        list[str], typer.Argument(metavar="[TRIAL] TAG...", help="Words to find it by.")
    ],
    remove: Annotated[bool, typer.Option("--remove", help="Take these tags away.")] = False,
    db: Database = DEFAULT_DB,
    as_json: Json = False,
) -> None:
    """Give tags to a study, or to one of its trials, by which tables find it."""
    from dataclasses import asdict

    from dse.commands.steering import change_tags, remark_text, trial_and_words

    number, tags = trial_and_words(words, what="TAG")
    with _open_to_write(db) as store:
        written = change_tags(store, study, number, tags, remove=remove)
    _show(asdict(written), remark_text(written), as_json=as_json)


@app.command()
def archive(study: StudyName, db: Database = DEFAULT_DB) -> None:
    """Put a study away: lists leave it out, nothing of it is lost."""
    from dse.commands.steering import archive_study

    with _open_to_write(db) as store:
        print(archive_study(store, study))


@app.command()
def unarchive(study: StudyName, db: Database = DEFAULT_DB) -> None:
    """Let lists have a study again."""
    from dse.commands.steering import unarchive_study

    with _open_to_write(db) as store:
        print(unarchive_study(store, study))


@app.command("list")
def list_studies(
    archived: Annotated[
        bool, typer.Option("--archived", help="List studies that were put away, too.")
    ] = False,
    tags: Tags = None,
    db: Database = DEFAULT_DB,
    as_json: Json = False,
) -> None:
    """List the studies in the database."""
    from dse.output.report import list_data, list_text, listed

    with _open(db) as store:
        summaries = store.summaries()
    shown = listed(summaries, tags=tags or (), with_archived=archived)
    text = list_text(shown, left_out=len(summaries) - len(shown))
    _show(list_data(shown), text, as_json=as_json)


@app.command()
def status(study: StudyName, db: Database = DEFAULT_DB, as_json: Json = False) -> None:
    """Print where a study stands and what went wrong in it."""
    from dse.output.report import status_data, status_text
    from dse.results.study_results import Wanted, study_columns
    from dse.suggest.stopping import AGREEING

    states_and_faults = Wanted(metrics=frozenset(), records=False, designs=False, attempts="faults")
    with _open(db) as reader:
        columns = study_columns(reader, study, states_and_faults)
        data = status_data(
            columns,
            reader.gains(columns.id, most=AGREEING),
            worked_s=reader.worked_s(columns.id, now_s=reader.now_s()),
        )
    _show(data, status_text(data), as_json=as_json)


@app.command()
def report(
    study: StudyName,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write it as one HTML file, too.")
    ] = None,
    markdown: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write it as Markdown, too.")
    ] = None,
    hours: Annotated[
        float | None,
        typer.Option(
            min=0, help="How far back it goes.", show_default="to the last pause of an hour"
        ),
    ] = None,
    db: Database = DEFAULT_DB,
    as_json: Json = False,
) -> None:
    """Print what the last night of a study brought: what improved, what failed, what to do."""
    from dse.commands.morning import write_files
    from dse.output.disks import disks_of
    from dse.output.document import document_html, document_markdown, document_text
    from dse.output.morning import front_svg, morning_data, morning_document
    from dse.results.morning import study_morning
    from dse.store import folders_of
    from runners.pipeline import default_root

    with _open(db) as reader:
        morning = study_morning(reader, study, hours=hours, now_s=reader.now_s())
        with_db = _with_db(reader)
    disks = disks_of({**folders_of(db), "cache": default_root()})
    document = morning_document(morning, disks, with_db=with_db)
    files: dict[Path, str] = {}
    if html is not None:
        picture = front_svg(morning)
        files[html] = document_html(
            morning_document(morning, disks, with_db=with_db, picture=picture)
        )
    if markdown is not None:
        files[markdown] = document_markdown(document)
    write_files(files)
    _show(morning_data(morning, disks, with_db=with_db), document_text(document), as_json=as_json)


@app.command()
def show(
    study: StudyName, trial: TrialNumber, db: Database = DEFAULT_DB, as_json: Json = False
) -> None:
    """Print a trial: design, metrics, layers, stages, attempts, tools."""
    from dse.output.trial_report import show_data, show_text
    from dse.results.trial import open_trial

    with _open(db) as store:
        opened = open_trial(store, study, trial)
    target = opened.config.target
    data, text = show_data(opened.detail, target), show_text(opened.detail, target)
    _show(data, text, as_json=as_json)


@app.command()
def front(
    study: StudyName,
    limit: Limits = None,
    tags: Tags = None,
    sort: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Metric or parameter.", show_default="the first objective"
        ),
    ] = None,
    db: Database = DEFAULT_DB,
    as_json: Json = False,
    plot: Plot = None,
    wide: Wide = False,
    columns_asked: Annotated[
        str | None,
        typer.Option(
            "--columns",
            metavar="NAMES",
            help="Metrics and parameters to show, with commas between them.",
            show_default="objectives and CFU",
        ),
    ] = None,
) -> None:
    """Print the Pareto front of a study, or of those designs that keep your limits."""
    from dse.output.front_columns import View
    from dse.output.report import front_data, front_text
    from dse.results.front import why_none_counts
    from dse.results.placing import placing_adds
    from dse.results.study_results import study_columns, study_front

    with _open(db) as reader:
        if limit or sort or tags:
            from dse.commands.best import front_within
            from dse.results.choosing import parse_limit

            columns = study_columns(reader, study)
            limits = [parse_limit(text) for text in limit or ()]
            found = front_within(columns, limits, sort=sort, tags=tags or ())
        else:
            columns, found = study_front(reader, study)
    config = columns.config
    if plot is not None:
        from dse.output.plot import plot_front

        plot_front(found, config, plot)
    names = tuple(name.strip() for name in (columns_asked or "").split(",") if name.strip())
    view = View(is_wide=wide, columns=names)
    text = front_text(
        found,
        config,
        columns.clock_model,
        columns.cell_models,
        view=view,
        placing=placing_adds(columns, [point.trial.number for point in found.points]),
        why_none=() if found.points else why_none_counts(columns),
    )
    _show(front_data(found, config), text, as_json=as_json)


@app.command()
def compare(
    study: StudyName,
    first: Annotated[int, typer.Argument(metavar="A", help="Number of a trial.")],
    second: Annotated[int, typer.Argument(metavar="B", help="Number of another.")],
    db: Database = DEFAULT_DB,
    as_json: Json = False,
) -> None:
    """Print two trials side by side: what differs in the design, by which factor, and where."""
    from dse.output.comparison_report import comparison_data, comparison_text
    from dse.results.comparing import compare_trials

    with _open(db) as reader:
        comparison = compare_trials(reader, study, first, second)
    _show(comparison_data(comparison), comparison_text(comparison), as_json=as_json)


@app.command()
def delete(
    study: StudyName,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    db: Database = DEFAULT_DB,
    as_json: Json = False,
) -> None:
    """Remove a study with all its trials from the database; the cache is left."""
    from dataclasses import asdict

    from dse.commands.whole_studies import delete_study, removed_text, what_goes

    if not yes:
        with _open(db) as reader:
            asked, with_db = what_goes(reader, study), _with_db(reader)
        _require_yes(f"{asked}\nNobody can bring them back.", f"delete {study}{with_db}")
    with _open_to_write(db) as store:
        removed = delete_study(store, study, now_s=store.now_s())
    _show(asdict(removed), removed_text(removed), as_json=as_json)


@app.command()
def rename(
    study: StudyName,
    new: Annotated[str, typer.Argument(metavar="NEW", help="What it will be called.")],
    db: Database = DEFAULT_DB,
) -> None:
    """Give a study another name, in the database and in its config there."""
    from dse.commands.whole_studies import rename_study

    with _open_to_write(db) as store:
        rename_study(store, study, new, now_s=store.now_s())
        with_db = _with_db(store)
    print(
        f"study {study} is called {new} now; a config file that says the old name starts a new"
        f" study\ngo on with: {program.name()} resume {new}{with_db}",
        file=sys.stderr,
    )


@app.command()
def copy(
    study: StudyName,
    to: Target,
    new: Annotated[
        str | None,
        typer.Option("--as", metavar="NEW", help="What it is called there.", show_default="STUDY"),
    ] = None,
    db: Database = DEFAULT_DB,
    as_json: Json = False,
) -> None:
    """Write a study with all its trials into another database, of either kind."""
    from dataclasses import asdict

    from dse.commands.whole_studies import copied_text, copy_study

    with _open(db) as reader, _open_to_write(to, create=True) as target:
        copied = copy_study(reader, target, study, new)
        text = copied_text(copied, target)
    _show(asdict(copied), text, as_json=as_json)


@app.command()
def best(
    study: StudyName,
    limit: Limits = None,
    tags: Tags = None,
    wide: Wide = False,
    by: Annotated[
        str | None,
        typer.Option(
            metavar="METRIC", help="What it is the best in.", show_default="the first objective"
        ),
    ] = None,
    db: Database = DEFAULT_DB,
    as_json: Json = False,
) -> None:
    """Print the best design within limits: one that counts, keeps them, and wins in a metric."""
    from dse.commands.best import best_data, best_design, best_text
    from dse.results.choosing import parse_limit
    from dse.results.study_results import study_columns

    with _open(db) as reader:
        columns = study_columns(reader, study)
    limits = [parse_limit(text) for text in limit or ()]
    found = best_design(columns, limits, by=by, tags=tags or ())
    shown_db = None if db == DEFAULT_DB else str(db)
    _show(best_data(found), best_text(found, columns, db=shown_db, is_wide=wide), as_json=as_json)


@app.command("next")
def next_command(
    study: StudyName,
    count: Annotated[int, typer.Option(min=1, max=256, help="How many designs.")] = 1,
    trust: Trust = False,
    db: Database = DEFAULT_DB,
    as_json: Json = False,
) -> None:
    """Print what the search would suggest next and what it expects of it; nothing is queued."""
    from dse.commands.next import next_data, next_designs, next_text

    with _open(db) as reader:
        _require_trust(reader, "next", study, given=trust)
        found = next_designs(reader, study, count=count)
    _show(next_data(found), next_text(found), as_json=as_json)


@app.command()
def calibration(
    study: StudyName,
    db: Database = DEFAULT_DB,
    as_json: Json = False,
    plot: Plot = None,
) -> None:
    """Print how the search's predictions came out, and what it makes of each parameter."""
    from dse.commands.calibration import calibration_of_study
    from dse.output.calibration_report import calibration_text

    with _open(db) as reader:
        data = calibration_of_study(reader, study, plot=plot)
    _show(data, calibration_text(data), as_json=as_json)


@app.command()
def figure(
    name: Annotated[Literal["cpu-vs-cfu"], typer.Argument(metavar="cpu-vs-cfu", help="Which.")],
    studies: Annotated[
        list[str], typer.Argument(metavar="STUDY...", help="Studies of the same objectives.")
    ],
    by: Annotated[
        str, typer.Option(metavar="PARAMETER", help="What tells the fronts apart; or study.")
    ] = "cfu",
    plot: Plot = None,
    db: Database = DEFAULT_DB,
    as_json: Json = False,
) -> None:
    """Print one front for each CFU family, or each value of another parameter, side by side."""
    from dse.output.fronts_report import fronts_data, fronts_text, plot_fronts
    from dse.results.fronts_by import fronts_by
    from dse.results.study_results import study_columns

    del name  # there is one figure so far
    with _open(db) as reader:
        fronts = fronts_by([study_columns(reader, study) for study in studies], by)
    if plot is not None:
        plot_fronts(fronts, plot)
    _show(fronts_data(fronts), fronts_text(fronts), as_json=as_json)


@app.command()
def choose(
    study: StudyName,
    limit: Limits = None,
    tags: Tags = None,
    weight: Annotated[
        list[str] | None,
        typer.Option(metavar="OBJECTIVE=W", help="How much it counts; may be repeated."),
    ] = None,
    fits: Annotated[
        str | None,
        typer.Option(metavar="PART", help="An FPGA that it must fit.", show_default="any"),
    ] = None,
    spare: Annotated[
        float, typer.Option(min=0, max=99, metavar="PERCENT", help="What must stay free of it.")
    ] = 0.0,
    db: Database = DEFAULT_DB,
    as_json: Json = False,
) -> None:
    """Help to pick a design: those that keep your limits, the best by your weights first."""
    from dse.output.fronts_report import choice_data, choice_text
    from dse.results.choosing import choose as chosen_of
    from dse.results.choosing import parse_limit, parse_weight
    from dse.results.study_results import study_columns

    limits, weights = [parse_limit(text) for text in limit or ()], weight or ()
    with _open(db) as reader:
        choice = chosen_of(
            study_columns(reader, study),
            limits=limits,
            tags=tags or (),
            weights=dict(map(parse_weight, weights)),
            part=fits,
            spare=spare / 100,
        )
    _show(choice_data(choice), choice_text(choice), as_json=as_json)


@app.command()
def export(
    study: StudyName,
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE.csv|parquet", help="A table to write.", show_default="none"),
    ] = None,
    vizier: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write a study of Vizier's: the SQLite file that its service reads.",
            show_default="none",
        ),
    ] = None,
    db: Database = DEFAULT_DB,
) -> None:
    """Write one row per trial to a CSV or Parquet file, or the study as one of Vizier's."""
    if file is None and vizier is None:
        raise ConfigError(
            "export is told no file to write",
            fix=f"{program.name()} export {study} trials.csv; or with --vizier FILE",
        )
    if vizier is not None:
        from dse.commands.vizier_study import export_vizier

        with _open(db) as reader:
            count = export_vizier(reader, study, vizier)
        print(f"{count} trials written to {vizier}", file=sys.stderr)
    if file is None:
        return
    from dse.output.export import export as write
    from dse.results.study_results import study_columns

    with _open(db) as reader:
        columns = study_columns(reader, study)
    count = write(columns, file)
    print(f"{count} trials written to {file}", file=sys.stderr)


@app.command("import")
def import_command(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A file of Vizier's service, or of `export`.")
    ],
    study: Annotated[
        str | None, typer.Option(help="Name of the study in the file.", show_default="the only one")
    ] = None,
    owner: Annotated[str, typer.Option(help="Owner of the study in the file.")] = "soft-soc-dse",
    config: Annotated[
        Path | None,
        typer.Option(
            help="Config of a study that was not exported by this program; its code is run.",
            show_default="the exported one",
        ),
    ] = None,
    db: Database = DEFAULT_DB,
) -> None:
    """Take a study of Vizier's into the database, with its results, as a new one."""
    from dse.commands.vizier_study import import_vizier, imported_text
    from dse.suggest.vizier_api.study_file import require_vizier_file

    require_vizier_file(file)  # before a database is made for it
    with _open_to_write(db, create=True) as store:
        imported = import_vizier(
            file, store, study=study, owner=owner, config_file=config, now_s=store.now_s()
        )
        print(imported_text(imported, _with_db(store)), file=sys.stderr)


@app.command()
def rerun(
    study: StudyName,
    trial: TrialNumber,
    trust: Trust = False,
    db: Database = DEFAULT_DB,
    as_json: Json = False,
) -> None:
    """Measure a trial again from the database alone and compare every metric."""
    from dataclasses import asdict

    from dse.commands.rerun import comparison_text, rerun_trial

    with _open(db) as store:
        _require_trust(store, "rerun", study, trial, given=trust)
        comparison = rerun_trial(store, study, trial, report=_report_stage)
    _show(asdict(comparison), comparison_text(comparison), as_json=as_json)
    if comparison.differences:
        raise typer.Exit(EXIT_DIFFERS)


@app.command()
def space(
    config: Annotated[
        Path,
        typer.Argument(metavar="CONFIG", help="A config file.", callback=shipped_or_given),
    ],
    as_json: Json = False,
) -> None:
    """Print the parameters, conditions and number of designs of a config's space.

    The CFU families that the config names are loaded: their code is run.
    """
    from dataclasses import asdict

    from dse.config.assembly import load_space
    from dse.output.report import space_text
    from dse.space import describe

    summary = describe(load_space(config))
    _show(asdict(summary), space_text(summary), as_json=as_json)


@app.command()
def accuracy(
    study: StudyName,
    trial: TrialNumber,
    on: Annotated[
        Literal["host", "board"],
        typer.Option(help="The same C on this computer, or the simulated board."),
    ] = "host",
    samples: Annotated[
        int | None, typer.Option(min=1, help="How many samples.", show_default="all")
    ] = None,
    float_model: Annotated[
        Path | None,
        typer.Option(help="The .tflite file before it was quantised, to compare with."),
    ] = None,
    trust: Trust = False,
    db: Database = DEFAULT_DB,
    as_json: Json = False,
) -> None:
    """Run the labelled samples of a study's workload through a trial's firmware."""
    from dataclasses import asdict

    from dse.commands.accuracy import accuracy_of_trial, accuracy_text

    with _open(db) as store:
        _require_trust(store, "accuracy", study, trial, given=trust)
        result = accuracy_of_trial(
            store,
            study,
            trial,
            on=on,
            samples=samples,
            report=_report_stage,
            progress=lambda done: print(f"{done} inferences done", file=sys.stderr, flush=True),
            float_model=float_model,
        )
    _show(asdict(result), accuracy_text(result), as_json=as_json)
    if result.inexact:
        raise typer.Exit(EXIT_DIFFERS)


@app.command()
def board(
    study: StudyName,
    trial: TrialNumber,
    link: Annotated[
        Path | None,
        typer.Option(help="Make this a symbolic link to the serial port.", show_default="none"),
    ] = None,
    trust: Trust = False,
    db: Database = DEFAULT_DB,
) -> None:
    """Run a trial's simulated board for a serial program of yours, until Ctrl-C."""
    from dse.commands.board import run_board

    with _open(db) as store:
        _require_trust(store, "board", study, trial, given=trust)
        status = run_board(store, study, trial, link=link, report=_report_stage, tell=_tell)
    if status:
        raise typer.Exit(EXIT_INFRASTRUCTURE)


@app.command()
def flash(
    study: StudyName,
    trial: TrialNumber,
    name: Annotated[
        str | None,
        typer.Option(
            "--board",
            metavar="NAME",
            help="A board of boards.toml.",
            show_default="any free one of the target",
        ),
    ] = None,
    record: Annotated[
        Path | None,
        typer.Option(help="Write the talk with the board to this file.", show_default="none"),
    ] = None,
    trust: Trust = False,
    db: Database = DEFAULT_DB,
    as_json: Json = False,
) -> None:
    """Load a trial's design into a real board, check and measure it, and leave it running."""
    from dataclasses import asdict

    from dse.commands.flash import flash_trial, flashed_text

    with _open(db) as store:
        _require_trust(store, "flash", study, trial, given=trust)
        flashed = flash_trial(
            store,
            study,
            trial,
            board=name,
            record=record,
            report=_report_stage,
            tell=_tell,
        )
    _show(asdict(flashed), flashed_text(flashed), as_json=as_json)


@app.command()
def submission(
    study: StudyName,
    trial: TrialNumber,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Folder to write, a new one.", show_default="submission-STUDY-TRIAL"
        ),
    ] = None,
    samples: Annotated[
        int | None, typer.Option(min=1, help="How many samples.", show_default="all")
    ] = None,
    baseline: Annotated[
        int | None,
        typer.Option(
            metavar="TRIAL",
            help="What the speed-up is over.",
            show_default="the slowest CPU alone of the study",
        ),
    ] = None,
    reference_us: Annotated[
        float | None,
        typer.Option(
            min=1e-3, metavar="MICROSECONDS", help="A latency to beat, such as the course's."
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(
            "--board",
            metavar="NAME",
            help="A board of boards.toml.",
            show_default="the simulated one",
        ),
    ] = None,
    layout: Annotated[
        Literal["mlperf-tiny"] | None,
        typer.Option("--as", help="Also lay out a results folder for this benchmark."),
    ] = None,
    benchmark: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="ic01, kws01, vww01 or ad01, of MLPerf Tiny.",
            show_default="serial.model_name",
        ),
    ] = None,
    submitter: Annotated[
        str, typer.Option(metavar="NAME", help="Your organisation, in a folder's name.")
    ] = "submitter",
    division: Annotated[Literal["open", "closed"], typer.Option(help="Of MLPerf Tiny.")] = "open",
    window_s: Annotated[
        float,
        typer.Option(
            min=0, metavar="SECONDS", help="Of each row of inferences for MLPerf Tiny's throughput."
        ),
    ] = 10.0,
    trust: Trust = False,
    db: Database = DEFAULT_DB,
    as_json: Json = False,
) -> None:
    """Hand in a trial: golden test, all samples over the serial line, speed-up, one page."""
    from dse.commands import submission_files as files
    from dse.commands.submission import Wishes, submit_trial
    from dse.output.mlperf_tiny import benchmark_named
    from dse.output.mlperf_tiny.check import findings_text
    from dse.output.submission_page import submission_data, submission_text
    from dse.results.study_results import study_columns, study_front
    from dse.words import study_command

    folder = out or Path(f"submission-{study}-{trial}")
    files.require_new(folder)
    files.require_name(submitter)
    with _open(db) as store:
        _require_trust(store, "submission", study, trial, given=trust)
        columns = study_columns(store, study)
        chosen = None
        if layout is not None:
            chosen = benchmark_named(benchmark or columns.config.serial.model_name)
        handed_in = submit_trial(
            store,
            columns,
            trial,
            Wishes(
                samples=samples,
                baseline=baseline,
                reference_us=reference_us,
                board=name,
                benchmark=chosen,
                window_s=window_s,
            ),
            report=_report_stage,
            tell=_tell,
        )
        _, front = study_front(store, study)
    contents = files.page_files(handed_in, front)
    if chosen is not None:
        contents |= files.tiny_files(
            handed_in,
            chosen,
            submitter=submitter,
            division=division,
            command=study_command(
                "submission", study, str(trial), "--as", "mlperf-tiny", "--benchmark", chosen.name
            ),
        )
    files.write_folder(folder, contents)
    result = handed_in.submission
    _show(submission_data(result), submission_text(result), as_json=as_json)
    _tell(f"written: {folder / 'index.html'}")
    if chosen is not None:
        _tell(findings_text(files.check_results(folder)))
    if result.inexact:
        raise typer.Exit(EXIT_DIFFERS)


@app.command("check-submission")
def check_submission(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Has a folder open or closed.")],
    as_json: Json = False,
) -> None:
    """Check a results folder for MLPerf Tiny: structure, rows, quality, descriptions."""
    from dataclasses import asdict

    from dse.commands.submission_files import check_results
    from dse.output.mlperf_tiny.check import findings_text

    findings = check_results(folder)
    _show([asdict(each) for each in findings], findings_text(findings), as_json=as_json)
    if findings:
        raise typer.Exit(EXIT_DIFFERS)


@app.command()
def workload(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="A .tflite file, or a folder with some in it.",
            callback=shipped_or_given,
        ),
    ],
    operators: Operators = None,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE.svg|png", help="Draw the memory over the layers, too."),
    ] = None,
    samples: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Labelled samples: tell the accuracy.", show_default="none"
        ),
    ] = None,
    sample_encoding: SampleEncoding = None,
    as_json: Json = False,
) -> None:
    """Print what a model asks of the hardware, layer by layer, or compare those of a folder."""
    from dse.commands.workload import unsupported_data, workload_data, workload_text
    from dse.commands.workload_folder import folder_data, folder_text
    from dse.output.memory_map import plot_memory
    from dse.output.picture import require_picture

    if plot is not None:
        require_picture(plot)
    if file.is_dir():
        if plot is not None:
            raise ConfigError(
                f"{file} is a folder, and --plot draws the memory of one model",
                fix="name one of its files",
            )
        rows = folder_data(
            file,
            operator_folders=operators or (),
            samples=samples,
            sample_encoding=sample_encoding,
        )
        _show(rows, folder_text(rows, file), as_json=as_json)
        return
    try:
        data = workload_data(
            file,
            operator_folders=operators or (),
            samples=samples,
            sample_encoding=sample_encoding,
            say=_tell,
        )
    except ConfigError as error:
        if as_json:
            _show(unsupported_data(file, error), "", as_json=True)
        raise
    if plot is not None:
        plot_memory(data, plot)
    _show(data, workload_text(data), as_json=as_json)


@app.command()
def cache(
    size: Annotated[
        bool, typer.Option("--size", help="Print how full it is; the default.")
    ] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Read every byte, and name what is damaged.")
    ] = False,
    prune: Annotated[
        bool,
        typer.Option("--prune", help="Remove what killed builds left, and what --limit asks for."),
    ] = False,
    limit: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE",
            help="With --prune: most bytes to keep, such as 20GB; used least recently goes first.",
            show_default="no limit",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Print how full the cache of artefacts is, verify it, or make it smaller."""
    from dse.commands.cache import cache_data, cache_text, look_at_cache
    from dse.words import byte_count
    from runners.pipeline import default_root

    del size  # printed anyway
    if limit is not None and not prune:
        raise ConfigError("--limit says what --prune keeps", fix="add --prune")
    look = look_at_cache(
        default_root(),
        verifies=verify,
        prunes=prune,
        limit_bytes=None if limit is None else byte_count(limit),
    )
    _show(cache_data(look), cache_text(look), as_json=as_json)
    if look.damaged and not prune:
        raise typer.Exit(EXIT_DIFFERS)


@app.command()
def simulate(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A .tflite file.", callback=shipped_or_given)
    ],
    inputs: Annotated[int, typer.Option(min=1, help="How many inputs.")] = 1,
    seed: Annotated[int, typer.Option(min=0, help="Of inputs drawn at random.")] = 1,
    operators: Operators = None,
    samples: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Labelled samples as inputs.", show_default="random inputs"
        ),
    ] = None,
    sample_encoding: SampleEncoding = None,
    as_json: Json = False,
) -> None:
    """Run a model in NumPy, layer by layer, and compare it with its C and with TFLite."""
    from dataclasses import asdict

    from dse.commands.simulate import simulate_file, simulation_text

    result = simulate_file(
        file,
        inferences=inputs,
        seed=seed,
        operator_folders=operators or (),
        samples=samples,
        sample_encoding=sample_encoding,
    )
    _show(
        {**asdict(result), "is_exact": result.is_exact},
        simulation_text(result),
        as_json=as_json,
    )
    if not result.is_exact:
        raise typer.Exit(EXIT_DIFFERS)


@app.command()
def adopt(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="A project with cfu.v, cfu.sv or cfu.py.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Where the family goes: a new folder.", show_default="NAME-family"
        ),
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.tflite",
            help="The network to check with and to search for.",
            show_default="that of the folder, else ours",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a CFU family of a project in the style of CFU-Playground, and check it.

    Its hardware and its kernels are copied as they are; nothing outside of FOLDER is read. A cfu.py
    is code that is run.
    """
    from dataclasses import asdict

    from dse.commands.adopt import adopt_project, adopted_text

    adopted = adopt_project(folder, out=out, model=model, report=_report_stage, say=_tell)
    data = {**asdict(adopted), "folder": str(adopted.folder)}
    _show(data, adopted_text(adopted), as_json=as_json)
    if not adopted.is_right:
        raise typer.Exit(EXIT_DIFFERS)


@app.command()
def dashboard(
    db: Database = DEFAULT_DB,
    host: Annotated[
        str, typer.Option(help="Address to listen at; another than loopback demands the token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 8642,
    example: Annotated[
        bool, typer.Option("--example", help="Show recorded studies instead of a database.")
    ] = False,
    configs: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FOLDER",
            help="Folder whose configs may be started in the browser; may be repeated.",
            show_default="this one, and the configs that come with the program",
        ),
    ] = None,
) -> None:
    """Show the studies of the database in a browser, live, until Ctrl-C."""
    from dse.dashboard.data.ahead import studies_read_ahead

    if example:
        from dse.dashboard.web.serve import example_database, serve

        with example_database() as database:
            serve(studies_read_ahead(database), host=host, port=port, is_example=True)
        return
    from dse.dashboard.data.configs import folders_given

    folders = folders_given(configs or ())
    _open(db).close()  # says what is wrong with it
    studies = studies_read_ahead(db)
    from dse.dashboard.web.serve import serve  # takes a second, in which the studies are read

    serve(studies, host=host, port=port, configs=folders)


def main() -> None:
    """Run the command line; here alone a fault becomes text and an exit code."""
    program.keep_to_one_thread()
    try:
        app(prog_name=program.name())
    except DseError as error:
        print(f"error: {error}", file=sys.stderr)
        if error.detail:
            print("\n".join(f"  | {line}" for line in error.detail.splitlines()), file=sys.stderr)
        sys.exit(exit_code(error))
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
    except BrokenPipeError:  # the reader of a pipe, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(EXIT_OK)


def exit_code(error: DseError) -> int:
    """Return the exit code of a fault that ends a command."""
    if error.kind is FaultKind.BUG:
        return EXIT_BUG
    if error.then is Then.STOP:
        return EXIT_CODE[error.kind]
    return EXIT_INFRASTRUCTURE


def _open(db: "Place") -> "Reader":
    """Open a database to look at it: nothing about it changes."""
    from dse.store import Reader

    return Reader(db)


def _open_to_write(db: "Place", *, create: bool = False) -> "Store":
    from contracts.faults import StoreError
    from dse.store import Store
    from dse.store.dialect import dialect_of
    from dse.words import study_command

    if not create and not dialect_of(db).exists(db):
        raise StoreError(
            f"there is no database {db}",
            fix="name one with --db, or start a study here:"
            f" {study_command('start', 'CONFIG', db=str(db))}",
        )
    return Store(db)


def _require_trust(
    store: "Reader", command: str, study: str, trial: int | None = None, *, given: bool
) -> None:
    """Ask before the code that a database names is run; nobody is asked away from a terminal."""
    from dse.config import config_from_json
    from dse.config.known_space import stored_code
    from dse.config.trust import cluster_of, hooks_of, remote_of, require_trust

    record = store.study(study)
    config = config_from_json(record.config_json)
    reaches = {
        **dict.fromkeys(("resume", "work"), hooks_of),
        "rerun": cluster_of,
        **dict.fromkeys(("flash", "submission"), remote_of),
    }
    words = [command, study, *([] if trial is None else [str(trial)])]
    is_terminal = sys.stdin.isatty() and sys.stderr.isatty()
    require_trust(
        config,
        before=stored_code(record.space_json),
        command=f"{program.name()} {' '.join(words)}{_with_db(store)}",
        also=reaches[command](config) if command in reaches else (),
        is_given=given,
        ask=_agrees if is_terminal else None,
    )


def _agrees(what: str) -> bool:
    return _says_yes(f"{what}\nIt runs with all your rights.", "Run it?")


def _says_yes(what: str, question: str) -> bool:
    print(what, file=sys.stderr)
    try:
        return typer.confirm(question, default=False, err=True)
    except typer.Abort:
        return False


def _require_yes(what: str, words: str) -> None:
    """Ask before something is gone for good; where nobody can answer, ``--yes`` must."""
    is_terminal = sys.stdin.isatty() and sys.stderr.isatty()
    if not is_terminal:
        raise ConfigError(
            f"{words} was not confirmed, and there is nobody to ask",
            fix=f"say it with the command: {program.name()} {words} --yes",
        )
    if not _says_yes(what, "Remove it?"):
        print("nothing was removed", file=sys.stderr)
        raise typer.Exit(EXIT_USAGE)


def _with_db(store: "Reader") -> str:
    return "" if store.place == DEFAULT_DB else f" --db {shlex.quote(str(store.place))}"


def _running(store: "Store") -> "Running":
    from dse.commands.campaigns import Running

    return Running(is_terminal=sys.stderr.isatty(), now_s=store.now_s(), say=_tell)


def _report_stage(event: "StageEvent") -> None:
    if not event.is_progress:
        print(f"{event.stage} {event.state}", file=sys.stderr, flush=True)


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _show(data: Any, text: str, *, as_json: bool) -> None:
    from dse.words import json_text

    print(json_text(data, indent=1) if as_json else text)


def _finish(end: "CampaignEnd", store: "Store") -> None:
    """Print the front and what to do next; leave with the campaign's exit code."""
    from dse.campaign.events import Ending
    from dse.output.report import front_text
    from dse.results.front import why_none_counts
    from dse.results.placing import placing_adds
    from dse.results.study_results import study_front
    from dse.words import plural

    name = end.study.name
    with_db = _with_db(store)
    command = f"{program.name()}"
    columns, found = study_front(store, name)
    placing = placing_adds(columns, [point.trial.number for point in found.points])
    models = columns.clock_model, columns.cell_models
    why = () if found.points else why_none_counts(columns)
    print(front_text(found, end.config, *models, placing=placing, why_none=why))
    if end.ending is Ending.STOPPED:
        print(f"\nstopped as asked; go on with: {command} resume {name}{with_db}", file=sys.stderr)
    if end.ending is Ending.CONVERGED:
        print(
            f"\nstopped: the expected gain stays below suggest.stop_gain ="
            f" {end.config.suggest.stop_gain:g}; go on with: {command} resume {name}{with_db}"
            " --stop-gain 0",
            file=sys.stderr,
        )
    if end.ending is Ending.INTERRUPTED:
        print(f"\ninterrupted; go on with: {command} resume {name}{with_db}", file=sys.stderr)
        raise typer.Exit(EXIT_INTERRUPTED)
    if end.ending is Ending.EXHAUSTED:
        print("\nevery design of the space has been tried", file=sys.stderr)
    look = [f"front {name}{with_db} --plot front.svg"]
    if found.points:
        look.append(f"show {name} {found.points[0].trial.number}{with_db}")
    look.append(f"export {name} trials.csv{with_db}")
    print("\nlook further:", *(f"  {command} {line}" for line in look), sep="\n", file=sys.stderr)
    if end.stand_ins:
        drawn = plural(end.stand_ins, "design")
        print(f"\nthe search failed: {drawn} of this run drawn at random", file=sys.stderr)
    if end.failed:
        print(
            f"\n{end.failed} trials failed by infrastructure;"
            f" run them again: {command} resume {name}{with_db}",
            file=sys.stderr,
        )
        raise typer.Exit(EXIT_INFRASTRUCTURE)
    if end.stand_ins:
        raise typer.Exit(EXIT_SEARCH_FAILED)


if __name__ == "__main__":
    main()
