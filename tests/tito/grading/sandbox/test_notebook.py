"""A notebook that runs in the sandbox: its kernel, its limits, and what is taken from it."""

import json
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from cells import notebook_of, statuses

from tito.course import Limits
from tito.grading.judge.connection import Launch, Process, launch_plain
from tito.grading.sandbox import notebook
from tito.grading.sandbox.mode import SandboxMode
from tito.grading.sandbox.notebook import run_notebook
from tito.grading.verdicts import Execution

LIMITS = Limits()
ALIVE = ("test-alive", "print(x)")
DEFINE = ("define", "x = 'alive'")


def sandboxed(*cells: tuple[str, str], limits: Limits = LIMITS) -> Execution:
    return SandboxMode("bwrap").run_notebook(notebook_of(*cells), limits)


def printed(execution: Execution, name: str) -> str:
    cell = next(cell for cell in execution.notebook.cells if cell.id == name)
    return "".join(output.get("text", "") for output in cell.outputs).strip()


@pytest.mark.parametrize("mode", ["bwrap", pytest.param("off", marks=pytest.mark.full)])
def test_run_notebook_keeps_outputs_and_outcomes(mode: str) -> None:
    cells = notebook_of(DEFINE, ALIVE, ("test-b", "1 / 0"), ("test-c", "6 * 7"))
    execution = SandboxMode(mode).run_notebook(cells, LIMITS)
    assert statuses(execution) == {
        "define": "ok",
        "test-alive": "ok",
        "test-b": "error",
        "test-c": "ok",
    }
    assert printed(execution, "test-alive") == "alive"
    assert execution.outcomes["test-b"].ename == "ZeroDivisionError"
    assert cells.cells[3].outputs[0].data == {"text/plain": "42"}
    assert cells.cells[3].execution_count == 4


@pytest.mark.full
def test_run_notebook_leaves_out_what_it_is_told() -> None:
    cells = notebook_of(DEFINE, ("test-a", "x = 3"), ALIVE)
    execution = SandboxMode("bwrap").run_notebook(cells, LIMITS, {"test-a"})
    assert statuses(execution) == {"define": "ok", "test-alive": "ok"}
    assert printed(execution, "test-alive") == "alive"


ALLOWED = {
    "edition": ("import tinytorch; print(tinytorch.__file__)", "/edition/tinytorch/__init__.py"),
    "tests": (f"import os; print(os.path.exists({str(Path(__file__))!r}))", "False"),
    "network": (
        """
import socket
try: socket.create_connection(("127.0.0.1", 22), 1)
except OSError as error: print(type(error).__name__)
""",
        "ConnectionRefusedError",
    ),
    "rights": (
        'print([l.split()[1] for l in open("/proc/self/status") if "CapEff" in l])',
        "['0000000000000000']",
    ),
    "threads": (
        """
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(8) as pool: print(sum(pool.map(abs, range(10))))
""",
        "45",
    ),
    "processes": (
        """
from multiprocessing import get_context
with get_context("fork").Pool(4) as pool: print(pool.map(abs, range(3)))
""",
        "[0, 1, 2]",
    ),
    "driver": ("import signal; os.kill(os.getppid(), signal.SIGKILL); print('tried')", "tried"),
    "left": (
        "if os.fork() == 0:\n  os.setsid()\n  import time; time.sleep(600)\nprint('forked')",
        "forked",
    ),
}
"""What a notebook may do and what not: a cell's source and what it prints, in one kernel."""


def test_notebook_has_what_honest_work_needs_and_no_more() -> None:
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    cells = [(name, source) for name, (source, _) in ALLOWED.items()]
    execution = sandboxed(*cells, ("test-solution", "import tinytorch.core.kernels"))
    after = {child.pid for child in psutil.Process().children(recursive=True)}
    assert {name: printed(execution, name) for name in ALLOWED} == {
        name: said for name, (_, said) in ALLOWED.items()
    }
    assert execution.outcomes["test-solution"].ename == "ModuleNotFoundError"
    assert after <= before


@pytest.mark.parametrize(
    "source",
    [
        "while True: print('x' * 999, flush=True)",
        pytest.param("print('x' * 9_000_000)", marks=pytest.mark.full),
    ],
)
def test_notebook_that_prints_too_much_says_so_and_goes_on(source: str) -> None:
    execution = sandboxed(DEFINE, ("test-a", source), ALIVE, limits=replace(LIMITS, output_kib=64))
    assert execution.outcomes["test-a"].evalue == "the notebook printed more than it may"
    assert execution.outcomes["test-alive"].status == "ok"


