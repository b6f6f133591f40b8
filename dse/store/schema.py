"""The tables. A change here needs a migration in ``migrations/versions`` and a new ``HEAD``.

A trial that reuses the result of another one has ``reused_from`` and no rows of its own in the
result tables: readers look under ``coalesce(reused_from, id)``. A trial that ``promotes`` another
one measures the same design at a higher fidelity. ``trials.revision`` is set to a new highest
number of its study by every change of a trial, so that a reader can ask for what changed since it
last looked. Times are seconds since 1970, UTC.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

HEAD = "0008"
"""The migration that this code expects; a test compares it with the newest file."""

metadata = MetaData()

MOST_TRIALS = (1 << 31) - 1
"""No trial has a larger number: a server could not be asked for it."""

COUNT = Integer().with_variant(BigInteger(), "postgresql")
"""A number that may exceed 2**31; SQLite's integers have 64 bits anyway."""

studies = Table(
    "studies",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("created_s", Float, nullable=False),
    Column("config_toml", Text, nullable=False),  # as the person wrote it
    Column("config_json", Text, nullable=False),  # resolved: enough to run it without any file
    Column("source_hash", Text, nullable=False),  # of this software's sources
    Column("stop_requested_s", Float),  # a person asked for no further trials
    Column("space_json", Text),  # the space when the study ran last; NULL in old databases
    Column("oracle_json", Text),  # what the golden inputs would show; NULL in old databases
    Column("importance_json", Text),  # of the parameters to the model that suggested last, or NULL
    Column("note", Text),  # that a person wrote
    Column("tags_json", Text),  # JSON list of texts
    Column("archived_s", Float),  # when a person put it away, or NULL
)

