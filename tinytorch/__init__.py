"""What students import: the kernels they write and the tools they measure them with."""
