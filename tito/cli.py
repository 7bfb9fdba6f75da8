"""The command `tito`: one group, whose commands are imported when they are called."""

import importlib
from collections.abc import Mapping
from difflib import get_close_matches
from importlib.util import find_spec
from typing import Any

import click

import tito.startup  # noqa: F401 (before commands import what is slow)
from tito.errors import TitoError, file_error

__all__ = ["LazyGroup", "main"]

COMMANDS = {
    "doctor": "tito.commands.doctor",
    "export": "tito.commands.export",
    "handout": "tito.commands.handout",
    "lesson": "tito.commands.lesson",
    "nbgrader": "tito.commands.nbgrader",
    "notebook": "tito.commands.notebook",
    "profile": "tito.commands.profile",
    "roster": "tito.commands.roster",
    "status": "tito.commands.status",
    "submit": "tito.commands.submit",
    "test": "tito.commands.test",
}


class LazyGroup(click.Group):
    """A group that imports a command's module when the command is asked for.

    Parameters
    ----------
    modules : mapping of str to str
        The commands' names and the modules that define them, under the modules' own names.
    """

    def __init__(self, *args: Any, modules: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.modules = modules

    def list_commands(self, context: click.Context) -> list[str]:
        """Return the commands in the order of the group's table; a handout has not all."""
        return [name for name, module in self.modules.items() if find_spec(module)]

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Import and return the command `name`, or None where there is none."""
        if name not in self.list_commands(context):
            return None
        module = self.modules[name]
        attribute = module.rpartition(".")[2]
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def resolve_command(self, context: click.Context, args: list[str]) -> Any:
        """Find the command; for a name that is misspelt, say which one could be meant."""
        try:
            return super().resolve_command(context, args)
        except click.UsageError as error:
            close = get_close_matches(args[0], self.list_commands(context), 1)
            if not close:
                raise
            told = f"{error.message} Did you mean {close[0]}?"
            raise click.UsageError(told, context) from None

    def invoke(self, context: click.Context) -> Any:
        """Run the command; what a person can fix ends it with two sentences and no traceback."""
        try:
            return super().invoke(context)
        except TitoError as error:
            raise _Shown(error) from error
        except OSError as error:
            told = file_error(error)
            if told is None:
                raise
            raise _Shown(told) from error
        except (KeyboardInterrupt, click.Abort) as stop:
            click.echo(err=True)  # behind the terminal's own ^C
            raise _Shown(TitoError("Stopped.", "Run the same command again to finish.")) from stop


class _Shown(click.exceptions.Exit):
    """Ends the command with the error's exit code once the error is printed."""

    def __init__(self, error: TitoError) -> None:
        super().__init__(error.exit_code)
        click.echo(f"tito: {error}", err=True)


@click.group(cls=LazyGroup, modules=COMMANDS)
@click.version_option(package_name="tinytorch-kernels", prog_name="tito")
def main() -> None:
    """Work on the lessons of TinyTorch: test, measure, export, grade.

    LESSON is a lesson's name, number or folder: kernels, 11 or 11_kernels.
    """
