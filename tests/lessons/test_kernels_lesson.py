"""The lesson on kernels: its cells, its prose, and graded cells that judge kernels rightly."""

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jupytext
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "modules" / "source" / "11_kernels" / "kernels_dev.py"

SEED_CELLS = [
    "kernels-imports",
    "matmul-vectorized",
    "test-vectorized-immediate",
    "matmul-cache",
    "test-cache-immediate",
    "matmul-parallel",
    "test-parallel-immediate",
    "standardized-testing",
]
SOLUTIONS = {
    "matmul-vectorized": "matmul_vectorized",
    "matmul-cache": "matmul_cache_optimized",
    "matmul-parallel": "matmul_parallel",
}
POINTS = {
    "test-vectorized-immediate": 10,
    "test-cache-immediate": 15,
    "test-parallel-immediate": 15,
}
GIVEN = ["kernels-imports", "kernels-tools", "kernels-baseline", "kernels-cpus"]
KERNEL_OF = dict(zip(POINTS, SOLUTIONS.values(), strict=True))


@pytest.fixture(scope="module")
def text():
    return SOURCE.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def notebook(text):
    return jupytext.reads(text, fmt="py:percent")


@pytest.fixture(scope="module")
def cells(notebook):
    """The source of each cell that has a grade id."""
    found = [cell for cell in notebook.cells if "nbgrader" in cell.metadata]
    return {cell.metadata["nbgrader"]["grade_id"]: cell.source for cell in found}


@pytest.fixture(scope="module")
def namespace(cells):
    """What a student's kernel knows who has run every cell above the graded ones."""
    names = {"__name__": "lesson"}
    for name in [*GIVEN, *SOLUTIONS]:
        exec(cells[name], names)
    return names


@pytest.fixture
def grade(cells, namespace):
    """Run a graded cell on a kernel, with other random numbers on demand."""

    def run(name, kernel=None, seed=None, source=None):
        source = source or cells[name]
        if seed is not None:
            source, found = re.subn(r"default_rng\(\d+\)", f"default_rng({seed})", source)
            assert found == 1
        kernels = {} if kernel is None else {KERNEL_OF[name]: named(kernel, KERNEL_OF[name])}
        exec(source, namespace | kernels)

    return run


def named(kernel, name):
    def call(A, B, **options):
        return kernel(A, B, **options)

    call.__name__ = name
    return call


def metadata(notebook):
    return [cell.metadata["nbgrader"] for cell in notebook.cells if "nbgrader" in cell.metadata]


def test_lesson_header_is_percent_1_3_without_pairing(notebook, text):
    representation = notebook.metadata["jupytext"]["text_representation"]
    assert representation["format_name"] == "percent"
    assert representation["format_version"] == "1.3"
    assert notebook.metadata["kernelspec"]["name"] == "python3"
    assert "formats" not in notebook.metadata["jupytext"]
    assert len(text.splitlines()) < 700


def test_lesson_keeps_the_seeds_cells_in_order(cells):
    assert [name for name in cells if name in SEED_CELLS] == SEED_CELLS


def test_lesson_keeps_the_seeds_points(notebook):
    graded = {each["grade_id"]: each["points"] for each in metadata(notebook) if each["grade"]}
    assert graded == POINTS


def test_lesson_keeps_the_seeds_flags(notebook):
    flags = {each["grade_id"]: each for each in metadata(notebook)}
    keys = {"grade", "grade_id", "locked", "schema_version", "solution", "task"}
    for name in SEED_CELLS:
        assert set(flags[name]) == keys | ({"points"} if name in POINTS else set())
        assert flags[name]["grade"] == (name in POINTS)
        assert flags[name]["solution"] == (name in SOLUTIONS)
        assert flags[name]["locked"] == (name in POINTS or name == "standardized-testing")


def test_lesson_metadata_is_valid_for_nbgrader(notebook):
    from nbgrader.nbgraderformat import MetadataValidator

    MetadataValidator().validate_nb(notebook)


def test_lesson_keeps_the_seeds_names(text):
    for name in [
        "def matmul_custom(A: np.ndarray, B: np.ndarray)",
        "def matmul_vectorized(A: np.ndarray, B: np.ndarray)",
        "def matmul_cache_optimized(A: np.ndarray, B: np.ndarray, block_size: int = 64)",
        "def matmul_parallel(A: np.ndarray, B: np.ndarray, num_processes: ",
        "def test_vectorized_matrix_multiplication()",
        "def test_cache_optimized_matrix_multiplication()",
        "def test_parallel_matrix_multiplication()",
        "#| default_exp core.kernels",
        "from tinytorch.core.layers import check_operands, matmul_naive",
        "from tinytorch.utils.profiler import SimpleProfiler, profile_function",
        "from tito.tools.testing import run_module_tests_auto",
        'success = run_module_tests_auto("Kernels")',
    ]:
        assert name in text


