"""Run the kernels lesson with its solutions and keep the result as a page: docs/kernels.html.

    python docs/lesson_page.py    # run every cell, two minutes, and write the page

The page is not committed: its figures are those of the machine that it was made on.
"""

import re
import sys
from pathlib import Path
from typing import Any

from tito.course import Course
from tito.lesson import Lesson, find_lesson
from tito.notebooks import instructor_notebook

ROOT = Path(__file__).resolve().parents[1]
PAGE = Path(__file__).with_name("kernels.html")
MARKER = re.compile(r"^### (BEGIN|END) (MARK SCHEME|SOLUTION)\n?", re.MULTILINE)
CELL_SECONDS = 300


def main() -> int:
    """Write the page; return the exit code."""
    PAGE.write_text(page(find_lesson(Course.read(ROOT), "kernels")), encoding="utf-8")
    return 0


def page(lesson: Lesson) -> str:
    """Run the lesson and return it as a page without scripts or outside references."""
    from nbconvert import HTMLExporter

    exporter = HTMLExporter(
        template_name="basic", exclude_input_prompt=True, exclude_output_prompt=True
    )
    body, _ = exporter.from_notebook_node(executed(lesson))
    return TEMPLATE.format(body=body)


def executed(lesson: Lesson) -> Any:
    """Return the lesson's notebook, run from top to bottom in a kernel of its own."""
    from nbclient import NotebookClient

    notebook = instructor_notebook(lesson)
    resources = {"metadata": {"path": str(ROOT)}}
    NotebookClient(notebook, timeout=CELL_SECONDS, resources=resources).execute()
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = MARKER.sub("", cell.source)
        else:
            cell.outputs = list(filter(is_shown, cell.outputs))
    return notebook


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
.highlight .k, .highlight .kn, .highlight .ow {{ font-weight: bold; }}
.highlight .c1, .highlight .sd {{ color: #555; font-style: italic; }}
.anchor-link {{ display: none; }}
</style>
</head>
<body>
<p>The lesson with its solutions, run from top to bottom. Its figures are those of the machine that
they name; yours will differ. Made by <code>make page</code>.</p>
{body}
</body>
</html>
"""

if __name__ == "__main__":
    sys.exit(main())
