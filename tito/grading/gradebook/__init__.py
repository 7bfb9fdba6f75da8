"""Everything that touches nbgrader: its course tree, its database, its own commands."""
