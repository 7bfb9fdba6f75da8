"""The warm parent: has imported what a kernel and a worker need, and forks sandboxed children.

Started in a sandbox of its own as ``python -m tito.grading.sandbox.parent MODULE ...`` with a
socket as descriptor 3. Each message on it carries the descriptors of one child to be: the socket
on which the grader talks to that child, its two pipes and its standard error. The parent reads
nothing else, so nothing that ever belonged to a submission is in the memory that children inherit.

A child is three processes. The *guard* stays among the parent's processes, holds the sandbox to
its time and reports its end. The *first* process of the new namespaces shuts itself in, forks, and
waits for what is left behind. The last is what the student's code runs in.
"""

import gc
import json
import os
import runpy
import select
import signal
import socket
import sys
from contextlib import suppress
from fcntl import F_DUPFD, fcntl
from importlib import import_module
from importlib.abc import InspectLoader
from importlib.util import find_spec
from types import ModuleType
from typing import Any, TypeAlias

from tito.grading.sandbox import system
from tito.grading.sandbox.confinement import confine, leave_namespaces
from tito.grading.sandbox.limits import SandboxLimits
from tito.grading.sandbox.seccomp import filter_program

__all__ = ["CONTROL", "MOST_REQUEST", "main", "run"]

CONTROL = 3
"""The descriptor on which the parent is asked for children."""

MOST_REQUEST = 1 << 17
"""Bytes of the longest request for a child."""

MOST_DESCRIPTORS = 1 << 16
ABOVE = 24  # no descriptor that is open in a child is as high

PROGRAMS = ("ipykernel_launcher", "tito.grading.worker")
"""What children mostly run."""

Programs: TypeAlias = dict[str, ModuleType]
CODE = "code of this module"  # no name that a module could have

FAILED, NOT_FOUND = 125, 127
"""The exit status of a child that could not be shut in, or whose program is not there: env(1)."""


def main(modules: list[str]) -> tuple[list[str], Programs]:
    """Import `modules`, then fork a child for each message until there are no more.

    Returns
    -------
    list[str], dict of str to module
        In a child, the command that it is to run, and the programs that need not be read first; in
        the parent nothing.
    """
    environment = dict(os.environ)
    for name in modules:
        with suppress(ImportError):  # what is not installed, a student cannot import either
            import_module(name)
    os.environ.clear()  # of what a module has put there
    os.environ.update(environment)
    filter_program()
    programs = {name: _main_module(name) for name in PROGRAMS}
    control = socket.socket(fileno=CONTROL)
    gc.collect()
    gc.freeze()  # else the first collection of a child copies every page
    state = _state()
    control.send(b"warm")
    while True:
        _reap()
        message, descriptors, _, _ = socket.recv_fds(control, 1, 4)
        if not message:
            break
        sound = _state(len(descriptors)) == state
        if os.fork() == 0:
            control.close()
            return _guard(descriptors, sound=sound), programs
        for descriptor in descriptors:
            os.close(descriptor)
    _reap(0)  # those that still run end when the grader wants
    return [], {}


def _main_module(name: str) -> ModuleType:
    """Return what ``python -m NAME`` runs as ``__main__``, compiled, and not yet run."""
    spec = find_spec(name)
    assert spec is not None
    assert isinstance(spec.loader, InspectLoader)
    module = ModuleType("__main__")
    vars(module).update(__spec__=spec, __file__=spec.origin, __package__=spec.parent)
    vars(module)[CODE] = spec.loader.get_code(name)
    return module


def _state(received: int = 0) -> tuple[object, ...]:
    """What must be the same before each fork: threads, open files, modules and the environment."""
    threads, opened = (len(os.listdir(f"/proc/self/{name}")) for name in ("task", "fd"))
    return threads, opened - received, len(sys.modules), dict(os.environ), os.getcwd()


def _reap(how: int = os.WNOHANG) -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, how)[0]:
            pass