trials = Table(
    "trials",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("study_id", ForeignKey("studies.id"), nullable=False),
    Column("number", Integer, nullable=False),  # from 1 in each study
    Column("design_id", Text, nullable=False),
    Column("design_json", Text, nullable=False),
    Column("context", Text, nullable=False),  # hash of target, workload, sources and tools
    Column("fidelity", Text, nullable=False, server_default="synthesised"),  # how far it goes
    Column("suggested_by", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("created_s", Float, nullable=False),
    Column("ended_s", Float),
    Column("failures", Integer, nullable=False),  # counted attempts since the last requeue
    Column("not_before_s", Float, nullable=False),  # back-off
    Column("reused_from", ForeignKey("trials.id")),
    Column("promotes", ForeignKey("trials.id")),
    Column("revision", Integer, nullable=False, server_default="0"),  # grows with each change
    UniqueConstraint("study_id", "number"),
    CheckConstraint("state IN ('waiting', 'running', 'completed', 'infeasible', 'failed')"),
    Index("trials_by_design", "design_id", "context", "state"),
    Index("trials_by_state", "study_id", "state"),
    Index("trials_promoted_once", "promotes", unique=True),
    Index("trials_by_revision", "study_id", "revision"),
    Index("trials_of_design", "study_id", "design_id"),
    Index("trials_by_end", "study_id", "ended_s"),
)

beliefs = Table(  # what the search believed of a design when it suggested it
    "beliefs",
    metadata,
    Column("trial_id", ForeignKey("trials.id"), primary_key=True),
    Column("reason", Text, nullable=False),  # in words
    Column("feasible", Float),  # probability; NULL where no model was asked
    Column("gain", Float),  # expected, as a share of the front's hypervolume
    Column("cost_s", Float),  # CPU-seconds that the trial was predicted to take
)

predictions = Table(  # of a trial's objectives, with a belief
    "predictions",
    metadata,
    Column("trial_id", ForeignKey("trials.id"), primary_key=True),
    Column("metric", Text, primary_key=True),
    Column("middle", Float, nullable=False),  # median, in the metric's unit
    Column("low", Float, nullable=False),  # quantile of 5 %
    Column("high", Float, nullable=False),  # quantile of 95 %
)

remarks = Table(  # what people wrote beside a trial; a trial without has no row
    "remarks",
    metadata,
    Column("trial_id", ForeignKey("trials.id"), primary_key=True),
    Column("note", Text, nullable=False),
    Column("tags_json", Text, nullable=False),  # JSON list of texts
)

attempts = Table(
    "attempts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("trial_id", ForeignKey("trials.id"), nullable=False),
    Column("number", Integer, nullable=False),  # from 1 in each trial
    Column("worker", Text, nullable=False),
    Column("started_s", Float, nullable=False),
    Column("heartbeat_s", Float, nullable=False),
    Column("lease_until_s", Float, nullable=False),
    Column("stage", Text),  # that runs now or ran last
    Column("stage_since_s", Float),
    Column("ended_s", Float),  # NULL exactly while the attempt holds the lease
    Column("outcome", Text),  # completed, infeasible or failed
    Column("kind", Text),  # of the fault
    Column("what", Text),
    Column("fix", Text),
    Column("detail", Text),  # of the fault
    # a program reached a limit of the config by itself, on a machine that was not the reason
    Column("is_own_limit", Boolean, nullable=False, server_default="0"),
    Column("progress_json", Text),  # how far its stage is, while it runs: see how_far.py
    UniqueConstraint("trial_id", "number"),
    CheckConstraint("outcome IN ('completed', 'infeasible', 'failed')"),
    Index("attempts_held", "ended_s", "lease_until_s"),
)

metrics = Table(
    "metrics",
    metadata,
    Column("trial_id", ForeignKey("trials.id"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("value", Float, nullable=False),
    Column("unit", Text, nullable=False),
    Column("fidelity", Text, nullable=False),
    Column("estimate", Boolean, nullable=False),
    # all that a reader of one metric of many trials needs, in one place
    Index("metrics_by_name", "name", "trial_id", "value", "fidelity", "estimate"),
)

layers = Table(
    "layers",
    metadata,
    Column("trial_id", ForeignKey("trials.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("operator", Text, nullable=False),
    Column("output_shape", Text, nullable=False),  # JSON list
    Column("macs", COUNT, nullable=False),
    Column("cycles", COUNT, nullable=False),
    Column("bytes_in", COUNT, nullable=False),
    Column("bytes_out", COUNT, nullable=False),
    Column("bytes_scratch", COUNT, nullable=False),
)

placements = Table(
    "placements",
    metadata,
    Column("trial_id", ForeignKey("trials.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("seed", Integer, nullable=False),
    Column("clock_mhz", Float, nullable=False),
    Column("fmax_mhz", Float, nullable=False),
    Column("is_met", Boolean, nullable=False),
    Column("domains", Text, nullable=False),  # JSON list of ClockDomain
    Column("critical_path", Text, nullable=False),  # JSON list of PathStep
)

stage_times = Table(
    "stage_times",
    metadata,
    Column("attempt_id", ForeignKey("attempts.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("stage", Text, nullable=False),
    Column("wall_s", Float, nullable=False),
    Column("cpu_s", Float, nullable=False),
    Column("cached", Boolean, nullable=False),
)

artefacts = Table(
    "artefacts",
    metadata,
    Column("attempt_id", ForeignKey("attempts.id"), primary_key=True),
    Column("stage", Text, primary_key=True),
    Column("key", Text, nullable=False),
)

tools = Table(
    "tools",
    metadata,
    Column("attempt_id", ForeignKey("attempts.id"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("version", Text, nullable=False),
)

contexts = Table(  # what a hash in ``trials.context`` stands for
    "contexts",
    metadata,
    Column("context", Text, primary_key=True),
    Column("facts", Text, nullable=False),  # JSON object
)

audit = Table(  # what people did through the dashboard
    "audit",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("time_s", Float, nullable=False),
    Column("client", Text, nullable=False),  # address that it came from
    Column("action", Text, nullable=False),
    Column("study", Text, nullable=False),
    Column("detail", Text, nullable=False),  # JSON object
    Column("outcome", Text, nullable=False),  # done, or why it was refused
)
