"""Verdicts on whole submissions: what each cell costs, and what is said."""

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tinytorch.utils.checking import CheckFailure
from tito.conditions.call import Call
from tito.conditions.results import REVIEW_HINT, Check, Inconclusive, Share, try_here
from tito.errors import TitoError
from tito.grading.judge.connection import Launch, Process, launch_plain
from tito.grading.judge.judge import judge_cells, kind_of, late_parts
from tito.grading.judge.remote import JudgeLimits

GIVEN = ["import os, sys, time\nimport numpy as np\n"]
RIGHT = "def f(A, B):\n    return A @ B\n"


def multiplies(call: Call, rng: np.random.Generator, n: int = 3) -> None:
    """Matrices are multiplied."""
    A, B = rng.random((n, n)), rng.random((n, n))
    result = call(A, B)
    if result.raised is not None:
        raise CheckFailure(f"n = {n} raised {result.raised.message}", "Look for raise.")
    if result.value is None or not np.allclose(result.value, A @ B):
        raise CheckFailure(f"n = {n}: wrong", "Work an example by hand.")


def refuses(call: Call, rng: np.random.Generator) -> None:
    """Inner sizes that differ raise ValueError."""
    raised = call(rng.random((2, 3)), rng.random((2, 3))).raised
    if raised is None or "ValueError" not in raised.kinds:
        raise CheckFailure("nothing was raised", "Raise ValueError.")


ONE = {"graded": Check("f", "cell", (Share(multiplies, 2, {"n": 37}), Share(refuses, 1)))}


def one(source: str, check: Mapping[str, Check] = ONE, **options: Any) -> Any:
    (verdict,) = judge_cells(GIVEN, {"cell": source}, check, **options)
    return verdict


def check_of(*conditions: Callable[..., None], **inputs: Any) -> Mapping[str, Check]:
    return {"graded": Check("f", "cell", tuple(Share(c, 1, inputs) for c in conditions))}


def counting() -> tuple[list[str], Launch]:
    """A launcher that notes each start."""
    starts: list[str] = []

    def launch(command: Sequence[str], descriptors: tuple[int, int]) -> Process:
        starts.append("start")
        return launch_plain(command, descriptors)

    return starts, launch


def test_judge_cells_gives_full_points_for_a_right_cell() -> None:
    starts, launch = counting()
    verdict = one(RIGHT, launch=launch)
    assert (verdict.grade_id, verdict.score, verdict.max_score) == ("graded", 3.0, 3.0)
    assert (verdict.verdict, verdict.message, verdict.hint) == ("passed", "", "")
    assert len(starts) == 1


def test_judge_cells_gives_part_of_the_points() -> None:
    verdict = one("def f(A, B):\n    return A @ B if A.shape[1] == B.shape[0] else 0\n")
    assert (verdict.score, verdict.verdict) == (2.0, "failed")
    assert (verdict.message, verdict.hint) == ("nothing was raised", "Raise ValueError.")


@pytest.mark.parametrize(
    ("source", "verdict", "message"),
    [
        ("def f(:", "not-run", "not Python: line 1"),
        ("x = " + "1 + " * 9000 + "1\n" + RIGHT, "not-run", "not Python: "),
        ("def g(A, B): pass", "not-run", "f is not defined"),
        ("raise RuntimeError('early')", "not-run", "cell raised RuntimeError: early"),
        ("os._exit(0)", "not-run", "ended during loading"),
        ("def f(A, B):\n    raise OSError('broken')", "failed", "n = 3 raised broken"),
    ],
)
def test_judge_cells_says_why_nothing_was_earned(source: str, verdict: str, message: str) -> None:
    result = one(source)
    assert (result.score, result.verdict) == (0.0, verdict)
    assert message in result.message
    assert result.hint


def test_judge_cells_reports_a_cell_that_was_not_handed_in() -> None:
    (verdict,) = judge_cells(GIVEN, {}, ONE)
    assert (verdict.grade_id, verdict.score, verdict.verdict) == ("graded", 0.0, "not-run")
    assert verdict.message == "The cell cell was not handed in"


@pytest.mark.parametrize(
    ("other", "cell", "score", "verdict"),
    [
        (RIGHT, "# f is above", 3, "passed"),
        (RIGHT, "def f(:", 0, "not-run"),
        ("def f(A, B): pass", RIGHT, 3, "passed"),
    ],
)
def test_judge_cells_takes_a_function_from_the_cell_that_defines_it(
    other: str, cell: str, score: float, verdict: str
) -> None:
    (found,) = judge_cells(GIVEN, {"other": other, "cell": cell}, ONE)
    assert (found.score, found.verdict) == (score, verdict)


