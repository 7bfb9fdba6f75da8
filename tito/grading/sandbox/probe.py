"""The probe: real attempts to break out of the sandbox, made before it is used."""

import json
import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path

from tito.course import CHECKS, Course, Limits
from tito.edition import solved_lessons
from tito.errors import TitoError
from tito.grading.sandbox.attempts import Targets
from tito.grading.sandbox.cleanup import runtime_dir
from tito.grading.sandbox.mounts import EDITION, student_mounts
from tito.grading.sandbox.process import SandboxProcess, run_in_sandbox
from tito.grading.sandbox.tools import find_tools, remedy

__all__ = ["ProbeLine", "Start", "failure", "probe", "require_sandbox"]

PROGRAM = (sys.executable, "-P", "-m", "tito.grading.sandbox.attempts")

Start = Callable[..., SandboxProcess]
"""`run_in_sandbox`, perhaps with other mounts."""

# Small enough to be exceeded in no time, large enough for an interpreter with NumPy.
TIGHT = Limits(
    notebook_seconds=30,
    cpu_seconds=10,
    memory_mib=512,
    processes=32,
    file_mib=2,
    open_files=64,
    scratch_mib=8,
)
# The attempts that the sandbox has to end, what they are called, and the limit that must end them.
ENDLESS = {
    "compute": ("use too much CPU time", "cpu_seconds", replace(TIGHT, cpu_seconds=1)),
    "sleep": ("take too long", "notebook_seconds", replace(TIGHT, notebook_seconds=1)),
    "files": ("make too many files", "files", replace(TIGHT, files=1000)),
    "memory": ("share out too much memory", "memory_mib", TIGHT),
}
UNIT = {"files": "files", "memory": "MiB"}


@dataclass(frozen=True)
class ProbeLine:
    """One attempt: what was tried, whether the sandbox stopped it, and a detail.

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


def require_sandbox(course: Course | None = None) -> None:
    """Raise an error unless the sandbox holds; it is probed once per process.

    Parameters
    ----------
    course : Course, optional
        What is graded, whose files no submission may reach; a process grades one course.

    Raises
    ------
    TitoError
        If it cannot be built or does not hold; names what it let through and the remedy.
    """
    refusal = failure(_probed(_Grader(os.getpid(), course)))
    if refusal:
        raise refusal


@dataclass(frozen=True)
class _Grader:
    """A process that grades; a forked one is another one and probes for itself."""

    process: int
    course: Course | None = field(compare=False)


@cache
def _probed(grader: _Grader) -> list[ProbeLine]:
    return probe(course=grader.course)


def failure(lines: Iterable[ProbeLine]) -> TitoError | None:
    """Return the error that says what did not hold, or None if all did."""
    failed = [f"{line.name} ({line.detail})" for line in lines if not line.holds]
    if not failed:
        return None
    advice = f"{remedy()} `tito doctor` shows all that was tried."
    return TitoError(f"The sandbox does not hold: {'; '.join(failed)}.", advice)


def probe(start: Start = run_in_sandbox, course: Course | None = None) -> list[ProbeLine]:
    """Try to break out of the sandbox and to exceed its limits; takes one or two seconds.

    Parameters
    ----------
    start : Start
        Starts a sandbox.
    course : Course, optional
        Whose files are then to be reached, too.

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
        targets = {**_targets(course), **_servers(stack), "victim": victim.pid}
        limits = {"look": TIGHT, "honest": Limits()}
        limits |= {name: most for name, (_, _, most) in ENDLESS.items()}
        trials = [_Trial(name, most, targets, start, stack) for name, most in limits.items()]
        lines = [_seen_from_outside(line, targets) for trial in trials for line in trial.lines()]
        alive = victim.poll() is None
    return [*lines, ProbeLine("end a process of the grader", alive, "looked at from outside")]


