"""A database from somebody else: the code that its config names leaves a mark when it runs."""

from pathlib import Path

from contracts.measurement import Completed
from dse.config import load_config
from dse.store import NewTrial, RetryPolicy, Store
from tests.campaign.fake_rooms import fake_space, measure
from tests.config.user_family import FAMILY

CONFIG = """
[study]
name = "night"
trials = 4
[suggest]
algorithm = "random"
[workload]
model = "net.tflite"
samples = "."
operator_folders = ["operators"]
[cfu]
families = ["theirs.py"]
[metrics]
files = ["warmth.py"]
"""
METRIC = """
from contracts.measurement import Fidelity
from contracts.metric import MetricDefinition
from runners.measuring.reader import MetricReader

WARMTH = MetricDefinition(
    name="warmth_uj", unit="uJ", better="lower", since=Fidelity.SIMULATED, description="of a test"
)
READER = MetricReader(metrics=(WARMTH,), read=lambda measured: ())
"""


class ForeignStudy:
    """A study ``night`` with one finished trial, in a folder of its own.

    Attributes:
        database: The file.
        module: The file of the CFU family that the config in the database names.
        operator: The file of the operator that it names.
        metric: The file of the metric that it names.
        mark: Is written when any of them is run.
    """

    def __init__(self, folder: Path) -> None:
        self.database = folder / "results.db"
        self.module = folder / "theirs.py"
        self.mark = folder / "mark"
        write = f"__import__('pathlib').Path({str(self.mark)!r}).write_text('run')\n"
        self.operator = folder / "operators" / "softplus.py"
        self.operator.parent.mkdir()
        self.operator.write_text(write)
        self.module.write_text(write + FAMILY.replace("{extra}", ""))
        self.metric = folder / "warmth.py"
        self.metric.write_text(METRIC)
        (folder / "net.tflite").write_bytes(b"net")
        (folder / "night.toml").write_text(CONFIG)
        text, config = load_config(folder / "night.toml")
        with Store(self.database) as store:
            study = store.create_study(
                name=config.name,
                config_toml=text,
                config_json=config.to_json(),
                source_hash="",
                now_s=1.0,
            )
            design = fake_space().default()
            new = NewTrial(design_id=design.id, design_json=design.canonical, suggested_by="random")
            store.add_trials(study.id, [new], context="context", budget=4, now_s=1.0)
            claim = store.claim(study.id, worker="w", now_s=1.0, lease_s=9.0)
            assert claim is not None
            outcome = measure(config.job(claim.trial.design), report=lambda _: None)
            assert isinstance(outcome, Completed)
            store.finish(claim.attempt_id, outcome, now_s=2.0, retry=RetryPolicy())
        self.metric.write_text(write + METRIC)  # who reads the config file runs it
        assert not self.mark.exists()
