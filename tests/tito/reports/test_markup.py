"""What students wrote as HTML: it shows, and does nothing."""

from html.parser import HTMLParser
from typing import Any

import jinja2
import pytest

from tito.reports.markup import clean_html, markdown2html

PNG = "iVBORw0KGgo="
PICTURES = {"plot.png": {"image/png": PNG}}


class Page(HTMLParser):
    """The tags of a page, and its attributes by tag."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]


def shown(source: str, attachments: Any = None) -> str:
    """Render markdown as nbgrader's templates do."""
    environment = jinja2.Environment(autoescape=False)
    environment.filters["markdown2html"] = markdown2html
    template = environment.from_string("{{ cell.source | markdown2html }}")
    return template.render(cell={"source": source, "attachments": attachments or {}})


HOSTILE = [
    "<script>document.title = 1</script>",
    "<img src=x onerror='document.title = 1'>",
    "<svg onload='document.title = 1'><a xlink:href='javascript:x'></a></svg>",
    "<iframe src='javascript:document.title = 1'></iframe>",
    "[x](javascript:document.title=1)",
    "[x]\n\n[x]: javascript:document.title=1",
    "<a href='JaVa\tscript:document.title=1'>x</a>",
    "<a href='&#106;avascript:x'>x</a>",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "[x](vbscript:x) <javascript:x>",
    "<a href='/logout'>x</a> [x](../api/shutdown)",
    "![x](http://example.org/x.png)",
    "<img src='http://example.org/x.png'><img src='/logout'>",
    "<img src='data:text/html,x'>",
    "<form action=/x><input id=answer-rows class=score><button>x</button></form>",
    "<style>* { display: none }</style><link rel=stylesheet href=x>",
    "<div style='position: fixed; background: url(http://example.org)'>x</div>",
    "<meta http-equiv=refresh content='0; url=http://example.org'><base href=http://example.org>",
    "<math><mtext></table></math><img src=x onerror=x>",
    "<noscript><p title='</noscript><img src=x onerror=x>'>",
    "<object data=x></object><embed src=x><video src=x onerror=x></video>",
    "`<script>`\n\n```\n<script>document.title = 1</script>\n```",
    "$<img src=x onerror=x>$ and $$<script>x</script>$$",
    "\\begin{<script>}x\\end{<script>}",
    '[x](http://example.org "\\"><script>x</script>")',
]


@pytest.mark.parametrize("source", HOSTILE)
@pytest.mark.parametrize("render", [shown, clean_html])
def test_markup_of_a_student_can_do_nothing(render: Any, source: str) -> None:
    page = Page(render(source))
    harmless = {"p", "a", "img", "div", "pre", "code", "span", "table"}
    assert set(page.tags) <= harmless
    for tag, name, value in page.attributes:
        assert (tag, name) in {("a", "href"), ("a", "title"), ("div", "style"), ("p", "title")} or (
            name == "class" and value == "highlight"
        )
        assert name != "href" or str(value).startswith("http://example.org")
        assert name != "style" or not value


@pytest.mark.parametrize(
    "source",
    [
        "# answer-rows",
        "<h1 id='answer-rows'>x</h1>",
        "<b class='score tabbable nbgrader_cell' name='answer-rows'>x</b>",
        "<a name='answer-rows'></a>",
    ],
)
@pytest.mark.parametrize("render", [shown, clean_html])
def test_markup_has_no_name_that_formgrader_could_take_for_its_own(
    render: Any, source: str
) -> None:
    assert not {name for _, name, _ in Page(render(source)).attributes} & {"id", "name"}
    assert "score" not in render(source)


def test_markdown_keeps_what_shows_a_text() -> None:
    text = shown(
        "# Why\n\nB *misses*, **all**; `A @ B`: $a < b$, $$x_1$$ [here](https://example.org)\n\n"
        "| n | ms |\n| --- | --: |\n| 1 | 2 |\n\n1. one\n\n> two\n\n```python\nx = 1\n```\n\n"
        "<details><summary>more</summary>x<sub>2</sub><br></details>"
    )
    wanted = "h1 em strong code a table th td ol li blockquote pre span details summary sub br"
    assert set(wanted.split()) <= set(Page(text).tags)
    assert "$a &lt; b$" in text
    assert "$$x_1$$" in text
    assert 'href="https://example.org"' in text
    assert 'style="text-align:right;"' in text
    assert 'class="highlight"' in text


def test_markdown_shows_a_tag_that_is_not_allowed_as_text() -> None:
    assert "&lt;script&gt;x&lt;/script&gt;" in shown("<script>x</script>")


def test_markdown_shows_an_attached_picture_once() -> None:
    page = Page(shown("![a](attachment:plot.png) ![b](attachment:plot.png)", PICTURES))
    assert page.tags.count("img") == 1
    assert ("img", "src", f"data:image/png;base64,{PNG}") in page.attributes


@pytest.mark.parametrize("source", ["![x](attachment:none.png)", "![](https://example.org/x.png)"])
def test_markdown_says_where_a_picture_is_that_it_does_not_show(source: str) -> None:
    text = shown(source, PICTURES)
    assert "[picture: " in text
    assert "img" not in Page(text).tags


def test_markdown_shows_a_picture_that_stands_in_the_text() -> None:
    assert "img" in Page(shown(f"![x](data:image/png;base64,{PNG})")).tags
