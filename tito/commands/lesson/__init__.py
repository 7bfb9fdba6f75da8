"""`tito lesson`: what the author of a lesson needs."""

import click

from tito.cli import LazyGroup

__all__ = ["lesson"]


@click.group(cls=LazyGroup, modules={"check": f"{__name__}.check"})
def lesson() -> None:
    """Check a lesson before it is released."""
