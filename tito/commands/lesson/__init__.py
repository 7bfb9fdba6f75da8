"""`tito lesson`: what the author of a lesson needs."""

import click

from tito.cli import LazyGroup

__all__ = ["COMMANDS", "lesson"]

COMMANDS = {name: f"{__name__}.{name}" for name in ("new", "check")}


@click.group(cls=LazyGroup, modules=COMMANDS)
def lesson() -> None:
    """Make a lesson, and check it before it is released."""