def test_notebook_that_makes_too_many_files_says_so_and_goes_on() -> None:
    source = "for n in range(10**7): open(f'/tmp/{n}', 'w').close()"
    execution = sandboxed(DEFINE, ("test-a", source), ALIVE, limits=replace(LIMITS, files=3000))
    assert execution.outcomes["test-a"].evalue == "the notebook made more files than it may"
    assert execution.outcomes["test-alive"].status == "ok"


def test_notebook_that_takes_too_long_says_so() -> None:
    limits = replace(LIMITS, notebook_seconds=4)
    execution = sandboxed(DEFINE, ("test-a", "import time; time.sleep(99)"), ALIVE, limits=limits)
    for cell in ("test-a", "test-alive"):
        ended = execution.outcomes[cell]  # skipped if the machine was too busy to come to it
        assert ended.status in ("died", "timeout", "skipped")
        assert "longer" in ended.evalue or "used up" in ended.evalue


def forging(*lines: Any) -> Callable[..., Any]:
    """A launcher whose process answers with lines of a student's."""

    class Forger:
        overrun = ""

        def kill(self) -> None:
            """It has ended."""

        def wait(self) -> int:
            return 0

    def launch(command: object, descriptors: tuple[int, int]) -> Forger:
        texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
        with suppress(BrokenPipeError):
            os.write(descriptors[1], "".join(f"{text}\n" for text in texts).encode())
        return Forger()

    return lambda limits: launch


def reply(name: str = "test-a", **fields: Any) -> dict[str, Any]:
    outcome = {"status": "ok", "ename": "", "evalue": ""}
    return {"cell": name, "outcome": outcome, "outputs": [], "execution_count": 1} | fields


STREAM = {"output_type": "stream", "name": "stdout", "text": "said"}


def taken(*lines: Any, limits: Limits = LIMITS) -> Execution:
    return run_notebook(notebook_of(("test-a", ""), ALIVE), limits, set(), forging(*lines))


@pytest.mark.parametrize(
    "line",
    [
        "no JSON",
        "[" * 50_000,
        "[]",
        "{}",
        reply("another cell"),
        reply(outcome="ok"),
        reply(outcome={"status": "splendid", "ename": "", "evalue": ""}),
        reply(outputs=7),
        reply(outputs=[7]),
        reply(outputs=[{"data": 7}]),
    ],
)
def test_run_notebook_takes_no_report_that_is_none(line: Any) -> None:
    execution = taken(line)
    assert statuses(execution) == {"test-a": "died", "test-alive": "died"}


def test_run_notebook_takes_the_first_report_of_a_cell() -> None:
    error = {"status": "error", "ename": "E", "evalue": ""}
    execution = taken(reply(outputs=[STREAM]), reply(outcome=error), reply("test-alive"))
    assert statuses(execution) == {"test-a": "ok", "test-alive": "ok"}
    assert printed(execution, "test-a") == "said"


def test_run_notebook_takes_only_valid_outputs_and_no_deep_ones() -> None:
    deep: Any = 1
    for _ in range(500):
        deep = [deep]
    bundle = {"text/plain": "shown", "application/x+json": deep}
    outputs = [
        {"output_type": "../../etc", "data": {}},
        {"output_type": "display_data", "data": bundle, "metadata": {"deep": deep}},
        STREAM | {"name": "elsewhere", "text": 7},
    ]
    execution = taken(reply(outputs=outputs), reply("test-alive", execution_count="1"))
    first, second = execution.notebook.cells
    assert [output.data for output in first.outputs] == [{"text/plain": "shown"}]
    assert first.outputs[0].metadata == {}
    assert second.execution_count is None


def test_run_notebook_stops_reading_what_is_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebook, "MOST_TEXT", 1)
    limits = replace(LIMITS, output_kib=1)
    execution = taken(reply(outputs=[STREAM] * 999), limits=limits)
    assert {outcome.evalue for outcome in execution.outcomes.values()} == {
        "the notebook printed more than it may"
    }


def test_run_notebook_runs_a_cell_once_more_whose_sandbox_was_killed_from_outside() -> None:
    launched: list[Process] = []

    def launcher(limits: Limits) -> Launch:
        def launch(command: Sequence[str], descriptors: tuple[int, int]) -> Process:
            launched.append(launch_plain(command, descriptors))
            if len(launched) == 1:
                launched[0].kill()
            return launched[-1]

        return launch

    execution = run_notebook(notebook_of(DEFINE, ALIVE), LIMITS, set(), launcher)
    assert statuses(execution) == {"define": "ok", "test-alive": "ok"}
    assert len(launched) == 2
