"""A run: submissions go through workers, some at a time, and come back in the order they are done.

Only a bounded number is under way, so what a run takes does not grow with the class. Workers that
are lost with submissions under way are replaced; those submissions are then tried one at a time,
and one that loses its worker again has itself to blame.
"""

from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from itertools import islice
from traceback import format_exc

from tito.grading.pipeline.grade import (
    GradingContext,
    GradingResult,
    Submission,
    grade_submission,
)
from tito.grading.workers import Workers, is_lost

__all__ = ["grade_all"]

TRIES = 2
LOST = "Grading this submission crashed its worker twice."


def grade_all(
    workers: Workers, context: GradingContext, submissions: Iterable[Submission]
) -> Iterator[GradingResult]:
    """Yield what comes of each submission, as soon as it is known.

    Parameters
    ----------
    workers : Workers
        Who grades.
    context : GradingContext
        What grading needs beside them.
    submissions : iterable of Submission
        Read as they are needed.
    """
    waiting = iter(submissions)
    while lost := (yield from _until_lost(workers, context, waiting)):
        workers.replace()
        for submission in lost:
            yield _grade_alone(workers, context, submission)


def _until_lost(
    workers: Workers, context: GradingContext, waiting: Iterator[Submission]
) -> Generator[GradingResult, None, list[Submission]]:
    """Grade until nothing waits or the workers are lost; return what was under way then."""
    under_way: dict[Future[GradingResult], Submission] = {}
    while True:
        room = workers.at_a_time - len(under_way)
        for submission in islice(waiting, max(0, room)):
            under_way[_submit(workers, context, submission)] = submission
        if not under_way:
            return []
        lost = []
        for future in wait(under_way, return_when=FIRST_COMPLETED).done:
            submission = under_way.pop(future)
            result = _result(future, submission)
            if result is None:
                lost.append(submission)
            else:
                yield result
        if lost:
            return [*lost, *under_way.values()]


def _grade_alone(
    workers: Workers, context: GradingContext, submission: Submission
) -> GradingResult:
    for _ in range(TRIES):
        result = _result(_submit(workers, context, submission), submission)
        if result is not None:
            return result
        workers.replace()
    return GradingResult(submission.student, "failed", reason=LOST, error=LOST)


def _submit(
    workers: Workers, context: GradingContext, submission: Submission
) -> Future[GradingResult]:
    try:
        return workers.submit(grade_submission, context, submission)
    except Exception as error:
        failed: Future[GradingResult] = Future()
        failed.set_exception(error)
        return failed


def _result(future: Future[GradingResult], submission: Submission) -> GradingResult | None:
    """What came of a submission, once it is known; None if its workers were lost."""
    try:
        return future.result()
    except (Exception, CancelledError) as error:
        if is_lost(error):
            return None
        reason = f"{type(error).__name__}: {error}"
        return GradingResult(submission.student, "failed", reason=reason, error=format_exc())
