"""`tito nbgrader`: the instructor's way, one step a command, each repeatable."""

import click

from tito.cli import LazyGroup

__all__ = ["nbgrader"]

STEPS = ("generate", "release", "collect", "autograde", "feedback", "report", "status")


@click.group(cls=LazyGroup, modules={step: f"{__name__}.{step}" for step in STEPS})
def nbgrader() -> None:
    """Generate, release, collect, autograde, send feedback, report: on nbgrader's own gradebook."""
