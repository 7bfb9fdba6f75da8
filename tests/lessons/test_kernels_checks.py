"""The lesson as released: no solutions, and locked cells that ask what the judge asks.

Right and wrong kernels are files of `tests/corpora`, which the judge's own tests run as well.
"""

import re
from pathlib import Path
from types import SimpleNamespace

import jupytext
import numpy as np
import pytest
from corpora import checks, entries

from tinytorch.utils.checking import CheckFailure
from tito.course import Course
from tito.grading.assignment import load_config
from tito.tools.conditions import empty_sides, mismatch, no_python_loop

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "modules" / "source" / "11_kernels" / "kernels_dev.py"

GIVEN = ["kernels-imports", "kernels-tools", "kernels-baseline", "kernels-cpus"]
SOLUTIONS = ["matmul-vectorized", "matmul-cache", "matmul-parallel"]
VECTORIZED, CACHE = "test-vectorized-immediate", "test-cache-immediate"
PARALLEL, CONCURRENT = "test-parallel-immediate", "test-parallel-concurrent"
POINTS = {VECTORIZED: 10, CACHE: 15, PARALLEL: 15, CONCURRENT: 5}
CHECKS = checks()
SUBMISSIONS = {e.name: e.cells.values() for corpus in ("honest", "wrong") for e in entries(corpus)}


@pytest.fixture(scope="module")
def cells():
    """The source of each cell that has a grade id."""
    return by_name(jupytext.read(SOURCE, fmt="py:percent"))


@pytest.fixture(scope="module")
def released():
    """The cells as nbgrader hands them to students, with the course's settings."""
    from nbgrader.preprocessors import ClearSolutions

    config = load_config(Course.read(ROOT))
    notebook = jupytext.read(SOURCE, fmt="py:percent")
    return by_name(ClearSolutions(config=config).preprocess(notebook, {})[0])


@pytest.fixture(scope="module")
def namespace(cells):
    """What a student's kernel knows who has run every cell above the graded ones."""
    names = {"__name__": "lesson", "mp": SimpleNamespace(cpu_count=lambda: 2)}
    for name in [*GIVEN, *SOLUTIONS]:
        exec(cells[name], names)
    return names


@pytest.fixture
def locked(released, namespace, capfd):
    """Run a locked cell, with other kernels on demand; return its lines and what it raised."""

    def run(name, *sources, **names):
        names = namespace | names
        for source in sources:
            exec(source, names)
        failure = None
        try:
            exec(released[name], names)
        except CheckFailure as raised:
            failure = raised
        out, err = capfd.readouterr()
        assert err == ""
        return out, failure

    return run


def by_name(notebook):
    found = [cell for cell in notebook.cells if "nbgrader" in cell.metadata]
    return {cell.metadata["nbgrader"]["grade_id"]: cell.source for cell in found}


def points(printed):
    """The points earned and to be had, from the line of each condition."""
    found = re.findall(r"^\w[\w ]+? +(\d+)/(\d+)  [^\n]+\.$", printed, re.MULTILINE)
    return sum(int(earned) for earned, _ in found), sum(int(most) for _, most in found)


def test_release_is_valid_python_without_solutions(released, cells):
    for name, source in released.items():
        compile(source, name, "exec")
        assert "###" not in source
    for name in SOLUTIONS:
        assert "raise NotImplementedError(" in released[name]
        assert "check_operands(" not in released[name]
        assert len(released[name]) < len(cells[name])


def test_release_leaves_all_other_cells_as_they_are(released, cells):
    assert {name for name in cells if released[name] != cells[name]} == set(SOLUTIONS)


@pytest.mark.parametrize("name", POINTS)
def test_locked_cell_asks_what_the_judge_asks(locked, name):
    asked = []
    locked(name, check=lambda *arguments: asked.append(arguments))
    ((function, conditions),) = asked
    shares = [(share.condition, share.points) for share in CHECKS[name].shares]
    assert function.__name__ == CHECKS[name].function
    assert list(conditions.items()) == shares
    assert sum(worth for _, worth in shares) == POINTS[name]


