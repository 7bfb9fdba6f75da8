"""The command line of TinyTorch Kernels and the grading behind it."""
