"""What students wrote as HTML: it shows, and does nothing."""

import html
import time
from collections.abc import Callable
from typing import Any

import jinja2
import pytest
from drawn import Page

from tito.grading.markup import (
    MOST_HTML,
    MOST_MARKDOWN,
    ansi2html,
    clean_html,
    highlight_code,
    markdown2html,
)

PNG = "iVBORw0KGgo="
PICTURES = {"plot.png": {"image/png": PNG}}


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
    assert 'style="text-align:right"' in text
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


def test_clean_html_closes_every_tag_and_no_other() -> None:
    text = clean_html("<b><i>x</b></td>y<ul><li>1<li>2")
    assert [text.count(tag) for tag in ("<b>", "</b>", "</td>", "</i>", "</li>", "</ul>")] == [
        *(1, 1, 0),
        *(text.count("<i>"), 2, 1),
    ]


def test_clean_html_writes_attributes_anew() -> None:
    assert clean_html("<A HREF=http://a.org/?x&y title='\"' title=2 onclick=x>x</a>") == (
        '<a href="http://a.org/?x&amp;y" title="&quot;">x</a>'
    )


def test_clean_html_keeps_what_names_a_character() -> None:
    assert clean_html("a &lt; b & c &amp; &x <") == "a &lt; b &amp; c &amp; &amp;x &lt;"


@pytest.mark.parametrize(
    "text", ["a < b", "a<b", "if a<b: x", "a <b and c", "x<i", "<x> y", "1 <= 2 << 3", "a<b<c"]
)
def test_clean_html_shows_what_is_no_tag(text: str) -> None:
    assert html.unescape(clean_html(text)) == text


@pytest.mark.parametrize(("render", "most"), [(clean_html, MOST_HTML), (shown, MOST_MARKDOWN)])
def test_markup_cuts_what_is_too_long_and_says_so(render: Any, most: int) -> None:
    text = render("a" * (most + 1))
    assert f"[Cut here: of {most + 1:,} characters, {most:,} are shown.]" in text
    assert len(text) < most + 100


# The time grows with the length of a text, not with its square.

CODE: dict[str, Callable[[int], str]] = {
    "blanks": lambda n: " \n" * (n // 2),
    "names": lambda n: "a." * (n // 2),
    "quotes": lambda n: '"' * n,
    "magics": lambda n: "x = !ls\n" * (n // 8),
}
COLOURS: dict[str, Callable[[int], str]] = {"colours": lambda n: "\x1b[31ma" * (n // 6)}


def takes(render: Callable[[str], str], text: str) -> float:
    """Return the CPU seconds that rendering takes, at best."""
    spent = []
    for _ in range(3):
        start = time.process_time()
        render(text)
        spent.append(time.process_time() - start)
    return min(spent)


@pytest.mark.parametrize(
    ("render", "make"),
    [
        *((highlight_code, make) for make in CODE.values()),
        *((ansi2html, make) for make in COLOURS.values()),
    ],
    ids=[*(f"code of {name}" for name in CODE), *COLOURS],
)
def test_rendering_takes_time_in_proportion(render: Any, make: Callable[[int], str]) -> None:
    assert takes(render, make(266_000)) < 3 * max(takes(render, make(133_000)), 0.01)


@pytest.mark.parametrize("language", ["", "python", "perl"])
def test_markdown_takes_no_long_time_over_code(language: str) -> None:
    def block(n: int) -> str:
        return f"```{language}\n{' ' * 50}\n{'a.' * n}\n```"

    assert takes(shown, block(10_000)) < 3 * max(takes(shown, block(5_000)), 0.01)


def test_highlight_code_colours_code_and_shows_what_it_does_not_colour() -> None:
    assert '<span class="kn">import</span>' in highlight_code("import numpy  \n")
    long = f"x = 1 < 2 & '{'a' * 500}'"
    assert f"<pre>x = 1 &lt; 2 &amp; '{'a' * 500}'</pre>" in highlight_code(long)


def test_ansi2html_shows_colours_as_long_as_they_are_few() -> None:
    assert 'class="ansi-red-fg"' in ansi2html("\x1b[31mred\x1b[0m <")
    assert ansi2html("\x1b[31m<" * 1001) == "&lt;" * 1001
