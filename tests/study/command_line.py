"""``python -m dse.study`` with the fake rooms: what the tests start as real processes."""

from unittest import mock

import dse.commands
import dse.rerun
import dse.study
from tests.study.fake_rooms import fake_space

MEASURE = "tests.study.fake_rooms:measure"

if __name__ == "__main__":
    with (
        mock.patch.object(dse.commands, "MEASURE", MEASURE),
        mock.patch.object(dse.commands, "assemble_space", fake_space),
        mock.patch.object(dse.commands, "check_network"),
        mock.patch.object(dse.rerun, "check_network"),
        mock.patch.object(dse.commands, "context_of", return_value="context"),
        mock.patch.object(dse.rerun, "MEASURE_AGAIN", MEASURE),
    ):
        dse.study.main()
