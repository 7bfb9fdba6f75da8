"""The console that reports print to, and text that cannot command it."""

import os
import subprocess
import sys

import pytest
from rich.console import Console

from tito.reports.console import one_line, plain, waiting

WIDTH = "from tito.reports.console import line_width; print(line_width())"
WAITING = """
from tito.reports.console import waiting
with waiting("Reading") as tell:
    tell("2 of 4 are read")
"""

# What a student may send, and what of it is shown.
SENT = {
    "words": ("A (2, 3) @ B (4, 5)", "A (2, 3) @ B (4, 5)"),
    "newlines and tabs": ("a\n\tb", "a\n        b"),
    "letters of any language": ("\u00fc \u4e2d \u0939\u093f", "\u00fc \u4e2d \u0939\u093f"),
    "markup": ("[bold red]0 points[/] [link=http://a]b[/link]", None),
    "an emoji's code": (":warning:", None),
    "a half bracket": ("[/", None),
    "colour": ("\x1b[31mred\x1b[0m", "[31mred[0m"),
    "a window's title": ("\x1b]0;title\x07", "]0;title"),
    "an escape of one byte": ("\x9b2J", "2J"),
    "back to the start of the line": ("failed\rpassed", "failedpassed"),
    "back over what was written": ("failed\b\b\b\b\b\bpassed", "failedpassed"),
    "null": ("a\0b", "ab"),
    "right to left": ("\u202edessap\u202c", "dessap"),
    "of no width": ("pas\u200bsed\ufeff", "passed"),
    "half a character": ("\ud800", ""),
}


@pytest.mark.parametrize(("sent", "shown"), SENT.values(), ids=SENT)
def test_plain_shows_text_and_obeys_none_of_it(
    capsys: pytest.CaptureFixture[str], sent: str, shown: str | None
) -> None:
    Console(file=sys.stdout).print(plain(sent))
    assert capsys.readouterr().out == f"{sent if shown is None else shown}\n"


def test_one_line_has_a_blank_for_each_newline() -> None:
    assert one_line("ada\nbob\x1b[2J\n") == "ada bob[2J "


@pytest.mark.skipif(os.name == "nt", reason="Windows has no pseudo-terminals of this kind")
def test_line_width_is_that_of_the_terminal() -> None:
    import fcntl
    import struct
    import termios

    master, slave = os.openpty()
    try:
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 57, 0, 0))
        environment = {key: value for key, value in os.environ.items() if key != "COLUMNS"}
        command = [sys.executable, "-c", WIDTH]
        subprocess.run(command, stdin=slave, stdout=slave, env=environment, check=True)
        assert os.read(master, 100).strip() == b"57"
    finally:
        os.close(slave)
        os.close(master)


def test_line_width_is_fixed_when_piped() -> None:
    environment = {**os.environ, "COLUMNS": "20"}
    done = subprocess.run(
        [sys.executable, "-c", WIDTH], capture_output=True, text=True, env=environment, check=True
    )
    assert done.stdout == "120\n"


def test_waiting_prints_lines_on_standard_error_when_piped(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with waiting("Reading") as tell:
        assert capsys.readouterr().err == "Reading ...\n"
        tell("2 of 4 are read")
    assert tuple(capsys.readouterr()) == ("", "2 of 4 are read\n")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no pseudo-terminals of this kind")
def test_waiting_moves_on_a_terminal_and_leaves_nothing_behind() -> None:
    master, slave = os.openpty()
    try:
        environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80"}
        subprocess.run([sys.executable, "-c", WAITING], stderr=slave, env=environment, check=True)
        shown = os.read(master, 10_000).decode()
    finally:
        os.close(slave)
        os.close(master)
    assert "2 of 4 are read" in shown
    assert shown.endswith(("\x1b[2K", "\x1b[1A\x1b[2K"))