class _Trial:
    """One run of the untrusted program; several run at a time."""

    def __init__(
        self, name: str, limits: Limits, targets: Targets, start: Start, stack: ExitStack
    ) -> None:
        self.name = name
        requests, self.replies = os.pipe(), os.pipe()
        stack.callback(os.close, self.replies[0])
        with open(requests[1], "w", encoding="utf-8") as file:
            json.dump({**targets, "limits": asdict(limits)}, file)
        try:
            descriptors = (requests[0], self.replies[1])
            self.process = start([*PROGRAM, name], limits=limits, pass_fds=descriptors)
        finally:
            os.close(requests[0])
            os.close(self.replies[1])
        stack.enter_context(self.process)

    def lines(self) -> Iterator[ProbeLine]:
        """Wait for the end and return what was found."""
        status = self.process.wait()
        said, all_gone = _read(self.replies[0])
        if self.name in ENDLESS:
            title, limit, _ = ENDLESS[self.name]
            ended_by, unit = self.process.overrun, UNIT.get(self.name, "")
            detail = f"ended by {ended_by or 'itself'}"
            detail += f" at {max(map(int, said))} {unit}" if unit and said else ""
            yield ProbeLine(title, ended_by == limit and all_gone, detail)
            return
        honest = self.name == "honest"
        yield from (ProbeLine(**json.loads(line), honest=honest) for line in said)
        if status or not said:
            yield ProbeLine("make all attempts", honest, f"exit status {status}", honest)


def _read(reader: int) -> tuple[list[str], bool]:
    """Return the lines that were written, and whether no process is left that could write more."""
    os.set_blocking(reader, False)
    text = b""
    try:
        while chunk := os.read(reader, 1 << 16):
            text += chunk
    except BlockingIOError:
        return text.decode().splitlines(), False
    return text.decode().splitlines(), True


def _seen_from_outside(line: ProbeLine, targets: Targets) -> ProbeLine:
    """Check whether a file that was made is really outside, and remove it.

    The sandbox has its own /tmp in memory, where it may write: a course below /tmp is not reached.
    """
    folder = targets["write"].get(line.name.removeprefix("write "))
    if line.stopped or folder is None:
        return line
    outside = Path(student_mounts().binds.get(folder, folder), targets["mark"])
    if not outside.exists():
        return replace(line, stopped=True, detail="it is in the sandbox's own memory")
    outside.unlink()
    return line


def _victim(stack: ExitStack) -> subprocess.Popen[bytes]:
    """Start a process of the grader that the sandbox must not reach."""
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


def _targets(course: Course | None) -> Targets:
    """Return what to try to read and to write, as far as it exists here."""
    solved = solved_lessons()
    read = {
        "the home folder": _inside(Path(os.path.expanduser("~"))),
        "the passwords": ["/etc/shadow"],
        "the grader's folder": [str(runtime_dir())],
        "the solved lessons": [str(file) for file in solved.values()],
    }
    write = {"system": "/usr/bin", "interpreter": f"{sys.prefix}/lib", "student edition": EDITION}
    if course is not None:
        read["the course"] = _inside(course.root)
        read["the checks"] = [str(path) for path in course.sources.glob(f"*/{CHECKS}")]
        read["the gradebook and the submissions"] = _inside(course.assignments)
        write["course"] = str(course.root)
    variables = [*student_mounts().environment, "PWD"]
    mark = f"tito-{secrets.token_hex(8)}"
    kept = {"read": read, "write": write, "solved": list(solved)}
    return {**kept, "variables": variables, "mark": mark}


def _inside(folder: Path) -> list[str]:
    """Return what lies in a folder, except what leads to an interpreter in it."""
    if folder == Path("/"):  # some users' home; the sandbox has a / of its own
        return []
    with suppress(OSError):
        shown = [Path(path) for path in student_mounts().binds]
        paths = (path for path in folder.iterdir())
        return [str(p) for p in paths if not any(s.is_relative_to(p) for s in shown)]
    return []
