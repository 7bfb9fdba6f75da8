"""Compare autograding with stock nbgrader's, in turns, on the same notebooks and this machine.

Run from the checkout: ``python -m benchmarks.autograde``; ``--help`` lists what can be chosen.
The class is made from the corpora. Stock nbgrader grades it twice: the notebooks as students hand
them in, and *lean* ones, without the cells that only measure and demonstrate: ours does not run
those, and the ratio to the lean ones is what is left without that. Stock takes one submission
after the other, so its time for one is taken from a sample: (time for K less time for 1) / (K - 1),
which spares it its start; ours is charged for its own. CPU time is the whole machine's.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil

from benchmarks.classroom import ASSIGNMENT, Classroom

MIB = 2**20
ROW = "{:<34}{:>7}{:>9}{:>10}{:>10}{:>9}{:>9}"
HEADS = ("", "class", "seconds", "per s", "CPU s", "grader", "all")
HEADS_BELOW = ("", "", "", "", "each", "MiB", "MiB")


@dataclass
class Run:
    """One command over a class: wall and CPU seconds, peak memory in bytes, seconds by stage."""

    name: str
    students: int
    wall: float
    cpu: float
    grader_peak: int
    tree_peak: int
    stages: dict[str, float] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Submissions per second."""
        return self.students / self.wall

    def row(self) -> str:
        """Return a line of the table."""
        numbers = (self.grader_peak / MIB, self.tree_peak / MIB)
        figures = (f"{self.wall:.1f}", f"{self.rate:.2f}", f"{self.cpu / self.students:.2f}")
        return ROW.format(self.name, self.students, *figures, *(f"{n:.0f}" for n in numbers))


def grade_ours(course: Path, students: int, jobs: int) -> Run:
    """Grade the first `students` anew."""
    names = sorted(path.name for path in (course / "assignments" / "submitted").iterdir())
    options = [word for name in names[:students] for word in ("--student", name)]
    options = [] if students >= len(names) else options
    command = [sys.executable, "-m", "tito", "nbgrader", "autograde", "kernels", "--json"]
    name = f"ours, {jobs} job{'s' if jobs > 1 else ''}"
    run, said = _measured(name, [*command, "--force", "--jobs", str(jobs), *options], course)
    told = [json.loads(line) for line in said.splitlines()]
    seconds = [event["seconds"] for event in told if event["event"] == "submission"]
    if not seconds:
        raise SystemExit("Nothing was graded: `tito doctor` says what is missing here.")
    run.students = len(seconds)
    for stage in ("intake", "run", "judge", "text"):
        run.stages[stage] = statistics.fmean(each.get(stage, 0.0) for each in seconds)
    return run


def grade_stock(course: Path, name: str) -> Run:
    """Grade a course by plain nbgrader; charge it for all submissions after the first."""
    count = len(list((course / "submitted").iterdir()))
    command = [sys.executable, "-m", "nbgrader", "autograde", ASSIGNMENT, "--force"]
    alone, _ = _measured(name, [*command, "--student", "s00000"], course)
    run, _ = _measured(name, command, course)
    run.students = count - 1
    run.wall, run.cpu = run.wall - alone.wall, run.cpu - alone.cpu
    return run


def time_reports(course: Path) -> Iterator[Run]:
    """Time what an instructor does after the grading."""
    for step in ("feedback", "report", "status"):
        command = [sys.executable, "-m", "tito", "nbgrader", step, "kernels"]
        run, _ = _measured(step, command, course)
        run.students = len(list((course / "assignments" / "autograded").iterdir()))
        yield run


def _measured(name: str, command: list[str], folder: Path) -> tuple[Run, str]:
    before, start = psutil.cpu_times(), time.perf_counter()
    with (
        tempfile.TemporaryFile("w+") as out,
        subprocess.Popen(command, cwd=folder, stdout=out, stderr=subprocess.DEVNULL) as process,
    ):
        with _watched(process.pid) as peaks:
            process.wait()
        wall = time.perf_counter() - start
        out.seek(0)
        said = out.read()
    after = psutil.cpu_times()
    if process.returncode not in (0, 1):
        raise SystemExit(f"{' '.join(command[:6])} ended with {process.returncode}")
    cpu = after.user + after.system - before.user - before.system
    return Run(name, 1, wall, cpu, *peaks), said


