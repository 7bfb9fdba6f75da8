"""Examination: from what a student handed in to the notebook that goes into the gradebook.

It is a function of its arguments alone, which can be pickled: so it runs in this process, in
another one or on another machine, and never touches the course's files or its gradebook.
"""

import secrets
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import gettempdir

from tito.course import Limits
from tito.grading.intake import Rejected, notebook_cells, rebuild
from tito.grading.judge import Check
from tito.grading.judging import checks_in, judge_notebook
from tito.grading.place import Place, place_of
from tito.grading.verdicts import (
    METADATA_KEY,
    Verdict,
    answer_verdicts,
    record_verdicts,
    reject,
    rejected_verdicts,
    verdicts_of,
)
from tito.lesson import Notebook

__all__ = ["Examined", "HandedIn", "Material", "examine", "examine_notebook"]


ATTEMPTS = 3
LOST = "Its sandboxes were killed from outside again and again."


@dataclass(frozen=True)
class Material:
    """What it takes to examine any submission of an assignment; the same for the whole class.

    Parameters
    ----------
    release : str
        The notebook to put solutions into, as JSON: the release, with hidden tests if it has any.
    checks : str
        The source of the lesson's checks.py; empty where there is none.
    limits : Limits
        What a submission may use.
    sandbox : str
        A choice or a name of `tito.grading.place.place_of`.
    probed : str
        The machine on which that was tried already.
    folder : str
        Where a kernel works that runs outside of the sandbox.
    """

    release: str
    checks: str
    limits: Limits
    sandbox: str
    probed: str = ""
    folder: str = ""


@dataclass(frozen=True)
class HandedIn:
    """A submission: its bytes, or why they could not be read.

    ``fingerprint`` is a digest of all that its grade depends on.
    """

    student: str
    fingerprint: str
    data: bytes = b""
    rejected: str = ""


@dataclass(frozen=True)
class Examined:
    """The notebook that goes into the gradebook, and what came of the examination.

    ``status`` is graded, rejected or failed, ``seconds`` the wall time of each stage, ``seed``
    where the hidden inputs come from, and ``error`` the traceback of what should not have happened.
    """

    student: str
    status: str
    notebook: str = ""
    reason: str = ""
    score: float = 0.0
    seconds: Mapping[str, float] = field(default_factory=dict)
    seed: int = 0
    error: str = ""


def examine(material: Material, handed_in: HandedIn) -> Examined:
    """Rebuild, run and judge a submission; whatever happens, return what came of it."""
    try:
        prepared = _prepared(material)
        for _ in range(ATTEMPTS):
            before = prepared.place.losses()
            try:
                examined = _examine(prepared, handed_in)
            except Exception:
                if prepared.place.losses() == before:
                    raise
                continue
            if prepared.place.losses() == before:
                return examined
        return Examined(handed_in.student, "failed", reason=LOST)
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        return Examined(handed_in.student, "failed", reason=reason, error=traceback.format_exc())


def examine_notebook(
    notebook: Notebook,
    checks: Mapping[str, Check],
    limits: Limits,
    place: Place,
    folder: Path,
    seed: int | None = None,
) -> tuple[list[Verdict], dict[str, float]]:
    """Run and judge a rebuilt notebook, whose cells receive outputs.

    Parameters
    ----------
    notebook : Notebook
        The release with a student's solutions in it.
    checks : mapping of grade id to Check
        What the judge asks.
    limits : Limits
        What it may use.
    place : Place
        Where student code runs.
    folder : Path
        Where a kernel works that runs outside of the sandbox.
    seed : int, optional
        Where the judge's hidden inputs come from; default: the operating system.

    Returns
    -------
    list of Verdict, dict of str to float
        The verdicts on its checks and answers, and the seconds that it took to run and to judge.
    """
    start = time.perf_counter()
    timed = {name for name, check in checks.items() if check.timed}
    execution = place.run(notebook, limits, folder, timed)
    ran = time.perf_counter()
    seen = [*verdicts_of(execution), *answer_verdicts(notebook)]
    verdicts = {verdict.grade_id: verdict for verdict in seen}
    if checks:  # what the student's own process showed decides nothing
        judged = judge_notebook(notebook, checks, place.launcher(limits), limits, seed)
        verdicts |= {verdict.grade_id: verdict for verdict in judged}
    seconds = {"run": ran - start, "judge": time.perf_counter() - ran}
    return list(verdicts.values()), seconds


@dataclass(frozen=True)
class _Prepared:
    """What a process makes of the material once."""

    release: Notebook
    checks: Mapping[str, Check]
    limits: Limits
    place: Place
    folder: Path


@cache
def _prepared(material: Material) -> _Prepared:
    import nbformat

    release = nbformat.reads(material.release, as_version=4)
    folder = Path(material.folder)
    return _Prepared(
        release=release,
        checks=checks_in(material.checks) if material.checks else {},
        limits=material.limits,
        place=place_of(material.sandbox, material.probed),
        folder=folder if folder.is_dir() else Path(gettempdir()),
    )


def _examine(prepared: _Prepared, handed_in: HandedIn) -> Examined:
    start = time.perf_counter()
    notebook, reason = _rebuilt(prepared, handed_in)
    mark = notebook.metadata.setdefault(METADATA_KEY, {})
    mark["fingerprint"] = handed_in.fingerprint
    seconds, seed = {"intake": time.perf_counter() - start}, secrets.randbits(64)
    if reason:
        verdicts = rejected_verdicts(notebook)
    else:
        verdicts, more = examine_notebook(
            notebook, prepared.checks, prepared.limits, prepared.place, prepared.folder, seed
        )
        seconds |= more
    start = time.perf_counter()
    record_verdicts(notebook, verdicts)
    text = _text(notebook, prepared.limits)
    seconds["text"] = time.perf_counter() - start
    status, score = "rejected" if reason else "graded", sum(v.score for v in verdicts)
    return Examined(handed_in.student, status, text, reason, score, seconds, seed)


def _rebuilt(prepared: _Prepared, handed_in: HandedIn) -> tuple[Notebook, str]:
    """The release with the student's solutions in it; as it is, with the reason, if rejected."""
    reason = handed_in.rejected
    try:
        cells = [] if reason else notebook_cells(handed_in.data, prepared.limits)
    except Rejected as rejected:
        cells, reason = [], rejected.fact
    notebook, _ = rebuild(prepared.release, cells)
    if reason:
        reject(notebook, reason)
    return notebook, reason


def _text(notebook: Notebook, limits: Limits) -> str:
    """The notebook as nbgrader writes it, long outputs cut."""
    import nbformat
    from nbgrader.preprocessors import LimitOutput

    cut, _ = LimitOutput(max_lines=limits.output_lines).preprocess(notebook, {})
    text: str = nbformat.writes(cut)
    return text if text.endswith("\n") else f"{text}\n"