def test_lesson_needs_no_path_and_no_emoji(text):
    assert "__file__" not in text
    assert "sys.path" not in text
    assert text.isascii()


def test_lesson_prose_is_short_between_code(notebook):
    lines = 0
    for cell in notebook.cells:
        lines = lines + len(cell.source.splitlines()) if cell.cell_type == "markdown" else 0
        assert lines <= 25, cell.source


def test_lesson_exports_functions_and_imports_only(notebook):
    exported = [cell.source for cell in notebook.cells if "#| export" in cell.source]
    exported = [source for source in exported if not source.startswith("## ")]
    assert len(exported) == 6
    for source in exported:
        assert re.match(r"(#\| .*\n)+(def|import) ", source), source


def test_lesson_kernel_is_one_function_with_a_docstring_and_a_task(cells):
    for name, function in SOLUTIONS.items():
        assert re.findall(r"^def (\w+)", cells[name], re.MULTILINE) == [function]
        before, _, _ = cells[name].partition("### BEGIN SOLUTION")
        for part in ("Parameters", "Returns", "Raises", "ValueError", "# TODO: "):
            assert part in before
        task = [line for line in before.splitlines() if line.lstrip().startswith("# ")]
        assert len(task) == 1


def test_lesson_has_three_collapsed_hints_before_each_solution(notebook):
    hints, seen = 0, []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            hints += len(re.findall(r"<details><summary>Hint \d", cell.source))
            assert cell.source.count("<details>") == cell.source.count("</details>")
        elif cell.metadata.get("nbgrader", {}).get("solution"):
            seen.append(hints)
            hints = 0
    assert seen == [3, 3, 3]


@pytest.mark.parametrize("kind", ["SOLUTION", "HIDDEN TESTS"])
def test_lesson_markers_are_balanced(cells, kind):
    owners = SOLUTIONS if kind == "SOLUTION" else POINTS
    for name, source in cells.items():
        found = re.findall(rf"^ +### (BEGIN|END) {kind}$", source, re.MULTILINE)
        assert found == (["BEGIN", "END"] if name in owners else [])


def test_lesson_runs_as_a_script(tmp_path):
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, str(SOURCE)], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    for name in SOLUTIONS.values():
        assert f"\n{name}: " in done.stdout


@pytest.fixture(scope="module")
def released(text):
    """The cells as nbgrader's own preprocessors hand them to students."""
    from nbgrader.preprocessors import ClearHiddenTests, ClearSolutions

    copy = jupytext.reads(text, fmt="py:percent")
    copy, _ = ClearSolutions().preprocess(copy, {})
    copy, _ = ClearHiddenTests().preprocess(copy, {})
    found = [cell for cell in copy.cells if "nbgrader" in cell.metadata]
    return {cell.metadata["nbgrader"]["grade_id"]: cell.source for cell in found}


def test_release_is_valid_python_without_solutions(released, cells):
    for name, source in released.items():
        compile(source, name, "exec")
        assert "###" not in source
    for name in SOLUTIONS:
        assert "raise NotImplementedError()" in released[name]
        assert "check_operands(" not in released[name]
        assert len(released[name]) < len(cells[name])


def test_release_fails_unwritten_kernels_by_their_stub(released, namespace):
    for solution, test in zip(SOLUTIONS, POINTS, strict=True):
        names = dict(namespace)
        exec(released[solution], names)
        with pytest.raises(NotImplementedError):
            exec(released[test], names)


@pytest.mark.parametrize("test", POINTS)
def test_release_passes_the_reference(released, grade, test):
    grade(test, source=released[test])


@pytest.mark.parametrize("test", POINTS)
def test_hidden_inputs_count(released, grade, test):
    def fails_on_hidden_sizes(A, B, **options):
        return (A @ B) * (len(A) not in (15, 17)) if check(A, B, options) else None

    grade(test, fails_on_hidden_sizes, source=released[test])
    with pytest.raises(AssertionError):
        grade(test, fails_on_hidden_sizes)


def check(A, B, options):
    """Validate by hand, as a student would."""
    if A.ndim != 2 or B.ndim != 2 or A.shape[1] != B.shape[0]:
        raise ValueError(f"cannot multiply {A.shape} by {B.shape}")
    for name, value in options.items():
        if value is not None and value < 1:
            raise ValueError(f"{name} is {value}")
    return True