def test_judge_cells_costs_one_condition_for_one_death() -> None:
    verdict = one("def f(A, B):\n    return A @ B if A.shape[1] == B.shape[0] else os._exit(0)\n")
    assert verdict.score == 2.0


def test_judge_cells_costs_its_own_check_for_a_supervisor_that_was_ended() -> None:
    cells = {"bad": "def f(A, B): os.kill(os.getppid(), 9)", "good": RIGHT.replace("f(", "g(")}
    shares = (Share(multiplies, 2),)
    checks = {"b": Check("f", "bad", shares), "g": Check("g", "good", shares)}
    bad, good = judge_cells(GIVEN, cells, checks)
    assert (bad.score, bad.verdict) == (0.0, "failed")
    assert "watches over" in bad.message
    assert (good.score, good.verdict) == (2.0, "passed")


def test_judge_cells_tries_once_more_if_the_supervisor_was_ended_from_outside(
    tmp_path: Path,
) -> None:
    """Such as by a machine that is short of memory, here by the first call that comes."""
    mark = tmp_path / "ended"
    source = f"""
def f(A, B):
    if not os.path.exists({str(mark)!r}):
        open({str(mark)!r}, "w").close()
        os.kill(os.getppid(), 9)
    return A @ B
"""
    starts, launch = counting()
    verdict = one(source, launch=launch)
    assert (verdict.score, verdict.verdict) == (3.0, "passed")
    assert len(starts) == 2


def test_judge_cells_gives_no_verdict_without_a_supervisor() -> None:
    def refuse(command: Sequence[str], descriptors: tuple[int, int]) -> Process:
        raise TitoError("The sandbox did not start.")

    with pytest.raises(TitoError, match="did not start"):
        one(RIGHT, launch=refuse)


def test_judge_cells_stops_after_calls_that_are_too_long() -> None:
    source = "def f(A, B):\n    while True:\n        pass\n"
    verdict = one(source, limits=JudgeLimits(call_seconds=0.2, late_calls=1))
    assert [result.verdict for result in verdict.conditions] == ["failed", "not-run"]
    assert verdict.conditions[1].fact.startswith("f took too long before")
    assert verdict.conditions[1].hint


def test_judge_cells_stops_with_the_time_of_the_submission() -> None:
    verdict = one(RIGHT, limits=JudgeLimits(notebook_seconds=0.0))
    assert [result.verdict for result in verdict.conditions] == ["not-run", "not-run"]
    assert "whole notebook" in verdict.message
    assert verdict.hint


def test_judge_cells_says_what_the_notebook_says() -> None:
    """One verdict: the words under the judge are those of a run in the student's process."""

    def f(A: Any, B: Any) -> Any:
        return (A @ B).T

    here = try_here(f, {share.condition: share.points for share in ONE["graded"].shares})
    assert one("def f(A, B):\n    return (A @ B).T\n").conditions == here


def test_judge_cells_repeats_nothing_that_was_said_of_hidden_inputs() -> None:
    """Neither sizes, nor messages, nor what an earlier check's child has seen."""
    source = """
seen = []
def f(A, B):
    seen.append(A.shape)
    if len(A) > 9 or 37 in [n for shape in seen for n in shape]:
        raise RuntimeError(f"seen {seen}")
    return A @ B
"""
    verdict = one(source)
    assert verdict.conditions[0].verdict == "failed"
    shown = [verdict.message, verdict.hint, *(r.fact + r.hint for r in verdict.conditions)]
    assert not any("37" in text for text in shown)
    assert "37" in verdict.conditions[0].detail


def test_judge_cells_asks_for_visible_inputs_where_nobody_has_seen_hidden_ones() -> None:
    """Before a child is asked what the notebook shows, all that saw hidden inputs is gone.

    What has failed on hidden inputs is not tried on them again.
    """
    order: list[str] = []

    def noted(call: Call, rng: np.random.Generator, hidden: bool = False) -> None:
        """Noted."""
        order.append(f"{call.__name__} {'hidden' if hidden else 'visible'}")
        call(np.ones(1))
        if hidden:
            raise CheckFailure("no", "")

    starts, launch = counting()
    checks = {n: Check(n, "cell", (Share(noted, 1, {"hidden": True}),)) for n in ("f", "g")}
    source = "def f(A): return A\ng = f"
    judge_cells(GIVEN, {"cell": source}, checks, launch=launch)
    assert order == ["f hidden", "g hidden", "f visible", "g visible"]
    assert len(starts) == 2


def test_judge_cells_draws_hidden_inputs_afresh() -> None:
    drawn = []

    def keeps(call: Call, rng: np.random.Generator) -> None:
        """Kept."""
        drawn.append(rng.integers(1 << 60))

    checks = check_of(keeps)
    for seed in (None, None, 7, 7):
        one(RIGHT, checks, seed=seed)
    assert len(set(drawn)) == 3
    assert drawn[2] == drawn[3]
    judge_cells(GIVEN, {"cell": RIGHT}, {"another": checks["graded"]}, seed=7)
    assert drawn[4] != drawn[3]


