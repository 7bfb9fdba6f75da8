"""Facts about this machine that a measurement depends on: read or measured, never assumed.

What a system does not report stays None and is printed as "unknown".
"""

import os
import platform
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinytorch.utils.blas import describe_blas
from tinytorch.utils.process import physical_bytes
from tinytorch.utils.processor import Cache, core_quota, cpu_name, data_caches, usable_cores
from tinytorch.utils.report import format_bytes

__all__ = ["Machine", "describe_machine", "environment", "machine_name"]

UNKNOWN = "unknown"


@dataclass(frozen=True)
class Machine:
    """What this machine reports about itself; None or empty where it does not.

    ``cores`` counts the logical cores that this process may run on; ``core_quota`` is how many
    of them a container may keep busy at a time (None: no limit known). Sizes are in bytes.
    """

    system: str
    cpu: str | None
    cores: int | None
    core_quota: float | None
    memory: int
    caches: tuple[Cache, ...]
    python: str
    numpy: str
    blas: str | None
    blas_threads: int | None

    def __str__(self) -> str:
        quota = "" if self.core_quota is None else f", {self.core_quota:g} of them at a time"
        threads = f", {self.blas_threads} threads" if self.blas_threads else ""
        lines = {
            "CPU": self.cpu or UNKNOWN,
            "cores": f"{self.cores or UNKNOWN} for this process{quota}",
            "caches": ", ".join(map(str, self.caches)) or UNKNOWN,
            "memory": format_bytes(self.memory),
            "system": self.system,
            "Python": f"{self.python}, NumPy {self.numpy}",
            "BLAS": f"{self.blas or UNKNOWN}{threads}",
        }
        return "\n".join(f"{label:<8}{text}" for label, text in lines.items())


def describe_machine() -> Machine:
    """Return what this machine reports about itself."""
    blas, threads = describe_blas()
    return Machine(
        system=f"{platform.system()} {platform.machine()}",
        cpu=cpu_name(),
        cores=usable_cores(),
        core_quota=core_quota(),
        memory=physical_bytes(),
        caches=data_caches(),
        python=platform.python_version(),
        numpy=np.__version__,
        blas=blas,
        blas_threads=threads,
    )


def machine_name() -> str:
    """Return the machine in a line, for a title."""
    machine = describe_machine()
    return f"{machine.cpu or machine.system}, {machine.cores} cores, {machine.blas}"


def environment() -> dict[str, Any]:
    """Return what a figure depends on beside the code: None where it is unknown.

    ``cpu``, ``cores`` for this process, ``caches`` in bytes by name, ``blas`` and its
    ``blas_threads``, and ``load``: the programs that wanted to run, over the last minute.
    """
    machine = describe_machine()
    return {
        "cpu": machine.cpu,
        "cores": machine.cores,
        "caches": {cache.name: cache.size for cache in machine.caches},
        "blas": machine.blas,
        "blas_threads": machine.blas_threads,
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
    }
