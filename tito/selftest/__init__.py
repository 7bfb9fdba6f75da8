"""What `tito test` runs: the locked cells of a student's own file, as the grader would."""