def test_judge_cells_asks_timed_checks_once() -> None:
    asked: list[str] = []

    def timed(call: Call, rng: np.random.Generator, n: int = 3) -> None:
        """Timed."""
        asked.append(f"{n}")
        raise CheckFailure("slow", "Be quick.")

    check = {"graded": Check("f", "cell", (Share(timed, 1, {"n": 5}),), timed=True)}
    verdict = one(RIGHT, check)
    assert (asked, verdict.message) == (["5"], "slow")


def test_judge_cells_tells_conditions_which_parameter_cuts() -> None:
    def cuts(call: Call, rng: np.random.Generator) -> None:
        """Cut."""
        if call.cut != "rows":
            raise CheckFailure(f"cut by {call.cut}", "")

    assert one(RIGHT, {"graded": Check("f", "cell", (Share(cuts, 1),), cut="rows")}).score == 1


def test_judge_cells_leaves_what_should_not_happen_to_a_person(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A test of nbgrader's database switches off all loggers of its process that are there already.
    monkeypatch.setattr(logging.getLogger("tito.grading.judge.judge"), "disabled", False)

    def breaks(call: Call, rng: np.random.Generator) -> None:
        """Broken."""
        raise ZeroDivisionError("bug")

    verdict = one(RIGHT, check_of(breaks, multiplies))
    assert [result.verdict for result in verdict.conditions] == ["review", "passed"]
    assert (verdict.message, verdict.hint) == ("It could not be told", REVIEW_HINT)
    assert verdict.conditions[0].detail == "ZeroDivisionError: bug"
    assert set(caplog.messages) == {"condition breaks"}


def test_judge_cells_repeats_no_doubt_about_hidden_inputs() -> None:
    def doubts(call: Call, rng: np.random.Generator, n: int = 3) -> None:
        """Doubtful."""
        if n == 37:
            raise Inconclusive(f"n = {n} cannot be told")

    verdict = one(RIGHT, check_of(doubts, n=37))
    assert verdict.verdict == "review"
    assert verdict.message == (
        "It holds for the inputs in the notebook; for other numbers it cannot be told"
    )
    assert "37" in verdict.conditions[0].detail


@pytest.mark.parametrize(
    ("inputs", "kind"),
    [
        ({"n": 37}, "other numbers"),
        ({"sizes": [37], "shapes": [(3, 7)], "n": 1}, "other sizes or numbers"),
        ({"types": ["f4"], "cases": [37]}, "other types or cases or numbers"),
    ],
)
def test_kind_of_says_what_hidden_inputs_change(inputs: dict[str, Any], kind: str) -> None:
    assert kind_of(Share(multiplies, 1, inputs)) == kind


def test_judge_cells_gives_each_check_a_main_module_of_its_own() -> None:
    source = """
import __main__, pickle
__main__.count = getattr(__main__, "count", 0) + 1
def f(A, B):
    assert pickle.loads(pickle.dumps(f)) is f and __main__.count == 1
    return A @ B
g = f
"""
    shares = (Share(multiplies, 1),)
    checks = {"f": Check("f", "cell", shares), "g": Check("g", "cell", shares)}
    assert [v.score for v in judge_cells(GIVEN, {"cell": source}, checks)] == [1.0, 1.0]


def test_judge_cells_loads_cells_with_magic_commands() -> None:
    source = "%%time\n%matplotlib inline\nfiles = !ls\nget_ipython().system('ls')\ndisplay(3)\n"
    assert one(source + RIGHT.replace("return", "print(files); return")).score == 3.0


def test_judge_cells_awaits_what_a_notebook_awaits() -> None:
    source = "import asyncio\nfound = await asyncio.sleep(0, 1)\n"
    assert one(source + RIGHT.replace("return", "assert found; return")).score == 3.0


def test_judge_cells_takes_a_long_source_at_once() -> None:
    """A few kilobytes of magic commands, which IPython takes quadratic time to transform."""
    assert one(RIGHT + "x = !ls\n" * 5000).score == 3.0


def test_judge_cells_loads_parts_of_numpy_before_a_call_is_recorded() -> None:
    source = "loaded = {'numpy.fft', 'numpy.ma'} <= set(sys.modules)\n"
    source += "def f(A, B):\n    assert loaded\n"
    source += "    return np.fft.ifft(np.fft.fft(np.ma.getdata(A @ B))).real\n"
    assert late_parts({"cell": source}) == ["numpy.fft", "numpy.ma"]
    assert late_parts({"cell": RIGHT}) == ["numpy.ma"]
    assert one(source).score == 3
