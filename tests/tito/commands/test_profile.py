"""`tito profile` as a person calls it, on kernels that stand in for the lesson's."""

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from click.testing import CliRunner

from tito.cli import main

CHECKOUT = Path(__file__).parents[3]
MODULES = {"kernels": "tinytorch.core.kernels", "layers": "tinytorch.core.layers"}


def matmul_vectorized(A, B):
    print("a student's print")
    return np.matmul(A, B)


def matmul_in_blocks(A, B, block_size=64):
    return np.matmul(A, B)


def matmul_naive(A, B):
    return np.einsum("ij,jk->ik", A, B)


def matmul_unwritten(A, B):
    raise NotImplementedError


@pytest.fixture
def lesson(monkeypatch):
    """Put functions in the place of a lesson's module."""
    monkeypatch.chdir(CHECKOUT)

    def put(name, *kernels):
        module = ModuleType(MODULES[name])
        module.__dict__.update({kernel.__name__: kernel for kernel in kernels})
        monkeypatch.setitem(sys.modules, MODULES[name], module)

    return put


def tito(*arguments):
    return CliRunner().invoke(main, ["profile", *map(str, arguments)])


def measured(result):
    """Pairs of kernel and size, from JSON."""
    return {(one["kernel"], one["n"]) for one in json.loads(result.stdout)["measurements"]}


@pytest.mark.parametrize("name", ["kernels", "11", "11_kernels"])
def test_profile_prints_a_table_of_the_lessons_kernels(lesson, name):
    lesson("kernels", matmul_vectorized)
    result = tito(name, "--size", 16)
    assert result.exit_code == 0, result.output
    assert "GFLOP/s" in result.stdout
    assert "\nmatmul_vectorized  " in result.stdout
    assert "\nA @ B  " in result.stdout


def test_profile_keeps_stdout_for_data(lesson):
    lesson("kernels", matmul_vectorized)
    result = tito("kernels", "--size", 16)
    assert "n = 16: A @ B, matmul_vectorized" in result.stderr
    assert "a student's print" in result.stderr
    assert "a student's print" not in result.stdout


def test_profile_prints_json_for_the_sizes_asked_for(lesson):
    lesson("kernels", matmul_vectorized)
    result = tito("kernels", "--size", 24, "--size", 16, "--json")
    data = json.loads(result.stdout)
    assert data["lesson"] == "11_kernels"
    assert data["dtype"] == "float32"
    assert measured(result) >= {
        (kernel, n) for kernel in ("A @ B", "matmul_vectorized") for n in (16, 24)
    }
    assert all(one["gflops"] > 0 for one in data["measurements"])


def test_profile_of_layers_measures_what_layers_has(lesson):
    lesson("layers", matmul_naive)
    result = tito("layers", "--size", 16, "--json")
    assert {"matmul_naive", "A @ B"} <= {kernel for kernel, _ in measured(result)}


def test_profile_measures_the_others_beside_an_unwritten_kernel(lesson):
    lesson("kernels", matmul_vectorized, matmul_unwritten)
    result = tito("kernels", "--size", 16)
    assert result.exit_code == 0
    assert "Not measured: matmul_unwritten" in result.stdout
    assert "\nmatmul_unwritten  " not in result.stdout


def test_profile_fails_when_no_kernel_can_be_measured(lesson):
    lesson("kernels", matmul_unwritten)
    result = tito("kernels", "--size", 16)
    assert result.exit_code == 1
    assert "No kernel of tinytorch.core.kernels could be measured" in result.stderr


def test_profile_of_a_lesson_without_kernels_fails(lesson):
    lesson("kernels")
    result = tito("kernels")
    assert result.exit_code == 1
    assert "no function named matmul_" in result.stderr


def test_profile_of_a_lesson_not_exported_says_what_to_run(lesson, monkeypatch):
    lesson("kernels")
    monkeypatch.setitem(sys.modules, MODULES["kernels"], None)
    result = tito("kernels")
    assert result.exit_code == 1
    assert "tito export kernels" in result.stderr


def test_profile_of_an_unknown_lesson_is_wrong_usage(lesson):
    lesson("kernels", matmul_vectorized)
    assert tito("chess").exit_code == 2


