"""Which worker runs which tests, and how many workers there are."""

import os
import re
from typing import Any

from xdist.scheduler import LoadScopeScheduling

__all__ = ["APART", "TIMED", "TOGETHER", "WORKERS", "Grouped"]

WORKERS = (os.cpu_count() or 1) + 2
"""Two more than there are CPUs: many tests wait for something."""

TOGETHER = (
    *("tests/end_to_end/test_browser", "tests/end_to_end/test_hostile_class"),
    *("tests/end_to_end/test_scale", "tests/benchmarks/"),
)
"""The files that have a graded class or a cluster for all their tests, or a browser each."""

APART = (
    "test_judge_gives_each_submission_what_its_file_expects",
    "test_judge_gives_a_hostile_submission_no_more_in_a_sandbox_of_its_own",
    "test_quickstart_course_is_graded_to_the_same_points",
)
"""The tests whose cases take long: each goes to the next worker that is free."""

TIMED = "-timed"
"""The end of the names of the corpora's files that are judged by CPU time."""

MEASURING = re.compile(rf"{TIMED}\]$|_takes?_time_|_time_that_grows|_times_a_call|_counts_the_time")
"""What measures CPU time: never two at once."""


class Grouped(LoadScopeScheduling):  # type: ignore[misc]
    """Sends what belongs together to one worker, and all cases of a test.

    The fewer there are to send, the less the sending costs: it counts what is left each time.

    The mark ``xdist_group`` would say so in the files, but pytest-xdist 3.8 does not see it with
    pytest 9.2.
    """

    def _split_scope(self, nodeid: str) -> Any:
        if MEASURING.search(nodeid):
            return TIMED
        if nodeid.startswith(TOGETHER):
            return nodeid.partition("::")[0]
        test = nodeid.partition("[")[0]
        return nodeid if test.endswith(APART) else test
