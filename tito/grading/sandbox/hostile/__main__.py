"""Make one set of attempts: ``python -m tito.grading.sandbox.hostile SET``.

It reads what there is to attack as JSON from descriptor 3 and writes one JSON line an attempt to
descriptor 4.
"""

import json
import os
import sys
from collections.abc import Callable

from tito.grading.sandbox.hostile import Attempt, Stopped, Targets, honest, overrun, reach

__all__ = ["SETS"]

SETS: dict[str, Callable[[Targets], dict[str, Attempt]]] = {
    "look": lambda targets: {
        **{f"read {name}": reach.read(paths) for name, paths in targets["read"].items()},
        "import the solved kernels": reach.import_solution,
        **{f"write {name}": reach.write(path) for name, path in targets["write"].items()},
        "connect to a server on this machine": reach.connect_tcp,
        "connect to another machine": reach.connect_outside,
        "connect to an abstract Unix socket": reach.connect_abstract,
        "open a socket to the hypervisor": reach.open_vsock,
        "see another process": reach.see_process,
        "kill another process": reach.kill_process,
        "hold a capability": reach.hold_capabilities,
        "become root": reach.become_root,
        "make a user namespace": reach.make_user_namespace,
        "mount a file system": reach.mount,
        "trace a process": reach.trace,
        "make uncounted memory": overrun.remember_secretly,
        "inherit an open file": reach.inherit_files,
        "inherit a variable": reach.inherit_variables,
        "allocate too much memory": overrun.allocate,
        "write too large a file": overrun.write_large_file,
        "fill the scratch folder": overrun.fill_scratch,
        "fill the shared memory": overrun.fill_shared_memory,
        "fill /dev": overrun.fill_devices,
        "open too many files": overrun.open_many_files,
        "start too many threads": overrun.start_many_threads,
        "start too many processes": overrun.start_many_processes,
    },
    "burn": lambda _: {"use too much CPU time": overrun.burn},
    "sleep": lambda _: {"take too long": overrun.sleep},
    "leave": lambda _: {"leave a process behind": overrun.leave_process},
    "honest": lambda _: {
        "threads": honest.use_threads,
        "a pool of processes": honest.use_pool,
        "NumPy": honest.use_numpy,
        "the student edition": honest.use_package,
    },
}

# Anything else is a mistake in an attempt, which then has not been stopped by the sandbox.
REFUSALS = (Stopped, OSError, MemoryError, ModuleNotFoundError, RuntimeError)


def _main() -> None:
    with open(3, encoding="utf-8") as file:
        targets = json.load(file)
    for name, attempt in SETS[sys.argv[1]](targets).items():
        stopped, detail = _make(attempt, targets)
        line = {"name": name, "stopped": stopped, "detail": detail}
        os.write(4, json.dumps(line).encode() + b"\n")


def _make(attempt: Attempt, targets: Targets) -> tuple[bool, str]:
    try:
        return False, attempt(targets)
    except Exception as error:
        return isinstance(error, REFUSALS), f"{type(error).__name__}: {error}"


if __name__ == "__main__":
    _main()
