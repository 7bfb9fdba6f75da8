"""What a kernel has no use for is named; what kernels use is not."""

import ast
import tomllib
from pathlib import Path

import pytest

from tito.grading.screen import suspicious
from tito.grading.sources import read_cell

HONEST = Path(__file__).resolve().parents[2] / "corpora" / "honest"


@pytest.mark.parametrize(
    "source",
    [
        "import sys",
        "import gc",
        "import ctypes",
        "import numpy.ctypeslib",
        "import os as system",
        "import tito.grading.recorder",
        "from os import write",
        "from numpy import testing",
        "os._exit(0)",
        "os.write(4, b'')",
        "run = os\nrun.write(4, b'')",
        "getattr(os, 'write')(4, b'')",
        "getattr(A, '_wat' + 'ch')",
        "look = getattr",
        "map(getattr, [A], ['_watch'])",
        "operator.attrgetter('_watch')(A)",
        "A._watch",
        "A.base @ B.base",
        "A.__class__.__mro__",
        "f.__globals__",
        "vars(type(A))",
        "eval('1')",
        "__import__('gc')",
        "np.matmul = print",
        "np.ndarray.view(A, np.ndarray)",
        "np.ndarray((2, 2), buffer=A)",
        "threading.settrace(None)",
        "del np.dot",
    ],
)
def test_suspicious_names_what_reaches_past_the_recorder(source: str) -> None:
    assert suspicious(ast.parse(source))


@pytest.mark.parametrize("path", sorted(HONEST.glob("*.toml")), ids=lambda path: path.stem)
def test_suspicious_finds_nothing_in_honest_cells(path: Path) -> None:
    for name, source in tomllib.loads(path.read_text())["cells"].items():
        tree = read_cell(name, source).tree
        assert tree is not None
        assert suspicious(tree) == []
