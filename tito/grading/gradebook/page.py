"""A student's page of feedback: what it shows, and its HTML.

One self-contained file without scripts. It shows the student's own code and answers, the verdicts
and a person's comments; marking schemes and hidden tests only where settings.ini says so.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tito.conditions.results import SYMBOLS, CellVerdict
from tito.grading.markup import highlight_code, markdown2html

__all__ = ["Answer", "Check", "Page", "as_html"]

TEMPLATE = Path(__file__).with_name("page.html.jinja")


@dataclass(frozen=True)
class Check:
    """A graded cell: its verdict, the student's code that it is about, and what was said of it.

    ``changed`` is whether a person gave other points than the verdict. ``code`` is empty where the
    check before it is about the same cell, ``solution``; ``test`` is the text of the check itself,
    where the settings show it.
    """

    verdict: CellVerdict
    solution: str = ""
    code: str = ""
    note: str = ""
    comment: str = ""
    test: str = ""
    changed: bool = False


@dataclass(frozen=True)
class Answer:
    """A written answer: question and text in Markdown, and the points; None while it is unread."""

    grade_id: str
    question: str
    text: str
    is_written: bool
    score: float | None
    max_score: float
    comment: str = ""
    attachments: Mapping[str, Any] = field(default_factory=dict)

    @property
    def state(self) -> str:
        """How the answer is marked on the page: as a verdict's word."""
        if self.score is None:
            return "review"
        return "passed" if self.score >= self.max_score else "failed"


@dataclass(frozen=True)
class Page:
    """What a student's page shows; ``notes`` are sentences on lateness and on what is open."""

    course: str
    lesson: str
    student: str
    name: str
    score: float
    max_score: float
    notes: tuple[str, ...]
    checks: tuple[Check, ...]
    answers: tuple[Answer, ...]


def as_html(page: Page) -> str:
    """Return the page."""
    return str(
        _template().render(
            page=page,
            code=_code,
            markdown=_markdown,
            number=lambda value: f"{round(value, 2):g}",
            shape=SYMBOLS.get,
            colours=_colours(),
        )
    )


@cache
def _template() -> Any:
    from jinja2 import Environment

    environment = Environment(autoescape=True, trim_blocks=False)
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8"))


@cache
def _colours() -> str:
    from markupsafe import Markup
    from pygments.formatters import HtmlFormatter

    return Markup(HtmlFormatter(style="default").get_style_defs(".highlight"))


def _code(source: str) -> str:
    from markupsafe import Markup

    return Markup(highlight_code(source, "python"))


def _markdown(source: str, attachments: Mapping[str, Any]) -> str:
    from markupsafe import Markup

    context: Any = SimpleNamespace(get={"cell": {"attachments": attachments}}.get)
    return Markup(markdown2html(context, source))
