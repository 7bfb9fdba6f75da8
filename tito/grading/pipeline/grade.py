"""Grading one submission: from its bytes to the notebook that goes into the gradebook.

It is a function of its arguments alone, which can be pickled: so it runs in this process, in
another one or on another machine, and never touches the course's files or its gradebook.
"""

import os
import secrets
import time
import traceback
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache

from tito.conditions.results import CellVerdict, Check
from tito.course import Limits
from tito.errors import TitoError
from tito.grading.gradebook.basis import Basis, engine_version
from tito.grading.gradebook.cell_metadata import (
    METADATA_KEY,
    record_verdicts,
    reject,
    rejected_verdicts,
)
from tito.grading.intake.read import Rejected, notebook_cells
from tito.grading.intake.rebuild import rebuild
from tito.grading.judge.notebook import checks_in, judge_notebook
from tito.grading.sandbox.mode import SandboxMode, choose_sandbox
from tito.grading.verdicts import Execution, answer_verdicts, verdicts_of
from tito.grading.workers.pool import cpu_count
from tito.lesson import Notebook, code_cells, grade_id, is_answer, is_graded

__all__ = [
    "GradingContext",
    "GradingResult",
    "Submission",
    "grade_notebook",
    "grade_submission",
]

TRIES = 2
SEED_BITS = 53  # a seed stands in a notebook's metadata, whose readers may know no larger integers


@dataclass(frozen=True)
class GradingContext:
    """What grading needs beside the submission; the same for the whole class.

    Parameters
    ----------
    release : str
        The notebook to put solutions into, as JSON: the release, with hidden tests if it has any.
    checks : str
        The source of the lesson's checks.py; empty where there is none.
    files : tuple of (str, bytes)
        What lies beside the notebook as it runs, by relative names.
    limits : Limits
        What a submission may use.
    sandbox : str
        One of `tito.course.SANDBOXES`.
    probed : bool
        Whether the sandbox was tried on the machine that judges.
    engine : str
        The `engine_version` of the process that made this; the worker must have the same.
    """

    release: str
    checks: str
    limits: Limits
    sandbox: str
    probed: bool = False
    files: tuple[tuple[str, bytes], ...] = ()
    engine: str = field(default_factory=engine_version)


@dataclass(frozen=True)
class Submission:
    """A submission: its bytes, or why they could not be read, and what its points depend on."""

    student: str
    basis: Basis
    data: bytes = b""
    rejected: str = ""


@dataclass(frozen=True)
class GradingResult:
    """How the grading of one submission ended.

    Parameters
    ----------
    student : str
        Whose submission.
    status : str
        ``graded``; ``rejected``: graded with 0 as it cannot be read; ``entered``: the gradebook did
        not hold what was graded, or lateness costs other points than before; ``kept``: graded
        before, and nothing changed; ``failed``; or, of a dry run, ``due``: it would be graded.
    reason : str
        Why, if there is something to say.
    score : float or None
        The grade that counts, after penalty and with a person's points; before it is entered, the
        sum of the points; None where there is none yet.
    before : float or None
        The grade that counted before, if any.
    seconds : mapping of str to float
        The wall time of each stage.
    seed : int
        Where the judge's hidden inputs come from.
    error : str
        The traceback of what should not have happened.
    notebook : str
        The notebook that goes into the gradebook, as JSON, until it is entered.
    notes : tuple of str
        What was noticed in the submission: solution cells that are missing or were split.
    """

    student: str
    status: str
    reason: str = ""
    score: float | None = None
    before: float | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)
    seed: int = 0
    error: str = ""
    notebook: str = ""
    notes: tuple[str, ...] = ()


def grade_submission(context: GradingContext, submission: Submission) -> GradingResult:
    """Rebuild, run and judge a submission; whatever happens, return the result."""
    try:
        return _grade(_prepared(context), submission)
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        return GradingResult(
            submission.student, "failed", reason=reason, error=traceback.format_exc()
        )


