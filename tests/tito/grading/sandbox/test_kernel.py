"""A notebook's kernel in the sandbox, driven by nbclient as the grading drives it."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError
from nbformat.v4 import new_code_cell, new_notebook

from tito.grading.sandbox import SandboxLimits, Start
from tito.grading.sandbox.kernel import SandboxKernelManager, sandboxed_kernel_manager

Kernel = Callable[..., AbstractContextManager[NotebookClient]]


@pytest.fixture
def kernel(start: Start) -> Kernel:
    """Return what starts a kernel in a sandbox, and ends it with the block."""

    @contextmanager
    def client(limits: SandboxLimits | None = None) -> Iterator[NotebookClient]:
        client = NotebookClient(
            new_notebook(),
            kernel_name="python3",
            kernel_manager_class=sandboxed_kernel_manager(limits, start),
            allow_errors=True,
            shutdown_kernel="immediate",
        )
        with client.setup_kernel():
            yield client

    return client


def execute(client: NotebookClient, source: str) -> list[Any]:
    cell = new_code_cell(source)
    client.nb.cells.append(cell)
    client.execute_cell(cell, len(client.nb.cells) - 1)
    return list(cell.outputs)


def printed(client: NotebookClient, source: str) -> str:
    return "".join(output.get("text", "") for output in execute(client, source)).strip()


def manager(client: NotebookClient) -> SandboxKernelManager:
    assert isinstance(client.km, SandboxKernelManager)
    return client.km


def test_kernel_runs_cells_end_to_end(kernel: Kernel) -> None:
    with kernel() as client:
        assert printed(client, "import tinytorch; print(tinytorch.__file__)").startswith("/edition")
        (result,) = execute(client, "import numpy as np; float((np.ones((3, 3)) @ np.ones(3))[0])")
        assert result["data"]["text/plain"] == "3.0"
        (error,) = execute(client, "1 / 0")
        assert error["ename"] == "ZeroDivisionError"
        (missing,) = execute(client, "import tinytorch.core.kernels")
        assert missing["ename"] == "ModuleNotFoundError"


def test_kernel_has_no_network_and_no_right(kernel: Kernel) -> None:
    source = """
import os, socket
try: socket.create_connection(("127.0.0.1", 22), 1)
except OSError as error: print(type(error).__name__)
print(os.listdir("/tmp"), [l.split()[1] for l in open("/proc/self/status") if "CapEff" in l])
"""
    with kernel() as client:
        said = printed(client, source)
    assert said.splitlines()[0] == "ConnectionRefusedError"
    assert said.endswith("['0000000000000000']")


def test_kernel_is_interrupted_by_a_message(kernel: Kernel) -> None:
    with kernel() as client:
        client.timeout = 1
        client.interrupt_on_timeout = True
        (error,) = execute(client, "while True: pass")
        assert error["ename"] == "KeyboardInterrupt"
        client.timeout = None
        assert printed(client, "print('alive')") == "alive"


@pytest.mark.parametrize(
    ("limits", "source", "overrun"),
    [
        (SandboxLimits(wall_seconds=4), "import time; time.sleep(600)", "wall_seconds"),
        (SandboxLimits(cpu_seconds=4), "while True: pass", "cpu_seconds"),
        (SandboxLimits(output_kib=256), "while True: print('x' * 999, flush=True)", "output_kib"),
        # One message that is too large is hung up on; many small ones are counted.
        (SandboxLimits(output_kib=256), "print('x' * 9_000_000)", "output_kib"),
        (SandboxLimits(), "import os, signal; os.kill(os.getpid(), signal.SIGKILL)", ""),
    ],
)
def test_kernel_dies_of_its_limits(
    limits: SandboxLimits, source: str, overrun: str, kernel: Kernel
) -> None:
    with kernel(limits) as client:
        watched = manager(client)
        with pytest.raises(DeadKernelError):
            execute(client, source)
        assert watched.overrun == overrun


def test_kernel_survives_what_a_limit_only_refuses(kernel: Kernel) -> None:
    with kernel(SandboxLimits(memory_mib=1024)) as client:
        (error,) = execute(client, "x = bytearray(2 << 30)")
        assert error["ename"] == "MemoryError"
        assert printed(client, "print('alive')") == "alive"


def test_kernel_honest_threads_and_a_pool_work(kernel: Kernel) -> None:
    source = """
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
with ThreadPoolExecutor(8) as pool: print(sum(pool.map(abs, range(10))))
with get_context("fork").Pool(4) as pool: print(pool.map(abs, range(3)))
"""
    with kernel() as client:
        assert printed(client, source) == "45\n[0, 1, 2]"


def test_kernel_leaves_no_process_and_no_file(kernel: Kernel) -> None:
    with kernel() as client:
        watched = manager(client)
        execute(
            client, "import os\nif os.fork() == 0:\n  os.setsid()\n  import time; time.sleep(600)"
        )
        assert watched.has_kernel
        assert watched.ip.startswith("/proc/")
    assert not watched.has_kernel
    assert not os.path.lexists(watched.connection_file)
    assert not os.path.lexists(f"{watched.ip}-1")


def test_kernel_starts_after_one_that_died(kernel: Kernel) -> None:
    for _ in range(2):
        with kernel() as client, pytest.raises(DeadKernelError):
            execute(client, "import os; os._exit(1)")


def test_provisioner_serves_a_kernelspec_on_disk(tmp_path: Path, kernel: Kernel) -> None:
    """As stock nbgrader would use it: Jupyter's own manager, found by the entry point."""
    spec = {
        "argv": ["python", "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": "Python in the sandbox",
        "language": "python",
        "interrupt_mode": "message",
        "metadata": {
            "kernel_provisioner": {
                "provisioner_name": "tito-sandbox",
                "config": {"limits": {"processes": 32}},
            }
        },
    }
    (tmp_path / "sandboxed").mkdir()
    (tmp_path / "sandboxed" / "kernel.json").write_text(json.dumps(spec))
    manager = AsyncKernelManager(
        kernel_name="sandboxed",
        kernel_spec_manager=KernelSpecManager(kernel_dirs=[str(tmp_path)]),
        connection_file=str(tmp_path / "connection.json"),
    )
    client = NotebookClient(new_notebook(), km=manager)
    with client.setup_kernel(cleanup_kc=True):
        assert printed(client, "import tito; print(tito.__file__)").startswith("/edition")
    assert not (tmp_path / "connection.json").exists()
