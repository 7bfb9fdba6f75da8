"""The lesson as released: no solutions, and locked cells that ask what the judge asks.

Right and wrong kernels are files of `tests/corpora`, which the judge's own tests run as well.
"""

import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import jupytext
import numpy as np
import pytest
from corpora import checks, entries, graded

from tinytorch.utils.checking import CheckFailure
from tito.conditions.call import LocalCall
from tito.course import Course
from tito.notebooks import load_config
from tito.tools.conditions import empty_sides, mismatch, no_python_loop

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "modules" / "source" / "11_kernels" / "kernels_dev.py"

GIVEN = ["kernels-imports", "kernels-tools", "kernels-baseline", "kernels-cpus"]
SOLUTIONS = list(graded())
TRACE, INTENSITY, TILED = "test-memory-trace", "test-arithmetic-intensity", "test-tiled-trace"
VECTORIZED, CACHE = "test-vectorized-immediate", "test-cache-immediate"
SPEED, ATTENTION, EDGES = "test-cache-performance", "test-attention-chunks", "test-chunk-edges"
PARALLEL, CONCURRENT = "test-parallel-immediate", "test-parallel-concurrent"
AMDAHL = "test-amdahl"
CHECKS = checks()
POINTS = {name: check.points for name, check in CHECKS.items()}
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


@pytest.fixture(autouse=True)
def measured_speed(monkeypatch):
    """No clock decides a test: each function has nine tenths of the speed of ``A @ B``."""

    def time(call, *arrays, **options):
        return replace(call.trace(*arrays, **options), seconds=1.0, reference=0.9)

    monkeypatch.setattr(LocalCall, "time", time)


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
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    found = [cell for cell in cells if "nbgrader" in cell.metadata]
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
        assert "return " in cells[name].partition("### BEGIN SOLUTION")[2]
        assert len(released[name]) < len(cells[name])


def test_release_leaves_all_other_cells_as_they_are(released, cells):
    assert {name for name in cells if released[name] != cells[name]} == set(SOLUTIONS)


@pytest.mark.parametrize("name", POINTS)
def test_locked_cell_asks_what_the_judge_asks(locked, name):
    asked = []
    locked(name, check=lambda *arguments, cut=None: asked.append((*arguments, cut)))
    ((function, conditions, cut),) = asked
    shares = [(share.condition, share.points) for share in CHECKS[name].shares]
    assert (function.__name__, cut) == (CHECKS[name].function, CHECKS[name].cut)
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
        def call(*arrays, **options):
            if all(type(x) is np.ndarray for x in arrays):  # others are traced
                seen = [(x.shape, x.dtype, x.strides, x.tobytes()) for x in arrays if x.size < 1000]
                run.append((seen, options))
            return kernel(*arrays, **options)

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
    kernel = """
def matmul_vectorized(A, B):
    check_operands(A, B)
    rows, columns = (np.frompyfunc(float, 1, 1)(x).tolist() for x in (A, B.T))
    C = [[sum(map(float.__mul__, row, column)) for column in columns] for row in rows]
    return np.array(C, np.result_type(A, B)).reshape(A.shape[0], B.shape[1])
"""
    printed, failure = locked(VECTORIZED, kernel)
    assert printed.count("for review      0/3  ") == 1
    assert failure is None
    assert points(printed) == (7, 10)


