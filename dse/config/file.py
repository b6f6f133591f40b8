"""What a config file may say: sections, keys and types, before names and paths are resolved."""

import re
from collections.abc import Callable
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationInfo,
)
from pydantic_core import PydanticCustomError

from contracts.faults import ConfigError
from contracts.measurement import Fidelity
from contracts.parameter import Value
from dse.config.errors import FORM
from dse.suggest.algorithms import DEFAULT as DEFAULT_ALGORITHM
from dse.suggest.algorithms import algorithm_names
from dse.words import byte_count
from runners.executors.kinds import LOCAL, executor_names
from runners.job import SampleEncoding

STUDY_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"
"""What a study may be called: it is part of file names and addresses."""

DEFAULT_TARGET = "ulx3s_85f"
_MOST_MHZ = 10_000
"""Far above any FPGA; the generators' own limits come later."""

Setting = Annotated[Value, Field(union_mode="smart")]


STORED = object()
"""Context of the validation of what was valid when it was stored."""


def one_of(names: Callable[[], tuple[str, ...]]) -> AfterValidator:
    """Return the check that a text is one of the names that there are when it is read.

    What is stored (``STORED`` as context of the validation) may name what only its owner has.
    """

    def check(value: str, info: ValidationInfo) -> str:
        known = names()
        if value not in known and info.context is not STORED:
            # the type that pydantic gives a Literal, so both are told in the same words
            expected = ", ".join(map(repr, known))
            raise PydanticCustomError(
                "literal_error", "Input should be one of {expected}", {"expected": expected}
            )
        return value

    return AfterValidator(check)


def form(pattern: str, *, what: str, fix: str) -> AfterValidator:
    """Return the check that a whole text has a form, which is told in words.

    Args:
        pattern: Regular expression of the form.
        what: What such a text is, for a message: ``a SHA-256``.
        fix: What to write.
    """

    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise PydanticCustomError(FORM, "Input should be {what}", {"what": what, "fix": fix})
        return value

    return AfterValidator(check)


class Section(BaseModel):
    """A table of the file: unknown keys and wrong types are errors, nothing is converted."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


Name = Annotated[
    str,
    form(
        STUDY_NAME,
        what="a name: it begins with a letter or digit, then come letters, digits, '.', '_' or '-'",
        fix='write a name without blanks, such as "first-night"',
    ),
]


class StudySection(Section):
    """``[study]``: what the study is called and how far it goes."""

    name: Name
    trials: int = Field(ge=1)
    workers: int = Field(default=2, ge=1, le=256)
    executor: Annotated[str, one_of(executor_names)] = LOCAL
    scheduler: str | None = Field(default=None, pattern=r"^[a-z]+://[^\s/]+$")
    seed: int = Field(default=1, ge=0)
    fidelity: Literal["simulate", "synthesise", "place", "board"] = "synthesise"
    promote: Literal["all", "front", "gain"] = "all"
    promote_margin: float = Field(default=0.05, ge=0, lt=1)
    promote_gain: float = Field(default=0.002, ge=0, lt=1)


Names = Annotated[
    list[str], BeforeValidator(lambda value: [value] if isinstance(value, str) else value)
]
"""A list of names, or one alone."""


class SuggestSection(Section):
    """``[suggest]``: the search algorithm."""

    algorithm: Annotated[str, one_of(algorithm_names)] = DEFAULT_ALGORITHM
    timeout_s: float = Field(default=300.0, gt=0)
    stop_gain: float = Field(default=0.0, ge=0, lt=1)
    learn_from: Names = []
    budget: Literal["trials", "hours"] = "trials"
    hours: float | None = Field(default=None, gt=0)
    reproducible: bool = False


Sha256 = Annotated[
    str,
    form(
        r"[0-9a-f]{64}",
        what="a SHA-256: 64 digits of 0 to 9 and a to f",
        fix="write what `sha256sum FILE` prints, or leave the key out",
    ),
]


class WorkloadSection(Section):
    """``[workload]``: the model, or variants of one, and the inputs that are checked."""

    model: str | None = None
    model_sha256: Sha256 | None = None
    models: Names | None = None
    models_sha256: list[Sha256] | None = None
    golden_inputs: int = Field(default=1, ge=1)
    seed: int = Field(default=1, ge=0)
    samples: str | None = None
    sample_encoding: SampleEncoding | None = None
    operator_folders: list[str] = []


class MemorySection(Section):
    """``[target.memory]``: main memory."""

    kind: Literal["on-chip", "sdram"] | None = None
    size_bytes: int | None = Field(default=None, ge=4096)
    l2_bytes: int | None = Field(default=None, ge=0)
    sram_bytes: int | None = Field(default=None, ge=1024)
    rom_bytes: int | None = Field(default=None, ge=4096)


Clock = Annotated[float, Field(gt=0, le=_MOST_MHZ)]
ClockRange = Annotated[list[Clock], Field(min_length=2, max_length=2)]
"""Lowest and highest clock in MHz."""


class TargetSection(Section):
    """``[target]``: a file of ``configs/targets`` by name, with single keys replaced."""

    name: Name
    board: str | None = None
    part: str | None = None
    clock_mhz: float | None = Field(default=None, gt=0, le=_MOST_MHZ)
    clock_range_mhz: ClockRange | None = None
    clock_policy: Literal["pinned", "achieved"] | None = None
    place_seeds: int | None = Field(default=None, ge=1, le=100)
    uart_baud: int | None = Field(default=None, ge=300)
    memory: MemorySection = MemorySection()


class TargetFile(Section):
    """A file of ``configs/targets``."""

    board: str
    part: str
    clock_mhz: float = Field(gt=0, le=_MOST_MHZ)
    clock_range_mhz: ClockRange | None = None
    clock_policy: Literal["pinned", "achieved"] = "achieved"
    place_seeds: int = Field(default=3, ge=1, le=100)
    uart_baud: int = Field(default=115_200, ge=300)
    memory: MemorySection = MemorySection()


class ObjectivesSection(Section):
    """``[objectives]``: metrics in the direction in which they are better."""

    minimise: list[str] = []
    maximise: list[str] = []


Bound = Annotated[float, Field(allow_inf_nan=False)]


class BoundsSection(Section):
    """One entry of ``[constraints]``: the smallest and the largest value that count."""

    min: Bound | None = None
    max: Bound | None = None


def _kind_of_constraint(value: Any) -> str:
    return "bounds" if isinstance(value, dict | BoundsSection) else "number"


Constraint = Annotated[
    Annotated[Bound, Tag("number")] | Annotated[BoundsSection, Tag("bounds")],
    Discriminator(_kind_of_constraint),
]
"""A bare number is the largest value."""


class LimitsSection(Section):
    """``[limits]``: when to give up."""

    cycles: int = Field(default=400_000_000, ge=1)
    stage_timeout_s: float = Field(default=900.0, gt=0)
    memory_bytes: int = Field(default=8 << 30, ge=1 << 20)
    serial_timeout_s: float = Field(default=120.0, gt=0)


Printable = Annotated[
    str,
    form(
        r"[ -~]{1,64}",
        what="a text of 1 to 64 printable ASCII characters",
        fix="write a shorter text, without accents and line breaks",
    ),
]


class SerialSection(Section):
    """``[serial]``: what the firmware says on the serial line."""

    device_name: Printable = "soft-soc-dse"
    model_name: Printable | None = None
    results: Literal["integers", "floats"] = "integers"
    inputs: Literal["int8", "uint8"] = "int8"


class CfuSection(Section):
    """``[cfu]``: a user's own families."""

    families: list[str] = []


