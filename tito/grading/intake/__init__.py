"""Intake: from the files that people hand in to a notebook whose every other cell is ours."""