def test_locked_cells_are_those_that_the_judge_knows():
    assert list(CHECKS) == list(POINTS)


@pytest.mark.parametrize("name", POINTS)
def test_locked_cell_passes_the_reference(locked, name):
    printed, failure = locked(name)
    assert failure is None
    assert points(printed) == (POINTS[name], POINTS[name])
    assert {line.partition(" ")[0] for line in printed.splitlines()} == {"passed"}


@pytest.mark.parametrize("name", POINTS)
def test_locked_cell_fails_an_unwritten_kernel_in_plain_words(locked, released, name):
    printed, failure = locked(name, released[CHECKS[name].solution])
    assert points(printed) == (0, POINTS[name])
    assert str(failure) == (
        f"{CHECKS[name].function} is not written yet\n"
        "Hint: Replace the line that raises NotImplementedError by your solution."
    )


@pytest.mark.parametrize("name", POINTS)
def test_locked_cell_has_the_same_inputs_on_every_run(locked, namespace, name):
    kernel, runs = namespace[CHECKS[name].function], ([], [])

    def noting(run):
        def call(A, B, **options):
            if type(A) is np.ndarray:  # those that record products have a secret factor
                run.append((A.shape, A.dtype, A.strides, A.tolist(), B.tolist(), options))
            return kernel(A, B, **options)

        call.__name__ = kernel.__name__
        return call

    for seed, run in enumerate(runs):
        np.random.seed(seed)
        locked(name, **{kernel.__name__: noting(run)})
    assert runs[0] == runs[1] != []


def test_locked_cell_tries_all_conditions_and_raises_the_first_failure(locked):
    kernel = """
def matmul_vectorized(A, B):
    if not A.size:
        raise RuntimeError("nothing to multiply")
    return np.array([row @ B[: len(row)] for row in A])
"""
    printed, failure = locked(VECTORIZED, kernel)
    failed = [line for line in printed.splitlines() if line.startswith("failed")]
    assert [line[21:] for line in failed] == [
        c.__doc__ for c in (empty_sides, mismatch, no_python_loop)
    ]
    assert points(printed) == (5, 10)
    assert failure.fact.endswith("raised RuntimeError: nothing to multiply")


def test_locked_cell_shows_doubt_without_raising(locked):
    printed, failure = locked(CACHE, *SUBMISSIONS["blocked_decoy_blocks"])
    assert failure is None
    assert printed.count("for review      0/2  ") == 3
    assert points(printed) == (9, 15)


RIGHT = {
    VECTORIZED: """vectorized_np_dot vectorized_dot_method vectorized_einsum vectorized_tensordot
        vectorized_np_matmul_out vectorized_asarray_float vectorized_broadcast_sum
        vectorized_double_transpose vectorized_numpy_error""",
    CACHE: """blocked_dot_slices blocked_float64_first blocked_inner_slices blocked_einsum_slices
        blocked_broadcast_in_block blocked_padded blocked_packed_blocks blocked_recursive
        blocked_six_scalar_loops blocked_transposed_b blocked_uses_vectorized""",
    PARALLEL: """chunks_sequential_array_split chunks_pool_map chunks_ceil_chunks chunks_affinity
        chunks_threads_into_result chunks_last_takes_the_rest chunks_transposed_chunks""",
    CONCURRENT: "chunks_pool_map chunks_submit_dot chunks_main_thread_helps",
}


@pytest.mark.parametrize(
    ("name", "style"), [(name, style) for name in RIGHT for style in RIGHT[name].split()]
)
def test_locked_cell_passes_every_right_style(locked, name, style):
    printed, failure = locked(name, *SUBMISSIONS[style])
    assert failure is None
    assert points(printed) == (POINTS[name], POINTS[name])


