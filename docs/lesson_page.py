"""Run the kernels lesson with its solutions and keep the result as a page: docs/kernels.html.

    python docs/lesson_page.py    # run every cell, two minutes, and write the page

The page is not committed: its figures are those of the machine that it was made on. It shows the
predictions of one reader, made before the figures. Where a figure is not to be trusted, the page is
not published: it goes to build/kernels-unsteady.html, to be looked at.
"""

import json
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

from tinytorch.utils.charts import DOUBT
from tinytorch.utils.predictions import FILE
from tito.course import Course
from tito.lesson import Lesson, find_lesson
from tito.notebooks import instructor_notebook

ROOT = Path(__file__).resolve().parents[1]
PAGE = Path(__file__).with_name("kernels.html")
UNSTEADY = ROOT / "build" / "kernels-unsteady.html"
MARKER = re.compile(r"^### (BEGIN|END) (MARK SCHEME|SOLUTION)\n?", re.MULTILINE)
FOLDED = "<details><summary>What to make of it"
"""How a debrief begins: folded for who works through the notebook, open on the page."""
LABELS = {
    "### BEGIN MARK SCHEME": "*Only for instructors.* ",
    "### BEGIN SOLUTION": "*A model answer.* ",
}
CELL_SECONDS = 300
PREDICTED = {
    "first call": 3,
    "traced loop": 2,
    "small product": 10,
    "cycles": 20,
    "misses of jki": 50,
    "compiled loops": 200,
    "int64": 0.5,
    "n = 16": 50,
    "best tile": 8,
    "best block_size": 64,
    "blocked over A @ B": 1.3,
    "rows of a chain": 256,
    "attention in chunks": 2,
    "64 workers": 40,
    "threads": 2,
    "two calls at once": 1.2,
    "threads at n = 64": 1.5,
    "share of the product": 95,
    "loop order": 100,
}
"""What the reader of the page thought before the measurements."""


def main() -> int:
    """Write the page; return the exit code: 1 where it is not fit to be published."""
    notebook = executed(find_lesson(Course.read(ROOT), "kernels"))
    doubts = doubts_of(notebook)
    place = UNSTEADY if doubts else PAGE
    place.parent.mkdir(exist_ok=True)
    place.write_text(page(notebook), encoding="utf-8")
    for doubt in doubts:
        print(doubt, file=sys.stderr)
    if doubts:
        print(
            f"Not published: {len(doubts)} figures are doubtful. Close other programs and", end=" "
        )
        print(f"make it again; this one is {place.relative_to(ROOT)}.")
    return 1 if doubts else 0


def page(notebook: Any) -> str:
    """Return an executed notebook as a page without scripts or outside references."""
    from nbconvert import HTMLExporter

    exporter = HTMLExporter(
        template_name="basic", exclude_input_prompt=True, exclude_output_prompt=True
    )
    body, _ = exporter.from_notebook_node(notebook)
    return TEMPLATE.format(body=body.replace(FOLDED, FOLDED.replace("<details>", "<details open>")))


def executed(lesson: Lesson) -> Any:
    """Return the lesson's notebook, run from top to bottom in a kernel of its own."""
    from nbclient import NotebookClient

    notebook = instructor_notebook(lesson)
    for cell in notebook.cells:
        cell.metadata.pop("tags", None)  # here, a check that fails ends the run
    with tempfile.TemporaryDirectory() as folder:
        kept = {name: {"predicted": value} for name, value in PREDICTED.items()}
        Path(folder, FILE).write_text(json.dumps(kept), encoding="utf-8")
        resources = {"metadata": {"path": folder}}
        NotebookClient(notebook, timeout=CELL_SECONDS, resources=resources).execute()
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = MARKER.sub(lambda found: LABELS.get(found[0].strip(), ""), cell.source)
        else:
            cell.outputs = list(filter(is_shown, cell.outputs))
    return notebook


def doubts_of(notebook: Any) -> list[str]:
    """Return the sentences in a notebook's outputs that doubt a figure."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    texts = [
        output.get("text") or output.get("data", {}).get("text/plain", "") for output in outputs
    ]
    lines = [line.strip() for text in texts for line in text.splitlines()]
    return [line for line in lines if line.startswith((DOUBT, DOUBT.lower().rstrip(":")))]


def is_shown(output: Any) -> bool:
    """Whether a browser shows anything of an output; what checks tell `tito test` it does not."""
    return output.output_type != "display_data" or output.data.get("text/plain") != ""


TEMPLATE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Module 11: Kernels</title>
<style>
body {{ max-width: 56rem; margin: 2rem auto; padding: 0 1rem; font: 1rem/1.5 sans-serif; }}
pre {{ overflow-x: auto; font: 0.85rem/1.4 monospace; margin: 0; }}
.jp-InputArea .highlight, .input_area {{ background: #f4f4f4; padding: 0.6rem; }}
.jp-OutputArea-output, .output_area {{ padding: 0.4rem 0.6rem; border-left: 3px solid #888; }}
.jp-Cell, .cell {{ margin: 0.8rem 0; }}
img {{ max-width: 100%; }}
table {{ border-collapse: collapse; }}
th, td {{ border-bottom: 1px solid #bbb; padding: 0.2rem 0.8rem; text-align: left; }}
figure td {{ white-space: nowrap; }}
.highlight .k, .highlight .kn, .highlight .ow {{ font-weight: bold; }}
.highlight .c1, .highlight .sd {{ color: #555; font-style: italic; }}
.anchor-link {{ display: none; }}
figure, .highlight {{ break-inside: avoid; }}
h2, h3 {{ break-after: avoid; }}
@media print {{ body {{ margin: 0; font-size: 10pt; }} pre {{ white-space: pre-wrap; }} }}
</style>
</head>
<body>
<p>The lesson with its solutions, run from top to bottom. Its figures are those of the machine that
they name; yours will differ. The predictions are one reader's. Made by <code>make page</code>.</p>
{body}
</body>
</html>
"""

if __name__ == "__main__":
    sys.exit(main())
