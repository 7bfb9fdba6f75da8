"""What a comparison looks like: table and JSON."""

import json
from dataclasses import replace

from tinytorch.utils.charts import Chart
from tinytorch.utils.gemm import Comparison, Measurement
from tinytorch.utils.machine import Machine
from tinytorch.utils.processor import Cache
from tinytorch.utils.survey import Survey
from tito.reports import performance

MACHINE = Machine(
    system="Linux x86_64",
    cpu="AMD EPYC",
    cores=2,
    core_quota=None,
    memory=2**34,
    caches=(Cache("L1d", 2**15),),
    python="3.12.1",
    numpy="2.1.0",
    blas="openblas 0.3.31",
    blas_threads=2,
)


def measurement(kernel, n, best, *, spread=0.012, share=1.0):
    return Measurement(kernel, n, best, 2 * best, spread, 20, 1, 2e-9 * n**3 / best, share, 1.0)


COMPARISON = Comparison(
    "float32",
    True,
    (
        measurement("A @ B", 64, 1e-5),
        measurement("matmul_custom", 64, 0.1, spread=None, share=1e-4),
        measurement("A @ B", 1024, 0.02),
        measurement("matmul_vectorized", 1024, 0.025, share=0.8),
    ),
    ("openblas was held to one thread.", "matmul_custom ends before n = 1024."),
)


CHART = Chart(
    *("Roofline", "a machine", "How to read it.", ["", "GFLOP/s"], [["x", "1.5"]], print),
    doubts=["x was measured once."],
)
SURVEY = Survey((CHART,), ("Not drawn: y.",))


def rows_of(table):
    """The measured rows as lists of words; a kernel's name may be several."""
    return [line.split() for line in table.splitlines() if line.startswith(("A @ B", "matmul_"))]


def test_table_has_one_row_a_measurement_with_all_figures():
    rows = rows_of(performance.performance_table(COMPARISON, MACHINE))
    assert " ".join(rows[3]) == "matmul_vectorized 1024 25.000 50.000 1.2% 85.9 0.80 1.00"
    assert " ".join(rows[1]) == "matmul_custom 64 100.000 200.000 - 0.005 0.00010 1.00"


def test_table_names_units_machine_dtype_and_notes():
    table = performance.performance_table(COMPARISON, MACHINE)
    for text in ("best ms", "median", "GFLOP/s", "AMD EPYC", "float32", *COMPARISON.notes):
        assert text in table


def test_table_columns_are_aligned_and_sizes_are_apart():
    lines = performance.performance_table(COMPARISON, MACHINE).splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("kernel"))
    assert len({len(line) for line in lines[start : start + 3]}) == 1
    assert lines[start + 3] == ""
    assert lines[start + 4].split()[3] == "1024"


def test_json_holds_lesson_machine_measurements_and_notes():
    data = json.loads(performance.performance_json("11_kernels", COMPARISON, MACHINE))
    assert data["lesson"] == "11_kernels"
    assert data["machine"]["caches"] == [{"name": "L1d", "size": 32768}]
    assert data["measurements"][1]["kernel"] == "matmul_custom"
    assert data["measurements"][1]["best_seconds"] == 0.1
    assert data["measurements"][1]["spread"] is None
    assert data["notes"] == list(COMPARISON.notes)
    assert data["one_blas_thread"] is True


def test_table_is_followed_by_a_table_for_each_picture():
    table = performance.performance_table(COMPARISON, MACHINE, SURVEY)
    assert table.startswith(performance.performance_table(COMPARISON, MACHINE))
    below = table.rpartition("Roofline")[2].splitlines()
    assert below[1] == "How to read it."
    assert below[3].split() == ["x", "1.5"]
    assert below[4] == "Doubt: x was measured once."
    assert below[-1] == "Not drawn: y."


def test_json_holds_the_tables_of_pictures_that_were_drawn():
    data = json.loads(performance.performance_json("11_kernels", COMPARISON, MACHINE, SURVEY))
    assert data["charts"] == [
        {
            "title": "Roofline",
            "caption": "How to read it.",
            "columns": ["", "GFLOP/s"],
            "rows": [["x", "1.5"]],
            "doubts": ["x was measured once."],
        }
    ]
    assert data["notes"] == [*COMPARISON.notes, "Not drawn: y."]
    assert "charts" not in json.loads(performance.performance_json("x", COMPARISON, MACHINE))


def test_table_fits_80_columns_whatever_the_times_are():
    slow = measurement("matmul_cache_optimized", 8192, 654.3, spread=0.999, share=1.2e-4)
    lines = performance.performance_table(replace(COMPARISON, measurements=(slow,)), MACHINE)
    assert max(map(len, lines.splitlines()[3:5])) <= 80
