"""``python -m dse.study`` with the fake rooms: what the tests start as real processes."""

import os
from unittest import mock

import dse.commands.campaigns
import dse.commands.rerun
import dse.study
from dse.config import StudyConfig
from dse.config.provenance import Context
from dse.space import Space
from hw_templates.cfu import load_families
from tests.campaign.fake_rooms import fake_space

MEASURE = "tests.campaign.fake_rooms:measure"
GCC = os.environ.get("FAKE_GCC", "12.2")
CONTEXT = Context(key=f"context of gcc {GCC}", facts={"tools": {"gcc": GCC}})


def loaded_space(config: StudyConfig) -> Space:
    """Return the fake space, after a look for what the real one would load."""
    load_families(config.families)
    return fake_space(config)


if __name__ == "__main__":
    with (
        mock.patch.object(dse.commands.campaigns, "MEASURE", MEASURE),
        mock.patch.object(dse.commands.campaigns, "assemble_space", loaded_space),
        mock.patch.object(dse.commands.campaigns, "check_network"),
        mock.patch.object(dse.commands.rerun, "check_network"),
        mock.patch.object(dse.commands.campaigns, "context_of", return_value=CONTEXT),
        mock.patch.object(dse.commands.rerun, "MEASURE_AGAIN", MEASURE),
    ):
        dse.study.main()
