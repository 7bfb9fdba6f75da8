"""What students wrote, as HTML that can do nothing on the page it stands in.

nbgrader's templates, of feedback and of formgrader alike, put rendered markdown into their pages as
it is, raw HTML included and whatever `sanitize_html` says; formgrader's page may do all that its
instructor may. These take the place of nbconvert's filters of the same names. They keep what shows
a text, and neither an id nor a class of a student's own, as formgrader finds the boxes for
points by them: ``# answer-rows`` in one answer would else give its points to another as well.

nh3 parses a text as browsers do and writes it anew. Its time can grow with the square of a hostile
text, so a text is cut before. A `<` that begins no tag of a known name is shown, as in ``a<b``.
Code is coloured only where that takes no long time either.
"""

import html
import re
from collections.abc import Mapping
from typing import Any

import nh3
from jinja2 import pass_context
from jinja2.runtime import Context
from nbconvert.filters.ansi import ansi2html as coloured
from nbconvert.filters.ansi import strip_ansi
from nbconvert.filters.highlight import Highlight2HTML
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

__all__ = [
    "MOST_HTML",
    "MOST_MARKDOWN",
    "ansi2html",
    "clean_html",
    "highlight_code",
    "markdown2html",
]

MOST_MARKDOWN = 25_000
"""The most characters of markdown that are rendered; an answer is cut before."""
MOST_HTML = 100_000
CUT = "<p>[Cut here: of {:,} characters, {:,} are shown.]</p>"

MOST_CODE = 20_000
LONGEST_LINE = 400
"""Pygments' time grows with the square of a line's length, and of blanks at the ends of lines."""
PYTHON = {"py", "python", "python3", "ipython", "ipython3"}
MOST_COLOURS = 1000

TAGS = {
    *("br", "hr", "img", "p", "li", "dt", "dd", "td", "th", "tr"),
    *("a", "abbr", "acronym", "b", "blockquote", "code", "del", "details", "div", "dl", "em", "i"),
    *("ins", "kbd", "ol", "pre", "s", "span", "strong", "sub", "summary", "sup", "u", "ul"),
    *("h1", "h2", "h3", "h4", "h5", "h6", "caption", "table", "tbody", "tfoot", "thead"),
}
PLAIN = {"title", "alt", "align", "colspan", "rowspan", "open"}
LINKS = ("http://", "https://", "mailto:", "#")
ATTACHMENT = "attachment:"
PICTURE = "data:image/"

NO_TAG = re.compile(rf"<(?!/?(?:{'|'.join(sorted(TAGS))})(?:[\s/][^<>]*)?>)", re.IGNORECASE)
PYGMENTS = re.compile(r"(?:(?:highlight|hll|[a-z]{1,2}[0-9]?)(?:\s+|$))+")
ALIGNED = re.compile(r"\s*text-align\s*:\s*(left|right|center|justify)\s*;?\s*")


@pass_context
def markdown2html(context: Context, source: str) -> str:
    """Return markdown as HTML; a picture is shown only from within the notebook, and once.

    Parameters
    ----------
    context : Context
        The template's; ``cell`` in it holds the attachments.
    source : str
        The markdown.
    """
    cell = context.get("cell") or {}
    renderer = _Renderer(cell.get("attachments") or {})
    rendered = MarkdownWithMath(renderer=renderer).render(source[:MOST_MARKDOWN])
    return _cleaned(rendered) + _note(len(source), MOST_MARKDOWN)


def clean_html(given: object) -> str:
    """Return HTML without what could act or load; a tag that is not allowed is shown as text."""
    text = given.decode(errors="replace") if isinstance(given, bytes) else str(given)
    return _cleaned(text[:MOST_HTML]) + _note(len(text), MOST_HTML)


def highlight_code(
    source: str, language: str | None = None, metadata: Mapping[str, Any] | None = None
) -> str:
    """Return code as HTML, in colours unless it is longer than anybody writes it."""
    source = "\n".join(line.rstrip() for line in source.split("\n"))
    if not _is_ordinary(source):
        return f'<div class="highlight"><pre>{html.escape(source, quote=False)}</pre></div>'
    highlighted: str = Highlight2HTML()(source, language, metadata)
    return highlighted


def ansi2html(text: object) -> str:
    """Return the text of a terminal as HTML, in its colours if they do not change all the time."""
    text = str(text)
    shown: str = coloured(strip_ansi(text) if text.count("\x1b") > MOST_COLOURS else text)
    return shown


def _is_ordinary(code: str) -> bool:
    longest = max(map(len, code.split("\n")))
    return len(code) <= MOST_CODE and longest <= LONGEST_LINE


def _note(length: int, most: int) -> str:
    return CUT.format(length, most) if length > most else ""


def _cleaned(text: str) -> str:
    shown = NO_TAG.sub("&lt;", text)
    return nh3.clean(
        shown,
        tags=TAGS,
        attributes={"*": {*PLAIN, "class", "style"}, "a": {"href"}, "img": {"src"}},
        attribute_filter=_kept,
        url_schemes={"http", "https", "mailto", "data"},
        link_rel=None,
    )


def _kept(tag: str, name: str, value: str) -> str | None:
    """The value of an attribute if it does nothing but show its element, else None."""
    kept = {
        "class": PYGMENTS.fullmatch(value) is not None,
        "style": ALIGNED.fullmatch(value) is not None,
        "href": value.lower().startswith(LINKS),
        "src": value.startswith(PICTURE),  # from elsewhere, it would tell who looks, and when
    }
    return value if kept.get(name, True) else None


class _Renderer(IPythonRenderer):
    """Shows attached pictures, and of all others where they are."""

    def __init__(self, attachments: Mapping[str, Any]) -> None:
        super().__init__(escape=False, exclude_anchor_links=True)
        self.left = dict(attachments)

    def block_code(self, code: str, info: str | None = None) -> str:
        """Return a block of code, in colours if it is Python of an ordinary length."""
        code = "\n".join(line.rstrip() for line in code.split("\n"))
        language = (info or "").split(maxsplit=1)[:1]
        known = bool(language) and language[0].lower() in PYTHON and _is_ordinary(code)
        shown: str = super().block_code(code, info=language[0].lower() if known else None)
        return shown

    def image(self, text: str, url: str, title: str | None = None) -> str:
        """Return a picture, or a link to it."""
        name = url.removeprefix(ATTACHMENT)
        attached = url.startswith(ATTACHMENT) and name in self.left
        if not attached and not url.startswith(PICTURE):
            return f"[picture: {self.link(text or url, url, title)}]"
        self.attachments = {name: self.left.pop(name)} if attached else {}
        shown: str = super().image(text, url, title)
        return shown
