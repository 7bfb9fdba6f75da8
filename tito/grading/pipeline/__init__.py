"""The pipeline: one submission from bytes to verdicts, and a class of them."""
