"""From a submission to a grade: intake, execution, verdicts, gradebook."""
