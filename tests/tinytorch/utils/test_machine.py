"""The machine's facts, and how unknown ones are printed."""

import dataclasses
import platform

import numpy as np
import pytest

from tinytorch.utils.machine import Machine, describe_machine
from tinytorch.utils.processor import Cache

KNOWN = Machine(
    system="Linux x86_64",
    cpu="AMD EPYC",
    cores=8,
    core_quota=None,
    memory=16 * 2**30,
    caches=(Cache("L1d", 32 * 2**10), Cache("L2", 2**20)),
    python="3.12.1",
    numpy="2.1.0",
    blas="openblas 0.3.31",
    blas_threads=8,
)
SILENT = Machine("Plan9 mips", None, None, None, 2**30, (), "3.12.1", "2.1.0", None, None)


def test_describe_machine_reads_this_one():
    machine = describe_machine()
    assert machine.python == platform.python_version()
    assert machine.numpy == np.__version__
    assert machine.system.startswith(platform.system())
    assert machine.cores >= 1


def test_machine_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        KNOWN.cpu = "faster"


def test_machine_is_printed_with_units():
    assert str(KNOWN).splitlines() == [
        "CPU     AMD EPYC",
        "cores   8 for this process",
        "caches  L1d 32.0 KiB, L2 1.00 MiB",
        "memory  16.0 GiB",
        "system  Linux x86_64",
        "Python  3.12.1, NumPy 2.1.0",
        "BLAS    openblas 0.3.31, 8 threads",
    ]


def test_machine_names_what_is_unknown():
    silent = dict(line.split(maxsplit=1) for line in str(SILENT).splitlines())
    for label in ("CPU", "caches", "BLAS"):
        assert silent[label] == "unknown"
    assert silent["cores"] == "unknown for this process"


def test_machine_names_a_containers_limit():
    limited = dataclasses.replace(KNOWN, core_quota=1.5)
    assert "8 for this process, 1.5 of them at a time" in str(limited)
