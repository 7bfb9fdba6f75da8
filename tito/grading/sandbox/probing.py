"""The probe: try for real whether the sandbox holds, before anything is entrusted to it."""

import json
import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tito.course import Course
from tito.errors import TitoError
from tito.grading.sandbox.hostile import Targets
from tito.grading.sandbox.janitor import own_folder
from tito.grading.sandbox.limits import SandboxLimits
from tito.grading.sandbox.process import Start, run_in_sandbox
from tito.grading.sandbox.tools import find_tools, remedy
from tito.grading.sandbox.view import EDITION, student_view

__all__ = ["ProbeLine", "probe", "probed", "refuse", "require_sandbox", "seen_from_outside"]

PROGRAM = ("-m", "tito.grading.sandbox.hostile")

# Small enough to be overrun in no time, large enough for an interpreter.
TIGHT = SandboxLimits(
    wall_seconds=30,
    cpu_seconds=10,
    memory_mib=512,
    processes=32,
    file_mib=2,
    open_files=64,
    scratch_mib=8,
)
LIMITS = {
    "look": TIGHT,
    "burn": SandboxLimits(wall_seconds=30, cpu_seconds=1),
    "sleep": SandboxLimits(wall_seconds=1),
    "leave": TIGHT,
    "honest": SandboxLimits(),
}
# Attempts that cannot report on themselves, and what the other runs are called if they break off.
DOES = {
    "look": "break off the attempts",
    "burn": "use too much CPU time",
    "sleep": "take too long",
    "leave": "leave a process behind",
    "honest": "honest work",
}
# What must have ended those attempts that do not report on themselves.
ENDED_BY = {"burn": "cpu_seconds", "sleep": "wall_seconds"}


@dataclass(frozen=True)
class ProbeLine:
    """One attempt: what was tried, whether the sandbox stopped it, and what came of it.

    An honest one must not be stopped, every other must.
    """

    name: str
    stopped: bool
    detail: str
    honest: bool = False

    @property
    def holds(self) -> bool:
        """Whether the sandbox did what it should."""
        return self.stopped != self.honest


def require_sandbox(start: Start = run_in_sandbox) -> None:
    """Refuse to go on unless the sandbox holds; each way to start it is probed once in a process.

    Raises
    ------
    TitoError
        If it cannot be built or does not hold; names what it let through and the remedy.
    """
    refusal = refuse(probed(os.getpid(), start))  # type: ignore[arg-type]  # functions are
    if refusal:
        raise refusal


@cache
def probed(process: int, start: Start) -> list[ProbeLine]:
    """Return what a `probe` finds; a forked grader, another process, tries for itself."""
    return probe(start)


def refuse(lines: Iterable[ProbeLine]) -> TitoError | None:
    """Return the error that says what did not hold, or None if all did."""
    failed = [f"{line.name} ({line.detail})" for line in lines if not line.holds]
    if not failed:
        return None
    advice = f"{remedy()} `tito doctor` shows all that was tried."
    return TitoError(f"The sandbox does not hold: {'; '.join(failed)}.", advice)


def probe(start: Start = run_in_sandbox) -> list[ProbeLine]:
    """Try to break out of the sandbox and to overrun its limits; takes two or three seconds.

    Parameters
    ----------
    start : Start
        How the sandboxes to try are started; default: cold, with `student_view()`.

    Returns
    -------
    list[ProbeLine]
        What was tried, hostile and honest.

    Raises
    ------
    TitoError
        If the sandbox cannot be built on this machine.
    """
    with ExitStack() as stack:
        victim = _victim(stack)
        targets = {**_targets(), **_servers(stack), "victim": victim.pid}
        trials = [_Trial(name, targets, start, stack) for name in LIMITS]
        lines = [seen_from_outside(line, targets) for trial in trials for line in trial.lines()]
        alive = victim.poll() is None
    return [*lines, ProbeLine("end a process of the grader", alive, "looked at from outside")]


def seen_from_outside(line: ProbeLine, targets: Targets) -> ProbeLine:
    """Look whether a file that was made is really out here, and remove it.

    A course below /tmp lies, for the sandbox, in its own memory, where it may write.
    """
    folder = targets["write"].get(line.name.removeprefix("write "))
    if line.stopped or folder is None:
        return line
    outside = Path(student_view().binds.get(folder, folder), targets["mark"])
    if not outside.exists():
        return replace(line, stopped=True, detail="it is in the sandbox's own memory")
    outside.unlink()
    return line


