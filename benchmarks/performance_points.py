"""How often are the points for speed given wrongly while other programs are busy?

    python -m benchmarks.performance_points --gradings 240 --neighbours 2 4

Starts neighbours that keep processor and memory busy, then grades kernels of the corpora as a class
is graded, by the judge in the sandbox: honest ones, which have to pass, and right but slow ones,
which have to fail. The exit code is 1 if a grading was wrong, or left to a person.
"""

import argparse
import multiprocessing
import re
import signal
import sys
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import cycle, islice
from multiprocessing.synchronize import Barrier
from pathlib import Path
from statistics import median

import numpy as np

from tinytorch.utils.blas import one_blas_thread
from tinytorch.utils.machine import describe_machine, environment
from tinytorch.utils.report import text_table
from tito.conditions.results import CellVerdict
from tito.course import Course
from tito.grading.judge.judge import judge_cells
from tito.grading.judge.notebook import load_checks
from tito.grading.sandbox.mode import choose_sandbox

__all__ = ["HONEST", "SLOW", "busy_neighbours", "main", "survey"]

ROOT = Path(__file__).resolve().parents[1]
CORPORA = ROOT / "tests" / "corpora"
CHECK = "test-cache-performance"
HONEST = (
    "honest/blocked_add_out", "honest/blocked_transposed_b", "honest/seed_blocked_float64",
    "honest/blocked_packed_blocks", "honest/blocked_padded_zeros", "honest/blocked_astype_blocks",
)  # fmt: skip
"""Styles that hand blocks to BLAS, among them those that cost most beside it."""
SLOW = ("wrong/slow_five_times", "wrong/slow_copies_everything")
SECONDS_TO_START = 60.0
SPAWN = multiprocessing.get_context("spawn")


def survey(gradings: int, count: int, slow: int) -> list[list[str]]:
    """Grade honest kernels in turns, and slow ones, beside `count` busy programs; return rows."""
    names = [*islice(cycle(HONEST), gradings), *islice(cycle(SLOW), slow)]
    found: dict[str, list[CellVerdict]] = {name: [] for name in dict.fromkeys(names)}
    with busy_neighbours(count):
        for done, name in enumerate(names):
            if done % 20 == 0:
                print(f"{count} neighbours: {done} of {len(names)} gradings", file=sys.stderr)
            found[name].append(grade(name))
    return [row(name, count, verdicts) for name, verdicts in found.items()]


def grade(name: str) -> CellVerdict:
    """Return the judge's verdict on the speed of a kernel of the corpora."""
    course = Course.read(ROOT)
    check = load_checks(course, "11_kernels")[CHECK]
    reference = tomllib.loads((CORPORA / "reference.toml").read_text(encoding="utf-8"))
    cells = tomllib.loads((CORPORA / f"{name}.toml").read_text(encoding="utf-8"))["cells"]
    launch = choose_sandbox("bwrap").launcher(course.limits)
    solutions = {**reference["cells"], **cells}
    return judge_cells(reference["given"], solutions, {CHECK: check}, launch=launch)[0]


def row(name: str, count: int, verdicts: Sequence[CellVerdict]) -> list[str]:
    """Return a row of the table: how often, how often wrong, and the shares of failures."""
    counts = Counter(verdict.verdict for verdict in verdicts)
    wrong = counts["failed"] if name in HONEST else counts["passed"]
    shares = [float(x) for v in verdicts for x in re.findall(r"(0\.\d\d) of the speed", v.message)]
    shown = f"{min(shares):.2f} {median(shares):.2f} {max(shares):.2f}" if shares else "-"
    facts = [len(verdicts), wrong, counts["review"] + counts["not-run"]]
    return [name, "honest" if name in HONEST else "slow", str(count), *map(str, facts), shown]


@contextmanager
def busy_neighbours(count: int) -> Iterator[None]:
    """Keep `count` other processes busy inside; whatever happens, none of them remains."""
    ready = SPAWN.Barrier(count + 1)
    kinds = islice(cycle(("count", "stream", "count", "multiply")), count)
    processes = [SPAWN.Process(target=keep_busy, args=(kind, ready), daemon=True) for kind in kinds]
    try:
        for process in processes:
            process.start()
        ready.wait(SECONDS_TO_START)
        yield
    finally:
        for process in processes:
            if process.pid is not None:
                process.kill()
                process.join()


def keep_busy(kind: str, ready: Barrier) -> None:
    """Work until the process that asked for it has ended; Ctrl-C is for that one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    x, y, z = np.ones((3, 2000, 2000))
    work: dict[str, Callable[[], object]] = {
        "count": lambda: sum(range(1_000_000)),
        "stream": lambda: np.add(x, y, out=z),
        "multiply": lambda: x[:700, :700] @ y[:700, :700],
    }
    with one_blas_thread():
        ready.wait(SECONDS_TO_START)
        while parent is not None and parent.is_alive():
            work[kind]()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gradings", type=int, default=240, help="of honest kernels")
    parser.add_argument("--slow", type=int, default=40, help="gradings of slow kernels")
    parser.add_argument("--neighbours", type=int, nargs="+", default=[2, 4], metavar="N")
    chosen = parser.parse_args(arguments)
    choose_sandbox("bwrap")  # says what is missing before anything is started
    print(describe_machine(), f"load    {environment()['load']}", "", sep="\n")
    head = ["kernel", "kind", "neighbours", "gradings", "wrong", "for review", "shares of failures"]
    wrong = False
    for count in chosen.neighbours:
        # Each table at once: a run may take an hour, and be ended before.
        rows = survey(chosen.gradings, count, chosen.slow)
        print(text_table(head, rows), flush=True)
        wrong = wrong or any(int(each[4]) or int(each[5]) for each in rows)
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
