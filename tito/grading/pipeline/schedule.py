"""A run: submissions go through workers, some at a time, and come back in the order they are done.

Only a bounded number is under way, so what a run takes does not grow with the class. Workers that
are lost with submissions under way are replaced; those submissions are then tried one at a time,
and one that loses its worker again has itself to blame.
"""

from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from itertools import islice
from traceback import format_exc

from tito.grading.pipeline.grade import Examined, HandedIn, Material, examine
from tito.grading.workers import Workers, is_lost

__all__ = ["examine_all"]

TRIES = 2
LOST = "Judging it ended the process that judged it, more than once."


def examine_all(
    workers: Workers, material: Material, submissions: Iterable[HandedIn]
) -> Iterator[Examined]:
    """Yield what comes of each submission, as soon as it is known.

    Parameters
    ----------
    workers : Workers
        Who examines.
    material : Material
        What it takes to.
    submissions : iterable of HandedIn
        Read as they are needed.
    """
    waiting = iter(submissions)
    while lost := (yield from _until_lost(workers, material, waiting)):
        workers.replace()
        for handed_in in lost:
            yield _examine_alone(workers, material, handed_in)


def _until_lost(
    workers: Workers, material: Material, waiting: Iterator[HandedIn]
) -> Generator[Examined, None, list[HandedIn]]:
    """Examine until nothing waits or the workers are lost; return what was under way then."""
    under_way: dict[Future[Examined], HandedIn] = {}
    while True:
        room = workers.at_a_time - len(under_way)
        for handed_in in islice(waiting, max(0, room)):
            under_way[_submit(workers, material, handed_in)] = handed_in
        if not under_way:
            return []
        lost = []
        for future in wait(under_way, return_when=FIRST_COMPLETED).done:
            handed_in = under_way.pop(future)
            examined = _result(future, handed_in)
            if examined is None:
                lost.append(handed_in)
            else:
                yield examined
        if lost:
            return [*lost, *under_way.values()]


def _examine_alone(workers: Workers, material: Material, handed_in: HandedIn) -> Examined:
    for _ in range(TRIES):
        examined = _result(_submit(workers, material, handed_in), handed_in)
        if examined is not None:
            return examined
        workers.replace()
    return Examined(handed_in.student, "failed", reason=LOST)


def _submit(workers: Workers, material: Material, handed_in: HandedIn) -> Future[Examined]:
    try:
        return workers.submit(examine, material, handed_in)
    except Exception as error:
        failed: Future[Examined] = Future()
        failed.set_exception(error)
        return failed


def _result(future: Future[Examined], handed_in: HandedIn) -> Examined | None:
    """What came of a submission, once it is known; None if its workers were lost."""
    try:
        return future.result()
    except (Exception, CancelledError) as error:
        if is_lost(error):
            return None
        reason = f"{type(error).__name__}: {error}"
        return Examined(handed_in.student, "failed", reason=reason, error=format_exc())