WRONG = {
    "vectorized_transposed_result": (VECTORIZED, 0, "is the transpose of the product"),
    "vectorized_list_result": (VECTORIZED, 0, "is a list, not an array"),
    "vectorized_pass": (VECTORIZED, 0, "is a NoneType, not an array"),
    "vectorized_zeros": (VECTORIZED, 0, "every value is zero"),
    "vectorized_float16_inside": (VECTORIZED, 0, "only to the precision of float16"),
    "vectorized_float32_result": (VECTORIZED, 0, "is float32, it has to be float64"),
    "vectorized_integer_result": (VECTORIZED, 0, "is int64, it has to be float64"),
    "vectorized_compares_wrong_sides": (VECTORIZED, 1, "raised ValueError: sizes differ"),
    "vectorized_refuses_empty": (VECTORIZED, 9, "raised RuntimeError: nothing to multiply"),
    "vectorized_contiguous_only": (VECTORIZED, 9, "entries differ"),
    "vectorized_changes_a": (VECTORIZED, 9, "an input was changed by the call"),
    "vectorized_assert_sizes": (VECTORIZED, 9, "AssertionError, it has to raise ValueError"),
    "vectorized_row_loop": (VECTORIZED, 7, "more Python steps for A with 70 rows than with 20"),
    "blocked_drops_ragged_rows": (CACHE, 0, "block_size=4.* every value is zero"),
    "blocked_drops_ragged_columns": (CACHE, 0, "block_size=4.* every value is zero"),
    "blocked_drops_ragged_inner": (CACHE, 0, "block_size=4.* every value is zero"),
    "blocked_overwrites": (CACHE, 2, "inner indices 4 to 7 of 8 were summed: blocks must add up"),
    "blocked_no_check": (CACHE, 14, "raised nothing, it has to raise ValueError"),
    "blocked_whole_product": (CACHE, 9, "with block_size=8 the largest product has 26 rows"),
    "blocked_rows_only": (CACHE, 11, "with block_size=8 the largest product has 30 columns"),
    "blocked_inner_not_cut": (CACHE, 13, "block_size=8 the largest product has 22 inner indices"),
    "blocked_doubled_block": (CACHE, 9, "with block_size=8 the largest product has 16 rows"),
    "chunks_only_first": (PARALLEL, 0, r"the result has shape \(2, 8\), expected \(8, 8\)"),
    "chunks_no_default": (PARALLEL, 8, "raised TypeError: "),
    "chunks_zero_step": (PARALLEL, 8, "num_processes=4.* raised ValueError: range"),
    "chunks_rest_missing": (PARALLEL, 9, r"num_processes=4.* shape \(28, 5\), expected \(30, 5\)"),
    "chunks_columns": (PARALLEL, 10, "rows multiplied at a time: 40, not 20"),
    "chunks_count_as_size": (CONCURRENT, 0, "each product waited for another, and none came"),
    "chunks_whole_product": (CONCURRENT, 0, "all 48 rows are in one product"),
}


@pytest.mark.parametrize("kernel", WRONG)
def test_locked_cell_names_what_is_wrong(locked, kernel):
    name, earned, cause = WRONG[kernel]
    printed, failure = locked(name, *SUBMISSIONS[kernel])
    assert points(printed) == (earned, POINTS[name])
    assert re.search(cause, failure.fact)
    assert failure.fact.startswith(CHECKS[name].function)
    assert re.fullmatch(r"[^\n]+\.", failure.hint)
    first = re.search(r"^failed.*\n +(.*)\n +Hint: (.*)$", printed, re.MULTILINE)
    assert first.groups() == (failure.fact, failure.hint)


@pytest.mark.parametrize("edge", ["rows 28 to 29 are zero", "column 4 is zero", "0 to 7 of 11"])
def test_locked_cell_names_the_edge_that_was_dropped(locked, edge):
    side = {"r": "rows", "c": "columns", "0": "inner"}[edge[0]]
    printed, failure = locked(CACHE, *SUBMISSIONS[f"blocked_drops_ragged_{side}"])
    assert edge in printed
    assert "range(0, m, block_size)" in failure.hint
