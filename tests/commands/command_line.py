"""``python -m dse.study`` with the fake rooms: what the tests start as real processes."""

import contextlib
import functools
import os
from collections.abc import Iterator
from unittest import mock

import dse.campaign.checking
import dse.commands.campaigns
import dse.commands.next
import dse.commands.rerun
import dse.study
from contracts.faults import ToolCrashed
from dse.campaign import Campaign, Timing
from dse.config import StudyConfig
from dse.config.provenance import Context
from dse.space import Space
from dse.suggest import Suggester, Suggestion, SuggestRequest, make_suggester
from hw_templates.cfu import load_families
from tests.campaign.fake_rooms import fake_space
from tests.fake_oracle import SEES_ALL

MEASURE = "tests.campaign.fake_rooms:measure"
GCC = os.environ.get("FAKE_GCC", "12.2")
LEASE_S = float(os.environ.get("FAKE_LEASE_S", "42"))
"""With FAKE_LEASE_S=1, a silent worker has lost its trial after a second."""
TIMING = Timing(lease_s=LEASE_S, heartbeat_s=LEASE_S / 3, look_s=min(1.0, LEASE_S / 6))
CONTEXT = Context(key=f"context of gcc {GCC}", facts={"tools": {"gcc": GCC}})


class BrokenSearch:
    """A search that never answers."""

    name = "vizier"

    def suggest(self, request: SuggestRequest) -> tuple[Suggestion, ...]:
        raise ToolCrashed(f"the search process ended, asked for {request.count}", fix="try again")

    def close(self) -> None: ...


def suggester_of(name: str, **options: object) -> Suggester:
    """Return the search; FAKE_SEARCH=broken makes it one that fails."""
    if os.environ.get("FAKE_SEARCH") == "broken":
        return BrokenSearch()
    return make_suggester(name, **options)  # type: ignore[arg-type]


def loaded_space(config: StudyConfig) -> Space:
    """Return the fake space, after a look for what the real one would load."""
    load_families(config.families)
    return fake_space(config)


@contextlib.contextmanager
def fake_rooms() -> Iterator[None]:
    """Put the fake rooms in place of what is slow."""
    with (
        mock.patch.object(dse.commands.campaigns, "MEASURE", MEASURE),
        mock.patch.object(dse.commands.campaigns, "assemble_space", loaded_space),
        mock.patch.object(dse.campaign.checking, "assemble_space", loaded_space),
        mock.patch.object(dse.commands.campaigns, "make_suggester", suggester_of),
        mock.patch.object(
            dse.commands.campaigns, "Campaign", functools.partial(Campaign, timing=TIMING)
        ),
        mock.patch.object(dse.commands.next, "assemble_space", loaded_space),
        mock.patch.object(dse.commands.campaigns, "check_network"),
        mock.patch.object(
            dse.commands.campaigns, "workload_model", return_value=mock.Mock(macs=12_501_632)
        ),
        mock.patch.object(dse.campaign.checking, "check_network"),
        mock.patch.object(dse.commands.campaigns, "measure_oracle", return_value=SEES_ALL),
        mock.patch.object(dse.commands.rerun, "check_network"),
        mock.patch.object(dse.commands.campaigns, "context_of", return_value=CONTEXT),
        mock.patch.object(dse.commands.rerun, "MEASURE_AGAIN", MEASURE),
    ):
        yield


if __name__ == "__main__":
    with fake_rooms():
        dse.study.main()
