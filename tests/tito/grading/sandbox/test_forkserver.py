"""The warm parent: what its children inherit, and that one which fails is replaced."""

import os
import signal
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from tito.errors import TitoError
from tito.grading.sandbox import ForkServer, SandboxLimits, student_view
from tito.grading.sandbox.birth import MODULES
from tito.grading.sandbox.chain import RUN_FOLDER
from tito.grading.sandbox.parent import MOST_REQUEST

CODE = "import os, sys\ndef say(*a): os.write(4, ' '.join(map(str, a)).encode())\n"


@pytest.fixture(scope="module")
def server() -> Iterator[ForkServer]:
    with ForkServer() as server:
        yield server


def said(server: ForkServer, code: str, limits: SandboxLimits | None = None) -> str:
    """Return what Python code writes to descriptor 4 in a child."""
    reader, writer = os.pipe()
    nothing = os.open(os.devnull, os.O_RDONLY)
    command = [sys.executable, "-c", CODE + code]
    with server.start(command, pass_fds=(nothing, writer), limits=limits) as process:
        os.close(nothing)
        os.close(writer)
        with open(reader, encoding="utf-8") as file:
            text = file.read()
        process.wait()
    return text


def parent_of(server: ForkServer) -> int:
    """The warm parent's process id out here: the only child of its sandbox's first process."""
    assert server.parent is not None
    first = server.parent.process.pid
    return int(Path(f"/proc/{first}/task/{first}/children").read_text())


def test_child_finds_the_modules_imported(server: ForkServer) -> None:
    missing = f"say([name for name in {MODULES!r} if name not in sys.modules])"
    assert said(server, missing) == "[]"


def test_child_finds_its_own_main_module_and_arguments(server: ForkServer) -> None:
    code = "say(__name__, sys.argv, 'main' in dir(), sys.modules['__main__'].__dict__ is globals())"
    assert said(server, code) == "__main__ ['-c'] False True"


def test_children_draw_different_numbers(server: ForkServer) -> None:
    code = "import random, numpy; say(random.random(), numpy.random.rand())"
    first, second = (said(server, code).split() for _ in range(2))
    assert not set(first) & set(second)


def test_child_has_no_descriptor_but_its_own(server: ForkServer) -> None:
    code = "\nfor d in range(5, 4096):\n  try: os.fstat(d)\n  except OSError: pass\n  else: say(d)"
    assert said(server, code) == ""


def test_child_leaves_nothing_in_the_parent(server: ForkServer) -> None:
    """What the parent holds in memory, every later child would inherit."""
    mark = "a mark that nothing else contains".upper()
    path = f"{RUN_FOLDER}/given"
    with server.start(["/bin/echo", mark], files={path: mark.encode()}) as process:
        assert process.wait() == 0
    parent = Path(f"/proc/{parent_of(server)}")
    with (parent / "mem").open("rb", 0) as memory:
        for line in (parent / "maps").read_text().splitlines():
            start, end = (int(address, 16) for address in line.split()[0].split("-"))
            if " rw" in line:
                memory.seek(start)
                assert mark.encode() not in memory.read(end - start), line


def test_children_of_several_threads_do_not_mix(server: ForkServer) -> None:
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda number: said(server, f"say({number})"), range(24)))
    assert answers == [str(number) for number in range(24)]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_parent_that_died_is_replaced(server: ForkServer, number: int) -> None:
    before = parent_of(server) if said(server, "say('warm')") else 0
    os.kill(before, number)
    assert said(server, "say('again')") == "again"
    assert parent_of(server) != before


def test_parent_that_was_changed_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here it comes to have one more open file: who knows what else has become of it."""
    code = "import os, signal\nopened = lambda *_: os.dup(0)\nsignal.signal(signal.SIGUSR1, opened)"
    (tmp_path / "opens.py").write_text(code)
    tmp_path.chmod(0o755)
    monkeypatch.setattr("tito.grading.sandbox.birth.MODULES", ("opens",))
    view = student_view().plus("/given", tmp_path)
    path = f"{view.environment['PYTHONPATH']}:/given"
    with ForkServer(replace(view, environment={**view.environment, "PYTHONPATH": path})) as server:
        assert said(server, "say('warm')") == "warm"
        before = parent_of(server)
        os.kill(before, signal.SIGUSR1)
        assert said(server, "say('again')") == "again"
        assert parent_of(server) != before


def test_parent_that_hangs_is_replaced(server: ForkServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tito.grading.sandbox.birth.SECONDS_TO_START", 2.0)
    assert said(server, "say('warm')") == "warm"
    before = parent_of(server)
    os.kill(before, signal.SIGSTOP)
    assert said(server, "say('again')") == "again"
    assert parent_of(server) != before


def test_parent_that_cannot_be_started_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tito.grading.sandbox.birth.PROGRAM", ("-m", "no.such.module"))
    with ForkServer() as server, pytest.raises(TitoError, match="did not start"):
        server.start(["/bin/true"])


def test_request_that_is_too_long_is_refused(server: ForkServer) -> None:
    with pytest.raises(ValueError, match="bytes"):
        server.start(["/bin/true", "x" * MOST_REQUEST])


def test_close_ends_the_children() -> None:
    with ForkServer() as server:
        process = server.start(["/bin/sleep", "600"])
        assert process.poll() is None
    assert process.wait() == 128 + signal.SIGKILL
