"""What the author of a lesson needs: a new lesson, one taken from nbgrader, and what is wrong."""
