"""The command `tito`: quick to answer, short about mistakes, loud about bugs."""

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from shell import Tito

from tito.cli import COMMANDS, LazyGroup, main
from tito.commands.lesson import COMMANDS as LESSON
from tito.commands.nbgrader import STEPS
from tito.course import Course

# What costs a noticeable time to import, by the name of the top-level package.
HEAVY = {
    *("IPython", "fastcore", "jinja2", "jupyter_client", "jupytext", "matplotlib", "nbclient"),
    *("nbconvert", "nbdev", "nbformat", "nbgrader", "numpy", "psutil", "rich", "sqlalchemy"),
    *("tinytorch", "traitlets", "zmq"),
}
IMPORTED = """
import sys
from tito.cli import main
try:
    main(sys.argv[1:])
finally:
    print(*sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
"""

EVERY_COMMAND = [
    [],
    *([name] for name in COMMANDS),
    *(["nbgrader", step] for step in STEPS),
    *(["lesson", name] for name in LESSON),
]

# Wrong usage, and the word of the message that says what is wrong.
MISUSED = {
    "command": (["grade"], "No such command 'grade'"),
    "step": (["nbgrader", "grade", "kernels"], "No such command 'grade'"),
    "misspelt": (["statsu"], "No such command 'statsu'. Did you mean status?"),
    "time": (["nbgrader", "extend", "kernels", "ada", "soon"], "is no time like 3d"),
    "no reason": (["nbgrader", "regrade", "kernels"], "Say why, as in --reason"),
    "option": (["test", "kernels", "--fast"], "No such option"),
    "format": (["nbgrader", "report", "kernels", "--format", "pdf"], "'pdf' is not one of"),
    "size": (["profile", "kernels", "--size", "0"], "0 is not in the range"),
    "size in words": (["profile", "kernels", "--size", "big"], "'big' is not a valid integer"),
    "path to collect": (["nbgrader", "collect", "kernels", "nowhere"], "'nowhere' does not exist"),
    "no name": (["lesson", "new"], "Missing argument 'NAME'"),
    "no notebook": (["lesson", "import"], "Missing argument 'NOTEBOOK'"),
    "no lesson": (["test"], "Missing argument 'LESSON'"),
    "too much": (["doctor", "kernels"], "unexpected extra argument (kernels)"),
}

BROKEN_COMMAND = """
import click

@click.command()
def broken():
    raise KeyError("a bug")
"""


def named(commands: list[list[str]]) -> list[str]:
    return [" ".join(["tito", *command]) for command in commands]


@pytest.mark.parametrize("stop", [KeyboardInterrupt, click.Abort])
@pytest.mark.parametrize("command", [["doctor"], ["nbgrader", "report"]], ids=" ".join)
def test_a_command_that_is_stopped_says_how_to_go_on(
    command: list[str], stop: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    @click.command()
    def stopped() -> None:
        raise stop

    commands = {"doctor": stopped, "report": stopped}
    find = LazyGroup.get_command
    monkeypatch.setattr(
        LazyGroup, "get_command", lambda self, c, name: commands.get(name) or find(self, c, name)
    )
    done = CliRunner().invoke(main, command)
    said = "\ntito: Stopped. Run the same command again to finish.\n"
    assert (done.exit_code, done.stderr) == (1, said)


@pytest.mark.parametrize("group", [[], ["nbgrader"], ["lesson"]], ids=" ".join)
def test_a_list_of_commands_cuts_no_sentence_off(group: list[str]) -> None:
    done = CliRunner().invoke(main, [*group, "--help"], terminal_width=80)
    commands = done.output.partition("Commands:")[2].splitlines()[1:]
    assert [line for line in commands if not line.endswith(".") or "..." in line] == []


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["--version"], ["nbgrader", "--help"], ["test", "--help"], ["profile", "--help"]],
    ids=" ".join,
)
def test_tito_answers_without_importing_anything_heavy(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED, *arguments], capture_output=True, text=True, check=True
    )
    assert "click" in done.stderr.split()
    assert not HEAVY & set(done.stderr.split())


def test_tito_names_its_version(tito: Tito) -> None:
    assert tito("--version").stdout == f"tito, version {version('tinytorch-kernels')}\n"


@pytest.mark.parametrize("command", EVERY_COMMAND, ids=named(EVERY_COMMAND))
def test_tito_explains_each_command(command: list[str]) -> None:
    result = CliRunner().invoke(main, [*command, "--help"], prog_name="tito")
    assert result.exit_code == 0
    assert result.stdout.startswith(f"Usage: {' '.join(['tito', *command])} ")
    assert result.stderr == ""


def test_tito_lists_every_command_with_a_line_about_it() -> None:
    lines = CliRunner().invoke(main, ["--help"]).stdout.partition("Commands:\n")[2].splitlines()
    about = {name: rest for name, _, rest in (line.strip().partition(" ") for line in lines)}
    assert list(about) == list(COMMANDS)
    assert all(about.values())


@pytest.mark.parametrize(("arguments", "reason"), MISUSED.values(), ids=MISUSED)
def test_tito_says_in_one_sentence_what_is_used_wrongly(
    plain_course: Course, arguments: list[str], reason: str
) -> None:
    result = CliRunner().invoke(main, arguments)
    *_, message = result.stderr.rstrip().splitlines()
    assert message.startswith("Error: ")
    assert reason in message
    assert (result.exit_code, result.stdout) == (2, "")


APART = ("collect", "extend", "regrade")
LONG = [
    *(
        ["doctor"],
        ["export", "layers"],
        ["handout", "out"],
        ["nbgrader", "collect", "kernels", "."],
    ),
    ["nbgrader", "extend", "kernels", "ada", "3d"],
    ["nbgrader", "regrade", "kernels", "--reason", "A check."],
    *(["nbgrader", step, "kernels"] for step in STEPS if step not in APART),
]


FIRST_WORDS = """
import os, sys
from tito.cli import main

class First:
    def write(self, text):
        if not text:  # as click tries out what it may write
            raise TypeError
        print(text, "nbgrader.api" in sys.modules, flush=True)
        os._exit(0)

    flush = isatty = lambda self: None

sys.stderr = First()
main(sys.argv[1:])
"""


@pytest.mark.parametrize("command", LONG, ids=named(LONG))
def test_tito_says_it_before_nbgrader_is_imported(course: Course, command: list[str]) -> None:
    """The import alone takes two seconds on a busy machine."""
    done = subprocess.run(
        [sys.executable, "-c", FIRST_WORDS, *command],
        cwd=course.root,
        capture_output=True,
        text=True,
    )
    assert done.stdout.split()[-2:] == ["...", "False"]


def test_tito_prints_a_persons_mistake_without_a_traceback(
    plain_course: Course, tito: Tito
) -> None:
    plain_course.root.joinpath("mine.py").write_text("# %%\nx = 1\n", encoding="utf-8")
    done = tito("export", "kernels", "mine.py")
    assert done.stderr.splitlines()[1:] == [
        "tito: mine.py has no cell kernels-imports. Take it again from the release."
    ]
    assert (done.returncode, done.stdout) == (1, "")


def test_tito_keeps_the_traceback_of_a_bug(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text(BROKEN_COMMAND, encoding="utf-8")
    script = "from tito.cli import LazyGroup; LazyGroup('tito', modules={'broken': 'broken'})()"
    done = subprocess.run(
        [sys.executable, "-c", script, "broken"], cwd=tmp_path, capture_output=True, text=True
    )
    assert "Traceback" in done.stderr
    assert done.stderr.rstrip().endswith("KeyError: 'a bug'")
    assert done.returncode == 1
