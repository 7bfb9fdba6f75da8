"""The outputs of cells: only what the format allows, and in graded cells what the verdict says."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tito.conditions.results import CellVerdict

__all__ = ["outputs_for", "valid_outputs"]

OUTPUT_TYPES = ("stream", "display_data", "execute_result", "error")


def valid_outputs(outputs: list[Any]) -> list[Any]:
    """Return the outputs that the notebook format allows: a kernel may send what no tool shows.

    Their metadata is removed: a picture's width, say, would be copied into a page's tag as sent.
    """
    valid = [output for output in outputs if _is_valid(output)]
    for output in valid:
        if "metadata" in output:
            output.metadata = {}
    return valid


def outputs_for(verdict: "CellVerdict", outputs: list[Any]) -> list[Any]:
    """Return outputs of a graded cell that show its verdict to nbgrader and to a reader."""
    from nbformat.v4 import new_output

    if verdict.conditions:  # judged: what the student's process printed is no evidence
        outputs = []
    kept = [_harmless(output) for output in outputs if output.output_type != "execute_result"]
    if verdict.verdict == "passed" and not verdict.conditions:
        return [output for output in kept if output.output_type != "error"]
    said = new_output("stream", name="stdout", text=verdict.summary)
    if verdict.score > 0 or verdict.verdict == "passed":
        value = new_output("execute_result", {"text/plain": repr(verdict.score)})
        return [value, said, *(output for output in kept if output.output_type != "error")]
    if not any(output.output_type == "error" for output in kept):
        name = "CheckFailed" if verdict.verdict == "failed" else "CheckNotRun"
        kept.append(new_output("error", ename=name, evalue=verdict.message, traceback=[]))
    return [said, *kept]


def _harmless(output: Any) -> Any:
    """A warning on stderr is no failure: show it as ordinary output."""
    if output.output_type == "stream" and output.name == "stderr":
        output.name = "stdout"
    return output


def _is_valid(output: Any) -> bool:
    from nbformat import ValidationError
    from nbformat.v4.nbbase import validate

    if output.output_type not in OUTPUT_TYPES:
        return False
    try:
        validate(output, ref=output.output_type)
    except ValidationError:
        return False
    return True
