"""``python -m dse.study`` with the fake rooms: what the tests start as real processes."""

import os
from unittest import mock

import dse.commands.campaigns
import dse.commands.rerun
import dse.study
from dse.config.provenance import Context
from tests.campaign.fake_rooms import fake_space

MEASURE = "tests.campaign.fake_rooms:measure"
GCC = os.environ.get("FAKE_GCC", "12.2")
CONTEXT = Context(key=f"context of gcc {GCC}", facts={"tools": {"gcc": GCC}})

if __name__ == "__main__":
    with (
        mock.patch.object(dse.commands.campaigns, "MEASURE", MEASURE),
        mock.patch.object(dse.commands.campaigns, "assemble_space", fake_space),
        mock.patch.object(dse.commands.campaigns, "check_network"),
        mock.patch.object(dse.commands.rerun, "check_network"),
        mock.patch.object(dse.commands.campaigns, "context_of", return_value=CONTEXT),
        mock.patch.object(dse.commands.rerun, "MEASURE_AGAIN", MEASURE),
    ):
        dse.study.main()
