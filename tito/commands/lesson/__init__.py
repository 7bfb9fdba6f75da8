"""`tito lesson`: what the author of a lesson needs."""

import click

from tito.cli import LazyGroup

__all__ = ["COMMANDS", "lesson"]

COMMANDS = {
    "new": f"{__name__}.new",
    "import": f"{__name__}.imported",  # a keyword cannot be the name of a module
    "check": f"{__name__}.check",
}


@click.group(cls=LazyGroup, modules=COMMANDS)
def lesson() -> None:
    """Make, import and check a lesson."""