def _guard(descriptors: list[int], *, sound: bool) -> list[str]:
    """Start the sandbox, end it when its time is over, and report its exit status.

    Only in the process that is to run the command this returns.
    """
    grader = socket.socket(fileno=descriptors[0])
    request = json.loads(grader.recv(MOST_REQUEST))
    if not sound:
        os._exit(FAILED)
    parent = os.getppid()
    leave_namespaces()
    system.set_parent_death_signal(signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(FAILED)
    alive, held = os.pipe()
    first = os.fork()
    if first == 0:
        os.close(held)
        return _first(grader, descriptors[1:], request, alive)
    for descriptor in (alive, *descriptors[1:]):
        os.close(descriptor)
    handle = os.pidfd_open(first)
    if not select.select([handle], [], [], request["limits"]["wall_seconds"])[0]:
        os.kill(first, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(first, 0)[1])
    with suppress(OSError):  # a grader that has gone needs no report
        grader.send(json.dumps(status).encode())
    os._exit(0)


def _first(
    grader: socket.socket, descriptors: list[int], request: dict[str, Any], alive: int
) -> list[str]:
    """Shut this process in, fork the one that this returns in, and end when that does."""
    try:
        _end_with_guard(alive)
        grader.send(b"born")  # the kernel adds our process id, as the grader sees it
        if not grader.recv(1):  # the grader has put us into a control group
            os._exit(FAILED)
        limits = SandboxLimits(**request["limits"])
        folders = {path: (size, mode) for path, size, mode in request["folders"]}
        confine(limits, folders, request["kept"], request["files"], filter_program())
        _end_with_guard(alive)
        grader.send(b"stands")
        child = os.fork()
    except BaseException:
        sys.excepthook(*sys.exc_info())
        os._exit(FAILED)
    if child:
        os.closerange(0, MOST_DESCRIPTORS)
        os._exit(_wait_for(child))
    os.setsid()
    grader.detach()
    _take(descriptors)
    command: list[str] = request["command"]
    return command


def _end_with_guard(alive: int) -> None:
    """Die with the guard; whether it lives still, the pipe tells that only it holds open."""
    system.set_parent_death_signal(signal.SIGKILL)
    if select.select([alive], [], [], 0)[0]:
        os._exit(FAILED)


def _wait_for(child: int) -> int:
    """Reap all that ends here until the child does; return its status, 128 + n for signal n."""
    while True:
        pid, status = os.wait()
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            return 128 - code if code < 0 else code


def _take(given: list[int]) -> None:
    """Standard error is the first; 3 and 4 are the pipes, if any; nothing else stays open."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    placed = [nowhere, nowhere, *given]
    raised = [fcntl(descriptor, F_DUPFD, ABOVE) for descriptor in placed]
    for place, descriptor in enumerate(raised):
        os.dup2(descriptor, place)
    os.closerange(len(raised), MOST_DESCRIPTORS)


def run(command: list[str], programs: Programs) -> None:
    """Do what executing `command` would do, without a new interpreter if it names this one."""
    program, *words = command
    words = words[1:] if words[:1] == ["-P"] else words
    if program != sys.executable or words[:1] not in (["-m"], ["-c"]):
        _execute(command)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()  # the children must not all draw the same
    option, what, *arguments = words
    sys.argv = [option, *arguments]
    if option == "-m" and what not in programs:
        runpy.run_module(what, run_name="__main__", alter_sys=True)
        return
    module = programs[what] if option == "-m" else ModuleType("__main__")
    code = vars(module).pop(CODE, None) or compile(what, "<string>", "exec")
    sys.modules["__main__"] = module
    exec(code, vars(module))


def _execute(command: list[str]) -> None:
    try:
        os.execv(command[0], command)
    except FileNotFoundError:
        sys.exit(NOT_FOUND)


if __name__ == "__main__":
    work, programs = main(sys.argv[1:])
    if work:
        run(work, programs)