@pytest.mark.parametrize("size", [0, -1, 10**6, "many"])
def test_profile_of_an_impossible_size_is_wrong_usage(lesson, size):
    lesson("kernels", matmul_vectorized)
    result = tito("kernels", "--size", size)
    assert result.exit_code == 2
    assert str(size) in result.stderr


@pytest.fixture
def brief(monkeypatch):
    """Measure as little as can be measured."""
    monkeypatch.setattr("tinytorch.utils.timing.BUDGET_SECONDS", 0.005)
    monkeypatch.setattr("tinytorch.utils.timing.PASS_SECONDS", 0.0001)
    monkeypatch.setattr("tinytorch.utils.sweeps.SECONDS_TO_REST", 0.0)
    monkeypatch.setattr("tinytorch.utils.limits.BYTES_PER_PASS", 2**20)
    monkeypatch.setattr("tinytorch.utils.survey.MEMORY", 2**20)
    monkeypatch.setattr("tinytorch.utils.limits.REPEATS", 1)


@pytest.mark.usefixtures("brief")
@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("plot.png", b"\x89PNG"),
        ("plot.SVG", b"<?xml"),
        ("plot.html", b"<!DOCTYPE html>"),
    ],
)
def test_profile_saves_pictures_and_prints_their_tables(lesson, tmp_path, name, start):
    lesson("kernels", matmul_vectorized, matmul_in_blocks)
    result = tito("kernels", "--size", 16, "--plot", tmp_path / name)
    assert result.exit_code == 0, result.output
    assert (tmp_path / name).read_bytes().startswith(start)
    assert "Roofline: float32" in result.stdout
    assert "Block size: matmul_in_blocks, n = 16" in result.stdout
    assert "block_size = 1, 2, 4, 8" in result.stderr
    assert f"Saved {tmp_path / name}" in result.stderr


@pytest.mark.usefixtures("brief")
def test_profile_prints_json_only_with_pictures_too(lesson, tmp_path):
    lesson("kernels", matmul_vectorized)
    result = tito("kernels", "--size", 16, "--json", "--plot", tmp_path / "plot.svg")
    charts = json.loads(result.stdout)["charts"]
    assert [one["title"].partition(":")[0] for one in charts][:2] == ["Speedup", "Rate by size"]


def test_profile_measures_for_pictures_only_where_they_are_asked_for(lesson, monkeypatch):
    lesson("kernels", matmul_vectorized)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    monkeypatch.setattr("tinytorch.utils.limits.peak_flops", None)
    assert tito("kernels", "--size", 16).exit_code == 0


def test_profile_draws_nothing_where_no_kernel_could_be_measured(lesson, tmp_path):
    lesson("kernels", matmul_unwritten)
    result = tito("kernels", "--size", 16, "--plot", tmp_path / "plot.png")
    assert result.exit_code == 1
    assert "No kernel of tinytorch.core.kernels could be measured" in result.stderr
    assert not (tmp_path / "plot.png").exists()


@pytest.mark.parametrize("name", ["plot.xyz", "missing/plot.png", "folder.png"])
def test_profile_refuses_a_plot_file_before_it_measures(lesson, tmp_path, name):
    called = []
    (tmp_path / "folder.png").mkdir()
    lesson("kernels", matmul_vectorized)
    sys.modules[MODULES["kernels"]].matmul_vectorized = lambda A, B: called.append(None)
    result = tito("kernels", "--plot", tmp_path / name)
    assert result.exit_code == 2
    assert result.stderr.startswith("tito: ")
    assert not called


@pytest.mark.parametrize("name", ["plot.png", "plot.html"])
def test_profile_without_matplotlib_says_what_to_install(lesson, monkeypatch, tmp_path, name):
    lesson("kernels", matmul_vectorized)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    result = tito("kernels", "--plot", tmp_path / name)
    assert result.exit_code == 1
    assert "pip install matplotlib" in result.stderr


def test_profile_imports_nothing_heavy_for_its_help():
    program = (
        "import sys, tito.commands.profile\n"
        "sys.exit(str({'numpy', 'matplotlib', 'tinytorch'} & set(sys.modules) or ''))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stderr == "\n"