def tiles(A, B, b):
    m, n, p = *A.shape, B.shape[1]
    return [
        (np.s_[i : i + b], np.s_[j : j + b], np.s_[k : k + b])
        for i in range(0, m, b)
        for j in range(0, p, b)
        for k in range(0, n, b)
    ]


def blocked(multiply, dtype=None):
    def kernel(A, B, block_size=64):
        check(A, B, {"block_size": block_size})
        C = np.zeros((len(A), B.shape[1]), dtype or np.result_type(A, B))
        for i, j, k in tiles(A, B, block_size):
            C[i, j] += multiply(A[i, k], B[k, j])
        return C

    return kernel


def scalar_product(X, Y):
    C = np.zeros((len(X), Y.shape[1]), np.result_type(X, Y))
    for i in range(len(X)):
        for j in range(Y.shape[1]):
            for k in range(len(Y)):
                C[i, j] += X[i, k] * Y[k, j]
    return C


def padded(A, B, block_size=64):
    check(A, B, {"block_size": block_size})
    X, Y = (np.pad(M, [(0, -size % block_size) for size in M.shape]) for M in (A, B))
    return blocked(np.matmul)(X, Y, block_size)[: len(A), : B.shape[1]]


def prepacked(A, B, block_size=64):
    check(A, B, {"block_size": block_size})
    return blocked(np.dot)(np.array(A, dtype=np.float64), np.array(B, order="F"), block_size)


def chunked(A, B, num_processes=None, run=map):
    check(A, B, {"num_processes": num_processes})
    return np.vstack(list(run(lambda rows: rows @ B, np.array_split(A, num_processes or 3))))


def threaded(A, B, num_processes=None):
    with ThreadPoolExecutor(4) as pool:
        return chunked(A, B, num_processes, pool.map)


def row_by_row(A, B, num_processes=None):
    check(A, B, {"num_processes": num_processes})
    C = np.empty((len(A), B.shape[1]))
    for i, row in enumerate(A):
        C[i] = np.einsum("k,kj->j", row, B)
    return C


def validated(multiply):
    return lambda A, B: check(A, B, {}) and multiply(A, B)


RIGHT = {
    "test-vectorized-immediate": {
        "at": validated(np.matmul),
        "dot": validated(np.dot),
        "einsum": validated(lambda A, B: np.einsum("ik,kj->ij", A, B)),
        "tensordot": validated(lambda A, B: np.tensordot(A, B, axes=1)),
        "float64": validated(lambda A, B: A.astype(float) @ B.astype(float)),
        "broadcast": validated(lambda A, B: (A[:, :, None] * B[None]).sum(axis=1)),
        "transposes": validated(lambda A, B: (B.T @ A.T).T),
    },
    "test-cache-immediate": {
        "at": blocked(np.matmul),
        "wide": blocked(np.matmul, np.float64),
        "inner": blocked(lambda X, Y: np.inner(X, Y.T)),
        "einsum": blocked(lambda X, Y: np.einsum("ik,kj->ij", X, Y)),
        "broadcast": blocked(lambda X, Y: (X[:, :, None] * Y[None]).sum(axis=1)),
        "six loops": blocked(scalar_product),
        "padded": padded,
        "prepacked": prepacked,
    },
    "test-parallel-immediate": {
        "array_split": chunked,
        "threads": threaded,
        "rows": row_by_row,
    },
}


@pytest.mark.parametrize(
    ("test", "style"), [(test, style) for test in RIGHT for style in RIGHT[test]]
)
def test_graded_cell_passes_every_right_style(grade, capfd, test, style):
    grade(test, RIGHT[test][style])
    out, err = capfd.readouterr()
    assert err == ""
    assert re.fullmatch(rf"{KERNEL_OF[test]}: .* are right\n", out)


def rank_one(order):
    """Sum in the dtype of the result, one rounding a term: the least exact of correct sums."""

    def kernel(A, B, **options):
        check(A, B, options)
        C = np.zeros((len(A), B.shape[1]), np.result_type(A, B))
        for k in order(A.shape[1]):
            C += np.multiply.outer(A[:, k], B[k])
        return C

    return kernel


ROUNDING = {
    "reference": None,
    "forward": rank_one(range),
    "backward": rank_one(lambda n: reversed(range(n))),
}


@pytest.mark.parametrize("order", ROUNDING)
@pytest.mark.parametrize("test", POINTS)
def test_graded_cell_never_fails_for_rounding(grade, test, order):
    for seed in range(50):
        grade(test, ROUNDING[order], seed)


