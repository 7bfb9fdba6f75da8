"""Sphinx's settings for the documentation: `make docs` builds it from this folder.

The pages of the API and of the lesson are written into `docs/generated` before Sphinx reads its
sources. Nothing is run: the lesson is the students' notebook, without solutions and outputs.
"""

import re
import shutil
from importlib import import_module
from importlib.metadata import version as installed_version
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

from nbformat.v4 import new_markdown_cell

from tinytorch.core.kernels import memory_trace, tiled_trace
from tinytorch.utils import pictures
from tinytorch.utils.charts import Chart
from tito.course import Course
from tito.lesson import find_lesson
from tito.notebooks import save_notebook, student_notebook

ROOT = Path(__file__).resolve().parents[1]
GENERATED = Path(__file__).with_name("generated")

PUBLIC = (
    "tinytorch.core.*",
    "tinytorch.utils.*",
    "tinytorch.utils.experiments.*",
    "tito.conditions",
    "tito.course",
    "tito.errors",
    "tito.export",
    "tito.lesson",
    "tito.notebooks",
    "tito.grading.gradebook.*",
    "tito.grading.pipeline.*",
)
"""The modules whose docstrings are the API: what lessons, checks and scripts of a course use."""

ABOUT_THE_LESSON = """\
:::{note}
This is the notebook as students get it, not run: no solutions, no figures. `make page` runs it with
its solutions into `docs/kernels.html`, for instructors.
:::
"""

project = "TinyTorch Kernels"
copyright = "the authors of TinyTorch Kernels"  # noqa: A001 - the name is Sphinx's
release = installed_version("tinytorch-kernels")

extensions = ["myst_nb", "sphinx.ext.autodoc", "numpydoc", "sphinx_click"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
nb_execution_mode = "off"
nb_number_source_lines = False
# Some parameters' types are prose, whose words are names of several attributes.
suppress_warnings = ["ref.python"]
default_role = "code"  # `name` in a docstring, as in Markdown

autodoc_default_options = {"members": True}
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints_format = "short"
numpydoc_show_class_members = False
add_module_names = False
smartquotes = False  # --force is not a dash
python_maximum_signature_line_length = 80

html_theme = "furo"
html_title = project
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False

ROOT_PAGES = {"SECURITY": "security", "CONTRIBUTING": "contributing", "CHANGELOG": "changelog"}
"""The files of the root that are pages here, for links that are right on GitHub, too."""


def setup(app: Any) -> None:
    """Write the generated pages before Sphinx looks for pages, and edit what it reads."""
    app.connect("builder-inited", lambda _: write_pages())
    app.connect("source-read", link_root_pages)
    app.connect("source-read", list_other_pages)


def write_pages() -> None:
    """Write the pages of the API, the pictures that explain, and the lesson."""
    shutil.rmtree(GENERATED, ignore_errors=True)
    GENERATED.mkdir()
    for name in public_modules():
        lines = [f"``{name}``", "=" * (len(name) + 4), "", f".. automodule:: {name}", ""]
        (GENERATED / f"{name}.rst").write_text("\n".join(lines), encoding="utf-8")
    for name, picture in pictures_of_the_lesson().items():
        picture.save(GENERATED / f"{name}.svg")
    notebook = student_notebook(find_lesson(Course.read(ROOT), "kernels"))
    notebook.cells.insert(1, new_markdown_cell(ABOUT_THE_LESSON))
    save_notebook(notebook, GENERATED / "lesson.ipynb", force=True)


def pictures_of_the_lesson() -> dict[str, Chart]:
    """Return the pictures of the lesson that nothing is measured for, by the file's name."""
    return {
        "layout": pictures.layout(),
        "sets_and_ways": pictures.sets_and_ways(),
        "tile_and_strip": pictures.tile_and_strip(),
        "cache_sets": pictures.cache_sets(),
        "loops": pictures.touches(memory_trace, "ijk", 8),
        "tiles": pictures.touches(tiled_trace, 8, 4),
    }


def public_modules() -> list[str]:
    """Return the names of the modules that `PUBLIC` means."""
    names: list[str] = []
    for entry in PUBLIC:
        package = entry.removesuffix(".*")
        if package == entry:
            names.append(entry)
        else:
            found = iter_modules(import_module(package).__path__, f"{package}.")
            names += [module.name for module in found]
    return names


def link_root_pages(app: Any, name: str, source: list[str]) -> None:
    """Replace links to files of the root by links to the pages that include them."""
    for file, page in ROOT_PAGES.items():
        source[0] = re.sub(rf"\]\(\.\./{file}\.md", f"]({page}.md", source[0])


def list_other_pages(app: Any, name: str, source: list[str]) -> None:
    """Put the pages that the index does not name where it says OTHERS."""
    if name == app.config.root_doc:
        named = re.findall(r"^[\w/]+$", source[0], re.MULTILINE)
        pages = {path.stem for path in Path(__file__).parent.glob("*.md")} - {name, *named}
        source[0] = source[0].replace("OTHERS\n", "".join(f"{page}\n" for page in sorted(pages)))