@contextmanager
def _watched(pid: int) -> Iterator[list[int]]:
    """Look twice per second at the memory of a process and of all below it, shared pages shared."""
    peaks, done = [0, 0], threading.Event()

    def look() -> None:
        while not done.wait(0.5):
            try:
                grader = psutil.Process(pid)
                own, family = grader.memory_info().rss, [grader, *grader.children(recursive=True)]
            except psutil.Error:
                continue
            peaks[0] = max(peaks[0], own)
            peaks[1] = max(peaks[1], sum(map(_share, family)))

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    yield peaks
    done.set()
    thread.join()


def _share(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except psutil.Error:
        return 0


def compare(options: argparse.Namespace) -> dict[str, Any]:
    """Run everything, print the table as it grows, and return its data."""
    print(ROW.format(*HEADS), ROW.format(*HEADS_BELOW), sep="\n")
    runs: list[Run] = []

    def add(run: Run) -> Run:
        runs.append(run)
        print(run.row(), flush=True)
        return run

    with tempfile.TemporaryDirectory(prefix="tito-benchmark-") as folder:
        place = Path(folder)
        room = Classroom(place, max([options.students, *options.sizes]), tuple(options.corpora))
        stock = room.stock(place / "stock", options.stock_sample, lean=False)
        lean = room.stock(place / "lean", options.stock_sample, lean=True)
        rounds = []
        for _ in range(options.rounds):
            ours = add(grade_ours(room.ours, options.students, options.jobs))
            theirs = add(grade_stock(stock, "stock nbgrader"))
            bare = add(grade_stock(lean, "stock nbgrader, lean notebooks"))
            rounds.append((ours.rate / theirs.rate, ours.rate / bare.rate))
        for jobs in options.scaling:
            add(grade_ours(room.ours, min(40, options.students), jobs))
        for size in options.sizes:
            add(grade_ours(room.ours, size, options.jobs))
        for run in time_reports(room.ours) if options.reports else ():
            add(run)
    ratio, lean_ratio = (statistics.median(column) for column in zip(*rounds, strict=True))
    print(
        f"\nours over stock: {ratio:.1f}; over stock on lean notebooks: {lean_ratio:.1f}"
        f" (median of {len(rounds)} rounds)"
    )
    stages = ", ".join(f"{name} {1e3 * value:.0f} ms" for name, value in runs[0].stages.items())
    print(f"wall time of one submission in its worker: {stages}")
    return {"runs": [asdict(run) for run in runs], "ratio": ratio, "lean_ratio": lean_ratio}


def draw(data: dict[str, Any], path: str) -> None:
    """Draw submissions per second of every run; readable without colour."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    from tinytorch.utils.machine import describe_machine

    runs = [run for run in data["runs"] if run["stages"] or "stock" in run["name"]]
    labels = [
        f"{run['name']}, class of {run['students']}" if run["stages"] else run["name"]
        for run in runs
    ]
    rates = [run["students"] / run["wall"] for run in runs]
    figure, axes = pyplot.subplots(figsize=(8, 1 + 0.4 * len(runs)), layout="constrained")
    hatches = ["" if run["stages"] else "//" for run in runs]
    axes.barh(labels, rates, color="0.8", edgecolor="black", hatch=hatches)
    axes.bar_label(axes.containers[0], fmt="%.2f", padding=3)
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.set_xlabel("submissions graded per second")
    axes.set_title(f"{describe_machine().cpu}, {os.cpu_count()} CPUs", fontsize="medium")
    figure.savefig(path)


def main() -> None:
    """Read the options, run, and write what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.autograde", description=__doc__)
    add, count = parser.add_argument, os.cpu_count() or 1
    add("--students", type=int, default=40, help="the class that is compared [40]")
    add("--jobs", type=int, default=count, help="of ours [one for each core]")
    add("--stock-sample", type=int, default=5, help="submissions that stock grades [5]")
    add("--rounds", type=int, default=1, help="how often all three are run in turn [1]")
    add("--scaling", type=int, nargs="*", default=[], help="numbers of jobs to compare")
    add("--sizes", type=int, nargs="*", default=[0], help="sizes of class to compare")
    add("--corpora", nargs="+", default=["honest"], help="honest, wrong, hostile [honest]")
    add("--reports", action="store_true", help="time feedback, report and status as well")
    add("--json", metavar="FILE", help="write the figures")
    add("--plot", metavar="FILE", help="draw them")
    options = parser.parse_args()
    options.sizes = [size for size in options.sizes if size]
    data = compare(options)
    if options.json:
        Path(options.json).write_text(json.dumps(data, indent=2), encoding="utf-8")
    if options.plot:
        draw(data, options.plot)


if __name__ == "__main__":
    main()
