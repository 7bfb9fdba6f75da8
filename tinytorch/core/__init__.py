"""Generated from the lessons by `tito export`; written nowhere else."""
