"""What a process of ours does not import, and does not do when it ends."""

import subprocess
import sys

import pytest

STARTS = ["tito.cli", "tito.grading.sandbox.run_notebook"]


@pytest.mark.parametrize("module", STARTS)
def test_a_process_imports_no_grammar_and_validates_notebooks(module: str) -> None:
    code = f"import sys, {module}, nbformat; nbformat.validate(nbformat.v4.new_notebook())"
    told = f"{code}; print('jsonschema' in sys.modules, 'lark' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False"]


def test_a_process_does_not_look_through_what_it_holds_when_it_ends() -> None:
    code = (
        "import atexit, gc; atexit.register(lambda: print(gc.get_freeze_count())); import tito.cli"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) > 1000
