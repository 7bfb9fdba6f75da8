"""What students wrote, as HTML that can do nothing on the page it stands in.

nbgrader's templates, of feedback and of formgrader alike, put rendered markdown into their pages as
it is, raw HTML included and whatever `sanitize_html` says; formgrader's page may do all that its
instructor may. These two take the place of nbconvert's filters of the same names. They keep what
shows a text, and neither an id nor a class of a student's own, as formgrader finds the boxes for
points by them: ``# answer-rows`` in one answer would else give its points to another as well.
"""

import re
from collections.abc import Mapping
from typing import Any

import bleach  # type: ignore[import-untyped]
from bleach.css_sanitizer import CSSSanitizer  # type: ignore[import-untyped]
from jinja2 import pass_context
from jinja2.runtime import Context
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

__all__ = ["clean_html", "markdown2html"]

TAGS = bleach.ALLOWED_TAGS | {
    *("br", "dd", "del", "details", "div", "dl", "dt", "hr", "img", "ins", "kbd", "p", "pre", "s"),
    *("span", "sub", "summary", "sup", "u", "h1", "h2", "h3", "h4", "h5", "h6"),
    *("caption", "table", "tbody", "td", "tfoot", "th", "thead", "tr"),
}
LINKS = ("http://", "https://", "mailto:", "#")
STYLES = CSSSanitizer(allowed_css_properties=["text-align"])
ATTACHMENT = "attachment:"
PICTURE = "data:image/"

PYGMENTS = re.compile("highlight|hll|[a-z]{1,2}[0-9]?")


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
    return clean_html(MarkdownWithMath(renderer=renderer).render(source))


def clean_html(html: object) -> str:
    """Return HTML without what could act or load; a tag that is not allowed is shown as text."""
    text = html.decode() if isinstance(html, bytes) else str(html)
    cleaned: str = bleach.clean(
        text,
        tags=TAGS,
        attributes=_is_kept,
        protocols={"http", "https", "mailto", "data"},
        css_sanitizer=STYLES,
    )
    return cleaned


def _is_kept(tag: str, name: str, value: str) -> bool:
    if name == "class":
        return all(PYGMENTS.fullmatch(one) for one in value.split())
    if (tag, name) == ("a", "href"):
        return value.lower().startswith(LINKS)
    if (tag, name) == ("img", "src"):  # from elsewhere, it would tell who looks, and when
        return value.startswith(PICTURE)
    return name in ("title", "alt", "align", "style", "colspan", "rowspan", "open")


class _Renderer(IPythonRenderer):
    """Shows attached pictures, and of all others where they are."""

    def __init__(self, attachments: Mapping[str, Any]) -> None:
        super().__init__(escape=False, exclude_anchor_links=True)
        self.left = dict(attachments)

    def image(self, text: str, url: str, title: str | None = None) -> str:
        """Return a picture, or a link to it."""
        name = url.removeprefix(ATTACHMENT)
        attached = url.startswith(ATTACHMENT) and name in self.left
        if not attached and not url.startswith(PICTURE):
            return f"[picture: {self.link(text or url, url, title)}]"
        self.attachments = {name: self.left.pop(name)} if attached else {}
        shown: str = super().image(text, url, title)
        return shown
