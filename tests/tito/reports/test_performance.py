"""What a comparison looks like: table, JSON and plot."""

import json

import pytest
from matplotlib.figure import Figure

from tinytorch.utils.gemm import Comparison, Measurement
from tinytorch.utils.machine import Machine
from tinytorch.utils.processor import Cache
from tito.errors import TitoError
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


@pytest.fixture
def axes():
    drawn = Figure().add_subplot()
    performance._draw(drawn, COMPARISON, MACHINE)
    return drawn


def rows_of(table):
    """The measured rows as lists of words; a kernel's name may be several."""
    return [line.split() for line in table.splitlines() if line.startswith(("A @ B", "matmul_"))]


def test_table_has_one_row_a_measurement_with_all_figures():
    rows = rows_of(performance.performance_table(COMPARISON, MACHINE))
    assert " ".join(rows[3]) == "matmul_vectorized 1024 25.000 50.000 1.2% 85.9 0.80 1.00"
    assert " ".join(rows[1]) == "matmul_custom 64 100.000 200.000 - 0.005 0.00010 1.00"


def test_table_names_units_machine_dtype_and_notes():
    table = performance.performance_table(COMPARISON, MACHINE)
    for text in ("best ms", "median ms", "GFLOP/s", "AMD EPYC", "float32", *COMPARISON.notes):
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


def test_plot_tells_kernels_apart_without_colour(axes):
    styles = [(line.get_marker(), line.get_linestyle()) for line in axes.lines]
    assert len({marker for marker, _ in styles}) == len(styles) == 3
    assert len({line for _, line in styles}) == len(styles)


def test_plot_has_units_the_machine_and_every_kernel(axes):
    assert "GFLOP/s" in axes.get_ylabel()
    assert "n" in axes.get_xlabel()
    assert "AMD EPYC, 2 cores" in axes.get_title()
    assert "openblas 0.3.31" in axes.get_title()
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels == ["A @ B", "matmul_custom", "matmul_vectorized"]


def test_plot_shows_what_was_measured(axes):
    assert list(axes.lines[0].get_xdata()) == [64, 1024]
    assert list(axes.lines[0].get_ydata()) == [
        one.gflops for one in COMPARISON.measurements if one.kernel == "A @ B"
    ]


@pytest.mark.parametrize(
    ("ending", "start"), [("png", b"\x89PNG"), ("PDF", b"%PDF"), ("svg", b"<")]
)
def test_save_plot_writes_the_format_its_ending_names(tmp_path, ending, start):
    file = tmp_path / f"plot.{ending}"
    performance.check_plot_file(file)
    performance.save_plot(COMPARISON, MACHINE, file)
    assert file.read_bytes().startswith(start)


@pytest.mark.parametrize("name", ["plot.xyz", "plot", "plot."])
def test_check_plot_file_names_the_endings_there_are(tmp_path, name):
    with pytest.raises(TitoError, match=r"png.*svg") as caught:
        performance.check_plot_file(tmp_path / name)
    assert caught.value.exit_code == 2


def test_check_plot_file_wants_a_folder_that_exists(tmp_path):
    with pytest.raises(TitoError, match="There is no folder") as caught:
        performance.check_plot_file(tmp_path / "missing" / "plot.png")
    assert caught.value.exit_code == 2


def test_save_plot_where_nothing_can_be_written_is_one_error(tmp_path):
    folder = tmp_path / "plot.png"
    folder.mkdir()
    with pytest.raises(TitoError, match="The plot was not saved"):
        performance.save_plot(COMPARISON, MACHINE, folder)
