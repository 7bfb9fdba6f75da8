"""nbgrader's settings for this course, for its own commands, formgrader and `tito nbgrader` alike.

Whatever an instructor may want to change stands in settings.ini; this file hands it on. It names
the parts of the grading that are ours, so that every way to autograde gives the same grades.
"""

import os
import sysconfig
from pathlib import Path

from tito.course import Course

course = Course.read(Path(__file__).parent)

c = get_config()  # noqa: F821 - defined by traitlets when it reads this file

# nbgrader looks on PATH for alembic, which stands beside it, when it makes the gradebook.
scripts, path = sysconfig.get_path("scripts"), os.environ.get("PATH", os.defpath)
if scripts not in path.split(os.pathsep):  # nbgrader reads this file more than once
    os.environ["PATH"] = os.pathsep.join([scripts, path])

c.CourseDirectory.course_id = course.id
c.CourseDirectory.root = str(course.assignments)
c.CourseDirectory.db_url = course.gradebook_url
if course.exchange is not None:
    c.Exchange.root = str(course.exchange)

# How tests are made of AUTOTEST lines stands beside the source notebook, and is not handed out.
c.CourseDirectory.ignore = [".ipynb_checkpoints", "*.pyc", "__pycache__", "autotests.yml"]

# Students get a stub that says what it is; the locked tests recognise it.
c.ClearSolutions.code_stub = {
    "python": '# YOUR CODE HERE\nraise NotImplementedError("this cell is not written yet")'
}
# A written answer starts as this line; one that is handed in like that gets 0 without a person.
c.ClearSolutions.text_stub = "YOUR ANSWER HERE: double-click this line and write in its place."

# A marking scheme stands in the locked cell of its question, not in one of nbgrader's task cells,
# which have no place of their own to answer in. The full pipeline works: students get the question
# without the scheme, the gradebook keeps it, and autograding shows it to graders again.
c.ClearMarkScheme.enforce_metadata = False

# Intake: the notebook that is graded is the release with the student's solutions in it.
c.Autograde.exporter_class = "tito.grading.plugins.IntakeExporter"
c.Autograde.sanitize_preprocessors = [
    "nbgrader.preprocessors.ClearOutput",
    "nbgrader.preprocessors.OverwriteKernelspec",
    "nbgrader.preprocessors.OverwriteCells",
    "nbgrader.preprocessors.CheckCellMetadata",
]

# Execution and verdicts, then nbgrader's own bookkeeping.
c.Autograde.autograde_preprocessors = [
    "tito.grading.plugins.ExecuteNotebook",
    "nbgrader.preprocessors.LimitOutput",
    "nbgrader.preprocessors.SaveAutoGrades",
    "tito.grading.plugins.LatePenalties",
    "nbgrader.preprocessors.CheckCellMetadata",
]
c.GenerateFeedback.preprocessors = [
    "tito.grading.plugins.GetGradesSoFar",
    "tito.grading.gradebook.marking.HideMarking",
    "nbconvert.preprocessors.CSSHTMLHeaderPreprocessor",
]
# Students see on their pages neither marking schemes nor model answers nor hidden tests.
c.HideMarking.enabled = not course.show_marking
# Feedback is looked at in a browser: what a student's code put into its outputs must not run there.
c.HTMLExporter.sanitize_html = True
# nor what was written into an answer, which nbgrader's templates show as it is, in formgrader too.
c.HTMLExporter.filters = {
    name: f"tito.grading.markup.{name}"
    for name in ("markdown2html", "clean_html", "highlight_code", "ansi2html")
}
c.LimitOutput.max_lines = course.limits.output_lines
