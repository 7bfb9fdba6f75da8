"""Put all pictures of a run into one file: panels, or a web page with their tables.

How a picture looks is the concern of `tinytorch.utils.figures`.
"""

import html
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tinytorch.utils.charts import WIDTH, html_table
from tinytorch.utils.drawing import put_beneath
from tinytorch.utils.gemm import Comparison
from tinytorch.utils.machine import Machine
from tinytorch.utils.survey import Survey
from tito.errors import TitoError
from tito.reports.performance import HEADINGS, chart_tables, measurement_rows

__all__ = ["Report", "as_page", "check_plot_file", "save_pictures"]

ENDINGS = ("html", "png", "svg")
COLUMNS = 2
TITLE_INCHES = 0.6
DPI = 150
STYLE = """
body { font-family: sans-serif; line-height: 1.4; margin: 0 auto; max-width: 56rem; padding: 2rem; }
img { height: auto; max-width: 100%; }
table { border-collapse: collapse; margin: 0.8rem 0 2rem; }
h2 { font-size: 1.2rem; }
th, td { border-bottom: 1px solid #999; padding: 0.2rem 0.7rem; text-align: right; }
th:first-child { text-align: left; }
tbody th { font-weight: normal; }
figure, pre { break-inside: avoid; overflow-x: auto; }
"""


@dataclass(frozen=True)
class Report:
    """What one run of `tito profile` measured and drew."""

    lesson: str
    machine: Machine
    comparison: Comparison
    survey: Survey

    @property
    def title(self) -> str:
        """What the pictures are of."""
        return f"Kernels of {self.lesson}"


def check_plot_file(path: Path) -> None:
    """Raise `TitoError` if no pictures can be saved at ``path``, before anything is measured."""
    try:
        import matplotlib.figure  # noqa: F401 (all that is asked is whether it is there)
    except ImportError:
        raise TitoError(
            "Pictures need matplotlib, which is not installed.",
            "Run: python -m pip install matplotlib",
        ) from None
    if _ending(path) not in ENDINGS:
        raise TitoError(
            f"No pictures can be saved as {path.name!r}: its ending names no format.",
            f"Use one of: {', '.join(ENDINGS)}.",
            exit_code=2,
        )
    if not path.parent.is_dir():
        raise TitoError(f"There is no folder {path.parent}.", "Make it first.", exit_code=2)
    if path.is_dir() or not os.access(path.parent, os.W_OK):
        raise TitoError(f"{path} cannot be written.", "Name a file that can be.", exit_code=2)


def save_pictures(report: Report, path: Path) -> None:
    """Save the pictures in the format that the ending of ``path`` names.

    A web page has each picture's table beneath it; the others carry the tables as their
    description.

    Raises
    ------
    TitoError
        If the file cannot be written.
    """
    save = _save_page if _ending(path) == "html" else _save_panels
    try:
        save(report, path)
    except OSError as error:
        raise TitoError(
            f"The pictures were not saved: {error}.", "Name a file in a folder you can write to."
        ) from None


def as_page(report: Report) -> str:
    """Return a page that needs no other file: each picture with its table, and all figures."""
    comparison, title = report.comparison, html.escape(report.title)
    pictures = "\n".join(
        f'<section aria-label="{html.escape(one.title)}">\n{one.as_html("svg")}\n</section>'
        for one in report.survey.charts
    )
    notes = (html.escape(note) for note in (*comparison.notes, *report.survey.notes))
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{STYLE}</style>
</head>
<body>
<h1>{title}</h1>
<pre>{html.escape(str(report.machine))}</pre>
{pictures}
<h2>All times: A (n, n) @ B (n, n), {comparison.dtype}</h2>
{html_table(HEADINGS, measurement_rows(comparison))}
{"".join(f"<p>{note}</p>" for note in notes)}
</body>
</html>
"""


def _save_page(report: Report, path: Path) -> None:
    path.write_text(as_page(report), encoding="utf-8")


def _save_panels(report: Report, path: Path) -> None:
    """Save one figure with a panel for each picture, in two columns."""
    from matplotlib.figure import Figure

    charts = report.survey.charts
    rows = [charts[start : start + COLUMNS] for start in range(0, len(charts), COLUMNS)]
    heights = [max(one.height for one in row) for row in rows]
    whole = TITLE_INCHES + sum(heights)
    figure = Figure(figsize=(COLUMNS * WIDTH, whole), layout="constrained")
    beneath = put_beneath(figure, whole, report.title, charts[0].machine)
    panels: Any = beneath.subfigures(len(rows), COLUMNS, height_ratios=heights, squeeze=False)
    for row, height, parts in zip(rows, heights, panels, strict=True):
        for chart, part in zip(row, parts, strict=False):
            chart.draw_on(part, height, chart.caption)
    words = {"Title": report.title, "Description": chart_tables(report.survey)}
    figure.savefig(path, dpi=DPI, metadata=words)


def _ending(path: Path) -> str:
    return path.suffix[1:].lower()
