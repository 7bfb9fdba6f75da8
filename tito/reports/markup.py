"""What students wrote, as HTML that can do nothing on the page it stands in.

nbgrader's templates, of feedback and of formgrader alike, put rendered markdown into their pages as
it is, raw HTML included and whatever `sanitize_html` says; formgrader's page may do all that its
instructor may. These take the place of nbconvert's filters of the same names. They keep what shows
a text, and neither an id nor a class of a student's own, as formgrader finds the boxes for
points by them: ``# answer-rows`` in one answer would else give its points to another as well.

A parser as browsers have it takes a time that grows with the square of a hostile text. Here a text
is read once from start to end: what is a tag of a known name is written anew, with the attributes
that are known and in quotes, every tag is closed, and all else is shown as text. Code is coloured
only where that takes no long time either.
"""

import html
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

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
MOST_HTML = 1_000_000
CUT = "<p>[Cut here: of {:,} characters, {:,} are shown.]</p>"

MOST_CODE = 20_000
LONGEST_LINE = 400
"""Pygments' time grows with the square of a line's length, and of blanks at the ends of lines."""
PYTHON = {"py", "python", "python3", "ipython", "ipython3"}
MOST_COLOURS = 1000

DEEPEST = 100
EMPTY = {"br", "hr", "img"}
CLOSE_THEMSELVES = {"p", "li", "dt", "dd", "td", "th", "tr"}
TAGS = {
    *EMPTY,
    *CLOSE_THEMSELVES,
    *("a", "abbr", "acronym", "b", "blockquote", "code", "del", "details", "div", "dl", "em", "i"),
    *("ins", "kbd", "ol", "pre", "s", "span", "strong", "sub", "summary", "sup", "u", "ul"),
    *("h1", "h2", "h3", "h4", "h5", "h6", "caption", "table", "tbody", "tfoot", "thead"),
}
PLAIN = {"title", "alt", "align", "colspan", "rowspan", "open"}
LINKS = ("http://", "https://", "mailto:", "#")
ATTACHMENT = "attachment:"
PICTURE = "data:image/"

# No part of it can be read past a "<", so that a text full of them is read once.
TAG = re.compile(
    r"<(/?)([a-zA-Z][a-zA-Z0-9]{0,15}+)((?:[\s/](?:[^<>\"']|\"[^\"<>]*+\"|'[^'<>]*+')*+)?)>"
)
ATTRIBUTE = re.compile(r"([a-zA-Z]{1,20})\s*+(?:=\s*+(\"[^\"]*+\"|'[^']*+'|[^\s\"']++))?")
AMPERSAND = re.compile(r"&(?!#?[a-zA-Z0-9]{1,31};)")
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
    return _Cleaner().clean(rendered) + _note(len(source), MOST_MARKDOWN)


def clean_html(given: object) -> str:
    """Return HTML without what could act or load; a tag that is not allowed is shown as text."""
    text = given.decode(errors="replace") if isinstance(given, bytes) else str(given)
    return _Cleaner().clean(text[:MOST_HTML]) + _note(len(text), MOST_HTML)


def highlight_code(
    source: str, language: str | None = None, metadata: Mapping[str, Any] | None = None
) -> str:
    """Return code as HTML, in colours unless it is longer than anybody writes it."""
    source = "\n".join(line.rstrip() for line in source.split("\n"))
    if not _is_ordinary(source):
        return f'<div class="highlight"><pre>{_as_text(source.replace("&", "&amp;"))}</pre></div>'
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


class _Cleaner:
    """Writes a text anew, tag by tag, and keeps which are open."""

    def __init__(self) -> None:
        self.open: list[str] = []
        self.count: Counter[str] = Counter()

    def clean(self, text: str) -> str:
        parts, at = [], 0
        for found in TAG.finditer(text):
            parts += [_as_text(text[at : found.start()]), self._tag(found)]
            at = found.end()
        parts += [_as_text(text[at:]), self._close("")]
        return "".join(parts)

    def _tag(self, found: re.Match[str]) -> str:
        name, attributes = found[2].lower(), found[3]
        if name not in TAGS:
            return _as_text(found[0])
        if found[1]:
            return self._close(name) if self.count[name] else ""
        if name in EMPTY:
            return f"<{name}{_kept(name, attributes)}>"
        before = ""
        if name in CLOSE_THEMSELVES and self.open[-1:] == [name]:
            before = self._close(name)
        if len(self.open) == DEEPEST:
            return _as_text(found[0])
        self.open.append(name)
        self.count[name] += 1
        return f"{before}<{name}{_kept(name, attributes)}>"

    def _close(self, name: str) -> str:
        """Close all that was opened since the last tag of that name, which is closed as well."""
        closed: list[str] = []
        while self.open and closed[-1:] != [name]:
            closed.append(self.open.pop())
            self.count[closed[-1]] -= 1
        return "".join(f"</{one}>" for one in closed)


def _as_text(text: str) -> str:
    """A text as HTML shows it; what names a character, as in ``&lt;``, stays."""
    return AMPERSAND.sub("&amp;", text).replace("<", "&lt;").replace(">", "&gt;")


def _kept(tag: str, attributes: str) -> str:
    """The attributes of a tag that do nothing but show it, each once and in quotes."""
    kept: dict[str, str] = {}
    for name, value in ATTRIBUTE.findall(attributes):
        quoted = value[:1] in ("'", '"')
        name, value = name.lower(), html.unescape(value[1:-1] if quoted else value)
        if name not in kept and _is_kept(tag, name, value):
            kept[name] = value
    return "".join(f' {name}="{html.escape(value)}"' for name, value in kept.items())


def _is_kept(tag: str, name: str, value: str) -> bool:
    if name == "class":
        return PYGMENTS.fullmatch(value) is not None
    if name == "style":
        return ALIGNED.fullmatch(value) is not None
    if (tag, name) == ("a", "href"):
        return value.lower().startswith(LINKS)
    if (tag, name) == ("img", "src"):  # from elsewhere, it would tell who looks, and when
        return value.startswith(PICTURE)
    return name in PLAIN


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
