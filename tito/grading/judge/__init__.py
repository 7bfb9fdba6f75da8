"""The judge: a verdict for each graded cell, from outside the student's process."""