class _Trial:
    """One run of the untrusted program; several run at a time."""

    def __init__(self, name: str, targets: Targets, start: Start, stack: ExitStack) -> None:
        self.name = name
        limits = LIMITS[name]
        requests, self.replies = os.pipe(), os.pipe()
        stack.callback(os.close, self.replies[0])
        with open(requests[1], "w", encoding="utf-8") as file:
            json.dump({**targets, **asdict(limits)}, file)
        try:
            self.process = start(
                [sys.executable, *PROGRAM, name],
                limits=limits,
                pass_fds=(requests[0], self.replies[1]),
            )
        finally:
            os.close(requests[0])
            os.close(self.replies[1])
        stack.enter_context(self.process)

    def lines(self) -> Iterator[ProbeLine]:
        """Wait for the end and say what came of it."""
        status = self.process.wait()
        reports, all_gone = _read(self.replies[0])
        if self.name in ENDED_BY:
            ended_by = self.process.overrun
            stopped = ended_by == ENDED_BY[self.name]
            yield ProbeLine(DOES[self.name], stopped, f"ended by {ended_by or 'itself'}")
        elif self.name == "leave":
            yield ProbeLine(DOES[self.name], all_gone and bool(reports), f"exit status {status}")
        else:
            honest = self.name == "honest"
            yield from (ProbeLine(**report, honest=honest) for report in reports)
            if status:
                yield ProbeLine(DOES[self.name], honest, f"exit status {status}", honest)


def _read(reader: int) -> tuple[list[dict[str, Any]], bool]:
    """Return what was reported, and whether nobody is left who could report more."""
    os.set_blocking(reader, False)
    content = b""
    with suppress(BlockingIOError):
        while chunk := os.read(reader, 1 << 16):
            content += chunk
        return [json.loads(line) for line in content.splitlines()], True
    return [json.loads(line) for line in content.splitlines()], False


def _victim(stack: ExitStack) -> subprocess.Popen[bytes]:
    """Start a process of the grader's that the sandbox must not reach."""
    read_end, write_end = os.pipe()
    stack.callback(os.close, write_end)
    victim = subprocess.Popen(
        [find_tools().sh, "-c", "read -r _"], stdin=read_end, start_new_session=True
    )
    os.close(read_end)
    stack.callback(victim.wait)
    stack.callback(victim.kill)
    return victim


def _servers(stack: ExitStack) -> Targets:
    """Listen where a sandbox without its own network would get through."""
    tcp = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    unix = stack.enter_context(socket.socket(socket.AF_UNIX))
    abstract = f"tito-{secrets.token_hex(8)}"
    unix.bind("\0" + abstract)
    unix.listen()
    return {"tcp": tcp.getsockname()[1], "abstract": abstract}


def _targets() -> Targets:
    """Name what there is to read and to write; only what exists here is worth an attempt."""
    package = find_spec("tinytorch")
    solved = Path(str(package.origin if package else "")).parent / "core" / "kernels.py"
    read = {
        "the home folder": _inside(Path(os.path.expanduser("~"))),
        "the passwords": ["/etc/shadow"],
        "the grader's folder": [str(own_folder())],
        "the solved kernels": [str(solved)],
    }
    write = {"system": "/usr/bin", "interpreter": f"{sys.prefix}/lib", "student edition": EDITION}
    with suppress(TitoError):
        course = Course.find()
        read["the course"] = _inside(course.root)
        read["the checks"] = [str(path) for path in course.sources.glob("*/checks.py")]
        read["the gradebook and the submissions"] = _inside(course.assignments)
        write["course"] = str(course.root)
    variables = [*student_view().environment, "PWD"]
    mark = f"tito-{secrets.token_hex(8)}"
    return {"read": read, "write": write, "variables": variables, "mark": mark}


def _inside(folder: Path) -> list[str]:
    """What lies in a folder, but for the way to an interpreter that lies in it."""
    if folder == Path("/"):  # some users' home; the sandbox has a / of its own
        return []
    with suppress(OSError):
        shown = [Path(path) for path in student_view().binds]
        paths = (path for path in folder.iterdir())
        return [str(p) for p in paths if not any(s.is_relative_to(p) for s in shown)]
    return []