def wrong(change):
    """A kernel that is right but for one change to its operands or its result."""
    return lambda A, B, **options: change(A, B, options) if check(A, B, options) else None


def drops_rows(A, B, options):
    size = options.get("block_size") or options.get("num_processes") or 4
    C = A @ B
    C[len(A) // size * size :] = 0
    return C


def drops_columns(A, B, options):
    size, C = options.get("block_size") or 4, A @ B
    C[:, C.shape[1] // size * size :] = 0
    return C


def drops_inner(A, B, options):
    n = A.shape[1] // 4 * 4 or A.shape[1]
    return A[:, :n] @ B[:n]


def keeps_last_block(A, B, options):
    start = max(0, (A.shape[1] - 1) // 4 * 4)
    return A[:, start:] @ B[start:]


def overwrites(A, B, options):
    C = A @ B
    A *= 2
    return C


def truncates(A, B, options):
    return (A @ B).astype(A.dtype)


def reads_memory(A, B, options):
    """Take the memory behind a view for the view."""
    base = A if A.base is None else A.base.ravel()[: A.size].reshape(A.shape)
    return base @ B


def skips_zeros(A, B, options):
    return np.nan_to_num(A, posinf=0, neginf=0) @ np.nan_to_num(B, posinf=0, neginf=0)


def refuses_empty(A, B, options):
    if not A.size:
        raise RuntimeError("empty\nand more")
    return A @ B


WRONG = {
    "unchecked": (lambda A, B, **_: A @ B, "it has to raise ValueError|name both shapes"),
    "rows": (wrong(drops_rows), "rows? .* zero: the last, ragged block was dropped|every value"),
    "columns": (wrong(drops_columns), "columns? .* zero: the last, ragged block|every value"),
    "inner": (wrong(drops_inner), "inner indices 0 to .* were summed: the last block was dropped"),
    "last inner": (wrong(keeps_last_block), "were summed: blocks must add up"),
    "transposed": (wrong(lambda A, B, _: (A @ B).T), "is the transpose of the product"),
    "overwritten": (wrong(overwrites), "A was changed by the call"),
    "list": (wrong(lambda A, B, _: (A @ B).tolist()), "is a list, not an array"),
    "nothing": (wrong(lambda A, B, _: None), "is a NoneType, not an array"),
    "half": (
        wrong(lambda A, B, _: (A.astype("f2") @ B.astype("f2")).astype(np.result_type(A, B))),
        "only to the precision of float16",
    ),
    "single": (
        wrong(lambda A, B, _: A.astype("f4") @ B.astype("f4")),
        "the result is float32, it has to be float64",
    ),
    "truncated": (wrong(truncates), "the result is int64, it has to be float64"),
    "memory": (wrong(reads_memory), "differ"),
    "nan": (wrong(skips_zeros), "differ"),
    "empty": (wrong(refuses_empty), "raised RuntimeError: empty"),
    "zeros": (wrong(lambda A, B, _: 0 * (A @ B)), "every value is zero"),
}


@pytest.mark.parametrize("fault", WRONG)
@pytest.mark.parametrize("test", POINTS)
def test_graded_cell_names_what_is_wrong(grade, released, test, fault):
    kernel, cause = WRONG[fault]
    with pytest.raises(AssertionError, match=cause) as caught:
        grade(test, kernel, source=released[test])
    fact, hint = str(caught.value).split("\n")
    assert fact.startswith(KERNEL_OF[test])
    assert re.fullmatch(r"Hint: [^\n]+\.", hint)


@pytest.mark.parametrize("name", ["block_size", "num_processes"])
def test_graded_cell_fails_an_unchecked_count(grade, released, name):
    test = {"block_size": "test-cache-immediate", "num_processes": "test-parallel-immediate"}[name]
    with pytest.raises(AssertionError, match=f"{name}=0.* raised nothing"):
        grade(test, lambda A, B, **_: A @ B if check(A, B, {}) else None, source=released[test])


def test_graded_cell_fails_seed_chunks_that_split_by_whole_rows_only(grade, released):
    def kernel(A, B, num_processes=None):
        check(A, B, {"num_processes": num_processes})
        size = max(1, len(A) // (num_processes or 2))
        count = min(num_processes or 2, len(A))
        return np.vstack([A[size * i : size * (i + 1)] @ B for i in range(count)] or [A @ B])

    with pytest.raises(AssertionError, match=r"shape \(16, 6\), expected \(23, 6\)"):
        grade("test-parallel-immediate", kernel, source=released["test-parallel-immediate"])
