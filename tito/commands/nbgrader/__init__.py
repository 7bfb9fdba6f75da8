"""`tito nbgrader`: the instructor's way, one step a command, each repeatable."""

from typing import Any

import click

from tito.cli import LazyGroup
from tito.errors import TitoError

__all__ = ["nbgrader"]

STEPS = (
    *("generate", "release", "collect", "extend", "autograde", "regrade", "feedback"),
    *("report", "status"),
)


class _Steps(LazyGroup):
    """The steps all use the gradebook: what its database refuses is said in two sentences."""

    def invoke(self, context: click.Context) -> Any:
        """Run the step."""
        try:
            return super().invoke(context)
        except (TitoError, click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            from tito.grading.gradebook.database import database_error

            told = database_error(error)
            if told is None:
                raise
            raise told from error


@click.group(cls=_Steps, modules={step: f"{__name__}.{step}" for step in STEPS})
def nbgrader() -> None:
    """Grade a class, step by step, in nbgrader's own gradebook."""
