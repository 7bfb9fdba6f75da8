"""The grades of a class as one self-contained page: scores, failures, what needs a person."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import mean, median
from typing import TYPE_CHECKING, Any

from tito.reports.console import printable

if TYPE_CHECKING:
    from tito.grading.gradebook.grades import Grades, StudentGrade
    from tito.grading.gradebook.similar import Pair

__all__ = ["as_html"]

TEMPLATE = Path(__file__).with_name("class_page.html.jinja")
BINS = 10
TALLEST = 130
SHOWN = 20


@dataclass(frozen=True)
class _Cell:
    text: str
    is_number: bool = False


def as_html(grades: "Grades", similar: "Sequence[Pair]" = ()) -> str:
    """Return the grades as a page; `similar` are pairs of solutions for a person to look at.

    It loads nothing from elsewhere. Its one script sorts and searches the table of students, which
    can be read without it.
    """
    names = list(dict.fromkeys(cell.grade_id for s in grades.submissions for cell in s.cells))
    bins = _bins(grades)
    return str(
        _template().render(
            title=f"{grades.course}: {grades.assignment}",
            summary=_summary(grades),
            bins=bins,
            bins_text="; ".join(f"{b['label']} points: {b['count']} students" for b in bins),
            needs=list(_needs(grades)),
            checks=list(_rates(grades)),
            failures=_failures(grades),
            similar=similar,
            heads=[_Cell("student"), _Cell("name"), _Cell("status"), _Cell("score", True)]
            + [_Cell("late", True), _Cell("open", True)]
            + [_Cell(name, True) for name in names],
            rows=[_row(s, names) for s in grades.submissions],
        )
    )


@cache
def _template() -> Any:
    from jinja2 import Environment

    return Environment(autoescape=True).from_string(TEMPLATE.read_text(encoding="utf-8"))


def _summary(grades: "Grades") -> str:
    scores = [s.score for s in grades.submissions if s.is_graded]
    missing = sum(s.status == "missing" for s in grades.submissions)
    parts = [f"{len(grades.submissions)} students, {len(scores)} graded, {missing} missing"]
    if scores:
        most = f"{grades.max_score:g}"
        parts.append(f"median {_number(median(scores))}, mean {_number(mean(scores))} of {most}")
    return f"{'; '.join(parts)}."


def _bins(grades: "Grades") -> list[dict[str, Any]]:
    """Return ten bars: how many students have how many points."""
    scores = [s.score for s in grades.submissions if s.is_graded]
    if not scores or not grades.max_score:
        return []
    width = grades.max_score / BINS
    counts = Counter(min(BINS - 1, int(score / width)) for score in scores)
    most = max(counts.values())
    return [
        {
            "label": f"{_number(at * width)}-{_number((at + 1) * width)}",
            "count": counts[at],
            "height": round(TALLEST * counts[at] / most),
        }
        for at in range(BINS)
    ]


def _needs(grades: "Grades") -> Iterator[str]:
    """Yield who has something that a person has to look at."""
    for submission in grades.submissions:
        review = [cell.grade_id for cell in submission.cells if cell.verdict == "review"]
        review = [name for name in review if name not in submission.unread]
        parts = []
        if submission.status in ("rejected", "failed"):
            parts.append(f"{submission.status}: {submission.message}")
        if submission.unread:
            count = len(submission.unread)
            parts.append(f"{count} written answer{'s' * (count != 1)} to read")
        if review:
            parts.append(f"for review: {', '.join(review)}")
        if parts:
            yield printable(f"{submission.student}: {'; '.join(parts)}")


def _rates(grades: "Grades") -> Iterator[dict[str, Any]]:
    """Yield a row for each check, and one for each of its conditions."""
    held: dict[str, Counter[str]] = defaultdict(Counter)
    tried: dict[str, Counter[str]] = defaultdict(Counter)
    for submission in grades.submissions:
        if submission.status != "graded":
            continue
        for cell in submission.cells:
            if cell.grade_id in submission.unread:
                continue
            tried[cell.grade_id][""] += 1
            held[cell.grade_id][""] += cell.score >= cell.max_score
            for result in cell.conditions:
                tried[cell.grade_id][result.words] += 1
                held[cell.grade_id][result.words] += result.verdict == "passed"
    for name, rows in tried.items():
        for words, total in rows.items():
            passed = held[name][words]
            yield {
                "name": words or name,
                "is_check": not words,
                "passed": passed,
                "total": total,
                "percent": round(100 * passed / total),
            }


def _failures(grades: "Grades") -> list[dict[str, Any]]:
    """Return the conditions that failed most often, each with an example; one slip counts once."""
    counts: Counter[tuple[str, str]] = Counter()
    examples: dict[tuple[str, str], tuple[str, str]] = {}
    for submission in grades.submissions:
        for cell in submission.cells:
            for result in cell.conditions:
                if result.verdict == "failed" and not result.is_as_above:
                    key = (cell.grade_id, result.words)
                    counts[key] += 1
                    examples.setdefault(key, (submission.student, result.fact))
    return [
        {
            "count": count,
            "check": key[0],
            "words": key[1],
            "student": printable(examples[key][0]),
            "fact": printable(examples[key][1]),
        }
        for key, count in counts.most_common(SHOWN)
    ]


def _row(submission: "StudentGrade", names: Sequence[str]) -> list[_Cell]:
    cells = {cell.grade_id: _number(cell.score) for cell in submission.cells}
    cells |= dict.fromkeys(submission.unread, "open")
    late = f"-{_number(submission.late_penalty)}" if submission.late_penalty else ""
    return [
        _Cell(printable(submission.student)),
        _Cell(printable(submission.name)),
        _Cell(submission.status),
        _Cell(_number(submission.score) if submission.is_graded else "", True),
        _Cell(late, True),
        _Cell(str(len(submission.unread) or ""), True),
        *(_Cell(cells.get(name, ""), True) for name in names),
    ]


def _number(value: float) -> str:
    return f"{round(value, 2):g}"
