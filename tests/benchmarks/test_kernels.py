"""The benchmark of the kernels: what it measures, how it judges, and what it leaves unjudged."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import kernels
from benchmarks.kernels import Chunked, Measured, attend, compare, main, targets

pytestmark = pytest.mark.full


@pytest.fixture(autouse=True)
def _brief(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tinytorch.utils.timing.BUDGET_SECONDS", 0.0)
    monkeypatch.setattr("tinytorch.utils.timing.PASS_SECONDS", 0.0)
    monkeypatch.setattr(kernels, "QUERIES", 300)


@pytest.fixture
def two_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels.kernels, "available_cpus", lambda: 2)


def measured(
    kernel: str, n: int = 1024, share: float = 1.0, memory: float = 1.0, others: float = 0.0
) -> Measured:
    return Measured(kernel, "float32", n, 0.1, share, memory, others)


def verdicts(*found: Measured) -> list[str]:
    return [one.verdict for one in targets(found)]


@pytest.mark.parametrize("dtype", kernels.DTYPES)
def test_compare_measures_every_kernel_beside_the_product(dtype: str) -> None:
    found = {one.kernel: one for one in compare(48, dtype)}
    assert list(found) == list(kernels.KERNELS)
    assert found["A @ B"].share == 1
    assert all(one.share >= 0 and one.memory >= 1 for one in found.values())


def test_compare_leaves_the_triple_loop_out_where_it_takes_too_long() -> None:
    assert "triple loop" not in {one.kernel for one in compare(65, "float32")}


@pytest.mark.parametrize(
    ("kernel", "share", "verdict"),
    [
        ("vectorized", 0.96, "met"),
        ("vectorized", 0.94, "not met"),
        ("blocks of 256", 0.76, "met"),
        ("blocks of 256", 0.74, "not met"),
        ("blocks of 512", 0.84, "not met"),
    ],
)
def test_targets_judge_the_speed_on_one_thread(kernel: str, share: float, verdict: str) -> None:
    assert verdicts(measured(kernel, share=share)) == [verdict, "met"]


def test_targets_judge_the_memory_of_each_kernel() -> None:
    assert verdicts(measured("blocks of 64", memory=1.4)) == ["met"]
    assert verdicts(measured("threads", memory=1.5)) == ["not met"]


def test_targets_ask_nothing_of_other_sizes_or_of_the_product_itself() -> None:
    assert verdicts(measured("blocks of 512", n=1025, share=0.1, memory=9)) == []
    assert verdicts(measured("A @ B", memory=9)) == []


@pytest.mark.usefixtures("two_cpus")
@pytest.mark.parametrize(("share", "verdict"), [(1.81, "met"), (1.79, "not met")])
def test_targets_judge_threads_on_quiet_cores(share: float, verdict: str) -> None:
    assert verdicts(measured("threads", 2048, share)) == [verdict]


@pytest.mark.usefixtures("two_cpus")
def test_targets_do_not_judge_threads_beside_busy_programs() -> None:
    (target,) = targets([measured("threads", 2048, share=1.1, others=0.8)])
    assert target.verdict == "not judged"
    assert target.doubt == "load: other programs kept 0.8 cores busy"


def test_targets_do_not_judge_threads_on_one_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels.kernels, "available_cpus", lambda: 1)
    (target,) = targets([measured("threads", 2048, share=0.9)])
    assert (target.verdict, target.doubt) == ("not judged", "there is one CPU")


def test_attend_holds_a_strip_instead_of_all_scores() -> None:
    chunked = attend(1200)
    scores, strip = (rows * 1200 * np.dtype("float32").itemsize for rows in (1200, kernels.ROWS))
    assert chunked.whole_bytes >= scores > chunked.chunk_bytes >= strip


def test_chunked_says_both_times_and_both_peaks() -> None:
    text = str(Chunked(0.5, 0.75, 2**20, 2**26))
    assert text.startswith("1.50 times as fast as all scores at once (500 ms against 750 ms)")
    assert text.endswith("peak memory 1.00 MiB against 64.0 MiB")


def test_main_prints_tables_and_writes_all_figures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "kernels.json"
    chosen = ["--sizes", "16", "65", "--dtypes", "float64", "--json", str(path)]
    assert main(chosen) == 0
    printed = capsys.readouterr()
    assert "float64, speed over A @ B" in printed.out
    assert "no targets" in printed.out
    assert printed.err.splitlines() == ["float64, n = 16", "float64, n = 65"]
    data = json.loads(path.read_text(encoding="utf-8"))
    assert set(data) == {"environment", "attention", "measured", "targets"}
    assert {one["n"] for one in data["measured"]} == {16, 65}


def test_main_fails_where_a_target_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = [measured("blocks of 256", share=0.5)]
    monkeypatch.setattr(kernels, "compare", lambda n, dtype: slow)
    assert main(["--sizes", "1024", "--dtypes", "float32"]) == 1