def grade_notebook(
    notebook: Notebook,
    checks: Mapping[str, Check],
    limits: Limits,
    sandbox: SandboxMode,
    files: Mapping[str, bytes] | None = None,
) -> tuple[list[CellVerdict], dict[str, float]]:
    """Judge a rebuilt notebook, run the graded cells that no check judges, and record the verdicts.

    The seed of the judge's hidden inputs is kept in the notebook's metadata.

    Parameters
    ----------
    notebook : Notebook
        The release with a student's solutions in it; it receives outputs and verdicts.
    checks : mapping of grade id to Check
        What the judge asks.
    limits : Limits
        What it may use, the judge and the notebook's kernel together.
    sandbox : SandboxMode
        How student code is started.
    files : mapping of str to bytes, optional
        What lies beside the notebook as it runs, by relative names; checks get none of it.

    Returns
    -------
    list of CellVerdict, dict of str to float
        The verdicts on its checks and answers, and the seconds that it took to judge and to run.
    """
    start = time.perf_counter()
    judged = _judge(notebook, checks, limits, sandbox) if checks else []
    seconds = {"judge": time.perf_counter() - start}
    left = max(1, round(limits.notebook_seconds - seconds["judge"]))
    execution = Execution(notebook)
    if _unjudged(notebook, checks):
        execution = sandbox.run_notebook(
            notebook, replace(limits, notebook_seconds=left), frozenset(checks), files
        )
    seconds["run"] = time.perf_counter() - start - seconds["judge"]
    seen = [*verdicts_of(execution), *answer_verdicts(notebook), *judged]
    verdicts = {verdict.grade_id: verdict for verdict in seen}  # the judge's word is the last
    record_verdicts(notebook, list(verdicts.values()))
    return list(verdicts.values()), seconds


def _judge(
    notebook: Notebook, checks: Mapping[str, Check], limits: Limits, sandbox: SandboxMode
) -> list[CellVerdict]:
    """Judge; once more if the time was over on a grader that had more to do than CPUs."""
    found: list[CellVerdict] = []
    for _ in range(TRIES):
        seed, start = secrets.randbits(SEED_BITS), time.monotonic()
        notebook.metadata.setdefault(METADATA_KEY, {})["seed"] = seed
        found = judge_notebook(notebook, checks, sandbox.launcher(limits), limits, seed)
        in_time = time.monotonic() - start < limits.notebook_seconds
        if in_time or os.getloadavg()[0] <= cpu_count():
            break
    return found


def _unjudged(notebook: Notebook, checks: Mapping[str, Check]) -> bool:
    """Whether there is a graded cell that only its own run can tell the points of."""
    graded = [cell for cell in code_cells(notebook) if is_graded(cell) and not is_answer(cell)]
    return any(grade_id(cell) not in checks for cell in graded)


@dataclass(frozen=True)
class _Prepared:
    """What a process makes of the context once: what is read from it, and where code runs."""

    context: GradingContext
    release: Notebook
    checks: Mapping[str, Check]
    sandbox: SandboxMode


@lru_cache(maxsize=4)
def _prepared(context: GradingContext) -> _Prepared:
    import nbformat

    if context.engine != engine_version():
        fact = "This worker's tito judges by other code than the grader's."
        raise TitoError(fact, "Install the same version on every machine.")
    return _Prepared(
        context=context,
        release=nbformat.reads(context.release, as_version=4),
        checks=checks_in(context.checks) if context.checks else {},
        sandbox=choose_sandbox(context.sandbox, probed=context.probed),
    )


def _grade(prepared: _Prepared, submission: Submission) -> GradingResult:
    start, limits = time.perf_counter(), prepared.context.limits
    notebook, notes, reason = _rebuilt(prepared, submission)
    mark = notebook.metadata.setdefault(METADATA_KEY, {})
    mark["basis"] = asdict(submission.basis)
    seconds = {"intake": time.perf_counter() - start}
    if reason:
        verdicts = rejected_verdicts(notebook)
        record_verdicts(notebook, verdicts)
    else:
        verdicts, more = grade_notebook(
            notebook, prepared.checks, limits, prepared.sandbox, dict(prepared.context.files)
        )
        seconds |= more
    start = time.perf_counter()
    text = _text(notebook, limits)
    seconds["text"] = time.perf_counter() - start
    status, score = "rejected" if reason else "graded", sum(v.score for v in verdicts)
    seed = notebook.metadata[METADATA_KEY].get("seed", 0)
    return GradingResult(
        *(submission.student, status, reason, score),
        seconds=seconds,
        seed=seed,
        notebook=text,
        notes=tuple(notes),
    )


def _rebuilt(prepared: _Prepared, submission: Submission) -> tuple[Notebook, list[str], str]:
    """The release with the student's solutions in it, and notes; as it is, why, if rejected."""
    reason = submission.rejected
    try:
        cells = [] if reason else notebook_cells(submission.data, prepared.context.limits)
    except Rejected as rejected:
        cells, reason = [], rejected.fact
    notebook, notes = rebuild(prepared.release, cells)
    if reason:
        reject(notebook, reason)
        notes = []
    return notebook, notes, reason


def _text(notebook: Notebook, limits: Limits) -> str:
    """The notebook as nbgrader writes it, long outputs cut."""
    import nbformat
    from nbgrader.preprocessors import LimitOutput

    cut, _ = LimitOutput(max_lines=limits.output_lines).preprocess(notebook, {})
    text: str = nbformat.writes(cut)
    return text if text.endswith("\n") else f"{text}\n"