RIGHT = {
    VECTORIZED: """vectorized_np_dot vectorized_dot_method vectorized_einsum vectorized_tensordot
        vectorized_np_matmul_out vectorized_asarray_float vectorized_broadcast_sum
        vectorized_double_transpose""",
    CACHE: """blocked_dot_slices blocked_float64_first blocked_inner_slices blocked_einsum_slices
        blocked_broadcast_in_block blocked_padded blocked_packed_blocks blocked_recursive
        blocked_six_scalar_loops blocked_transposed_b blocked_uses_vectorized""",
    PARALLEL: """chunks_sequential_array_split chunks_pool_map chunks_ceil_chunks chunks_affinity
        chunks_threads_into_result chunks_last_takes_the_rest chunks_transposed_chunks""",
    CONCURRENT: "chunks_pool_map chunks_submit_dot chunks_main_thread_helps",
    TRACE: "trace_completion trace_nested_loops trace_matrix trace_repeat_tile trace_unsigned",
    INTENSITY: """intensity_fraction intensity_float32 intensity_harmonic intensity_numpy_float
        intensity_divide_where""",
    TILED: "tiled_loops_in_block tiled_slices_of_trace tiled_lexsort tiled_padded_mask",
    SPEED: "blocked_itertools blocked_kij_order blocked_matmul_out_buffer",
    ATTENTION: """attention_rows attention_scalar_loops attention_online attention_buffers
        attention_float64_result attention_log_sum_exp attention_threads""",
    EDGES: "edges_array_split edges_linspace_rounded edges_larger_last edges_rounded_up",
    AMDAHL: "amdahl_parallel_share amdahl_fraction amdahl_harmonic_mean amdahl_timeline",
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
    "vectorized_row_loop": (VECTORIZED, 7, "more array operations for A with 70 rows than with 20"),
    "blocked_drops_ragged_rows": (CACHE, 0, "block_size=4.* every value is zero"),
    "blocked_drops_ragged_columns": (CACHE, 0, "block_size=4.* every value is zero"),
    "blocked_drops_ragged_inner": (CACHE, 0, "block_size=4.* every value is zero"),
    "blocked_overwrites": (CACHE, 2, "inner indices 4 to 7 of 8 were summed: blocks must add up"),
    "blocked_no_check": (CACHE, 14, "raised nothing, it has to raise ValueError"),
    "blocked_whole_product": (CACHE, 9, "with block_size=6 the largest product has 13 rows"),
    "blocked_rows_only": (CACHE, 11, "with block_size=6 the largest product has 14 columns"),
    "blocked_inner_not_cut": (CACHE, 13, "block_size=6 the largest product has 11 inner indices"),
    "blocked_doubled_block": (CACHE, 9, "with block_size=6 the largest product has 12 rows"),
    "chunks_only_first": (PARALLEL, 0, r"the result has shape \(2, 8\), expected \(8, 8\)"),
    "chunks_no_default": (PARALLEL, 3, "raised TypeError: "),
    "chunks_zero_step": (PARALLEL, 8, "num_processes=4.* raised ValueError: range"),
    "chunks_rest_missing": (PARALLEL, 4, r"num_processes=4.* shape \(28, 5\), expected \(30, 5\)"),
    "chunks_columns": (PARALLEL, 10, "with 20 rows: 1 product of 20 rows, not 2 of 10"),
    "chunks_count_as_size": (CONCURRENT, 0, "each product waited for another, and none came"),
    "chunks_whole_product": (CONCURRENT, 0, "all 24 rows are in one product"),
    "trace_swapped_b": (TRACE, 1, r"step 1 touches \(1, 5, 8\), it has to touch \(1, 6, 8\)"),
    "trace_ignores_order": (TRACE, 3, r"memory_trace\(order='ikj', n=2\): step 1 touches"),
    "trace_rows_of_three": (TRACE, 0, r"has shape \(3, 8\), expected \(8, 3\)"),
    "trace_floats": (TRACE, 0, r"\(8, 3\) of float64, it has to be an array of integers"),
    "trace_no_empty": (TRACE, 4, r"n=0\) returned an array \(0,\) of float64"),
    "intensity_half": (INTENSITY, 0, "is 0.5, expected 1"),
    "intensity_without_c": (INTENSITY, 0, "is 1.5, expected 1"),
    "intensity_four_bytes": (INTENSITY, 3, "itemsize=8.* is 0.483871, expected 0.241935"),
    "intensity_divides_by_zero": (INTENSITY, 4, "raised ZeroDivisionError: division by zero"),
    "intensity_string": (INTENSITY, 0, "returned a str"),
    "tiled_beyond_n": (TILED, 2, r"\(n=5, tile=2\) has shape \(216, 3\), expected \(125, 3\)"),
    "tiled_plain_order": (TILED, 1, r"step 2 touches \(2, 24, 32\), it has to touch \(0, 17, 33\)"),
    "tiled_list_of_blocks": (TILED, 0, "returned a list, it has to be an array of integers"),
    "slow_blocks_of_64": (
        SPEED,
        0,
        "with block_size=256 products have 64 rows, and are not taken block",
    ),
    "slow_whole_for_large": (SPEED, 0, "with block_size=256 the largest product has 1024 rows"),
    "blocked_inner_only": (SPEED, 0, "with block_size=8 the largest product has 17 rows"),
    "attention_no_max": (ATTENTION, 8, "the result holds NaN or infinity"),
    "attention_no_scale": (ATTENTION, 0, r"row 0 is wrong: .* not divided by sqrt\(d\)"),
    "attention_scale_d": (ATTENTION, 0, "row 0 is wrong: .* divided by d, not by its root"),
    "attention_softmax_of_columns": (ATTENTION, 0, "a softmax along the columns"),
    "attention_no_division": (ATTENTION, 0, "weights that are not divided by their sum"),
    "attention_all_scores": (
        ATTENTION,
        7,
        "an array of 2288 numbers is made, a chunk has 156 scores",
    ),
    "attention_changes_q": (ATTENTION, 0, "an input was changed by the call"),
    "attention_drops_ragged": (ATTENTION, 3, "row 8 is wrong: .* is 0, expected"),
    "attention_float16_result": (ATTENTION, 0, "row 0 is wrong: "),
    "edges_last_missing": (EDGES, 0, r"has shape \(2,\), expected \(3,\)"),
    "edges_rest_lost": (EDGES, 0, r"is \[0, 3, 6\]: it has to lead from 0 to 7"),
    "edges_rest_in_the_last": (EDGES, 1, "the chunks have 2 to 9 rows"),
    "amdahl_forgets_workers": (AMDAHL, 0, "serial=0.5, workers=2.* is 2, expected 1.33333"),
    "amdahl_gustafson": (AMDAHL, 1, "serial=0.5, workers=2.* is 1.5, expected 1.33333"),
    "amdahl_list": (AMDAHL, 0, "returned a list"),
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