class MetricsSection(Section):
    """``[metrics]``: a user's own metrics."""

    files: list[str] = []


def _bytes(value: Any) -> Any:
    """Read a size with its unit; a whole number is bytes."""
    if not isinstance(value, str):
        return value
    try:
        return byte_count(value)
    except ConfigError as error:
        raise PydanticCustomError(
            "size", "Input should be a size: {fix}", {"fix": error.fix}
        ) from error


Size = Annotated[int, BeforeValidator(_bytes)]
"""A number of bytes, in a file with a unit: ``"20 GB"``."""


Address = Annotated[
    str,
    form(
        r"[^\s\x00-\x1f\x7f]+",
        what="an address: it has a blank or a control character, or is empty",
        fix="write a folder or an address such as ssh://host/folder, %20 for a blank",
    ),
]


class CacheSection(Section):
    """``[cache]``: how much of the disk artefacts may take, and where else they are."""

    limit: Annotated[Size, Field(ge=0)] | None = None
    remote: Address | None = None


class MachineSection(Section):
    """``[machine]``: how much of a machine the stages of all its studies take together."""

    cores: int | None = Field(default=None, ge=1)
    memory: Annotated[Size, Field(ge=1 << 20)] | None = None


NoticeName = Literal["finished", "stopped", "stuck", "failing", "disk-low"]
NOTICES: tuple[NoticeName, ...] = get_args(NoticeName)
"""What a person may be told about, see ``dse.campaign.notices.NoticeKind``."""


Word = Annotated[
    str,
    form(r"[^\x00]*", what="a word of a command: it has a zero byte", fix="take the byte out"),
]
WebAddress = Annotated[
    str,
    form(
        r"https?://[^\s\x00-\x1f\x7f]+",
        what="the address of a web page",
        fix="write one that begins with https:// or http:// and has no blanks",
    ),
]


class NotifySection(Section):
    """``[notify]``: whom to tell what happens to the study, and what."""

    command: list[Word] = []
    webhook: WebAddress | None = None
    on: list[NoticeName] = list(NOTICES)
    stuck_after_s: float = Field(default=3600.0, gt=0)
    failing_in_a_row: int = Field(default=5, ge=1)
    disk_low: Annotated[Size, Field(ge=0)] = 2_000_000_000


class ReferenceSection(Section):
    """``[[references]]``: a figure of another system, drawn as a line beside the results."""

    name: str
    metric: str
    value: float = Field(gt=0)


class StudyFile(Section):
    """A whole config file."""

    study: StudySection
    suggest: SuggestSection = SuggestSection()
    workload: WorkloadSection
    target: TargetSection = TargetSection(name=DEFAULT_TARGET)
    objectives: ObjectivesSection = ObjectivesSection(minimise=["latency_us", "lut4"])
    constraints: dict[str, Constraint] = {}
    limits: LimitsSection = LimitsSection()
    serial: SerialSection = SerialSection()
    space: dict[str, Setting | list[Setting]] = {}
    cfu: CfuSection = CfuSection()
    metrics: MetricsSection = MetricsSection()
    cache: CacheSection = CacheSection()
    machine: MachineSection = MachineSection()
    notify: NotifySection = NotifySection()
    references: list[ReferenceSection] = []


FIDELITIES = {
    "simulate": Fidelity.SIMULATED,
    "synthesise": Fidelity.SYNTHESISED,
    "place": Fidelity.PLACED,
    "board": Fidelity.BOARD,
}
