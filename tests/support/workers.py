"""Which worker runs which tests: those of one file together where they share what costs minutes."""

from typing import Any

from xdist.scheduler import LoadScopeScheduling

__all__ = ["SharingFiles"]

TOGETHER = ("tests/end_to_end/", "tests/benchmarks/")
"""The folders whose files have a graded class, a cluster or a server for all their tests."""


class SharingFiles(LoadScopeScheduling):  # type: ignore[misc]
    """Sends a file of `TOGETHER` to one worker as a whole, and all other tests one by one.

    The mark ``xdist_group`` would say so in the files, but pytest-xdist 3.8 does not see it with
    pytest 9.2.
    """

    def _split_scope(self, nodeid: str) -> Any:
        return nodeid.partition("::")[0] if nodeid.startswith(TOGETHER) else nodeid
