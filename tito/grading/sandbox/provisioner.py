"""The provisioner: starts a Jupyter kernel in a sandbox, and ends it.

The kernel talks over sockets in the sandbox's own memory, which the grader reaches through /proc:
nothing of it lies on the machine's disk, and there is no network.
"""

import json
import secrets
import sys
from typing import Any

from jupyter_client.provisioning.provisioner_base import KernelProvisionerBase
from traitlets import Any as AnyTrait
from traitlets import Dict

from tito.grading.sandbox.chain import RUN_FOLDER
from tito.grading.sandbox.limits import SandboxLimits
from tito.grading.sandbox.process import SandboxProcess, run_in_sandbox

__all__ = ["PROVISIONER", "SandboxProvisioner"]

PROVISIONER = "tito-sandbox"
"""The provisioner's name among the entry points `jupyter_client.kernel_provisioners`."""

CONNECTION_FILE = f"{RUN_FOLDER}/kernel.json"
SOCKETS = f"{RUN_FOLDER}/kernel"
PORTS = {"shell_port": 1, "iopub_port": 2, "stdin_port": 3, "control_port": 4, "hb_port": 5}


class SandboxProvisioner(KernelProvisionerBase):
    """Starts and ends kernels in sandboxes; what a kernelspec names as its provisioner.

    Parameters
    ----------
    limits : dict
        The fields of SandboxLimits that differ from their defaults.
    start : Start
        How the sandbox is started.
    """

    limits = Dict(config=True)
    start = AnyTrait(run_in_sandbox)
    process: SandboxProcess | None = None
    _overrun = ""

    @property
    def has_process(self) -> bool:
        """Whether a kernel was launched that has not been waited for."""
        return self.process is not None

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Return the command; the environment and the folder of the grader are not the kernel's."""
        words = [*self.kernel_spec.argv, *kwargs.get("extra_arguments", ())]
        if words[0] in ("python", "python3"):  # as kernelspecs call the interpreter we run in
            words[0] = sys.executable
        return {"cmd": [word.replace("{connection_file}", CONNECTION_FILE) for word in words]}

    async def launch_kernel(self, cmd: list[str], **_: Any) -> Any:
        """Start the kernel; return how it is reached from outside."""
        inside: dict[str, Any] = {
            "transport": "ipc",
            "ip": SOCKETS,
            **PORTS,
            "signature_scheme": "hmac-sha256",
            "key": secrets.token_hex(32),
            "kernel_name": "",
        }
        self.process = self.start(
            cmd,
            limits=SandboxLimits(**self.limits),
            files={CONNECTION_FILE: json.dumps(inside).encode()},
        )
        outside = f"/proc/{self.process.pid}/root{SOCKETS}"
        return {**inside, "ip": outside, "key": inside["key"].encode()}

    async def poll(self) -> int | None:
        """Return None while the kernel runs, else its exit status."""
        return 0 if self.process is None else self.process.poll()

    async def wait(self) -> int | None:
        """Wait for the end of the whole sandbox and clear away."""
        if self.process is None:
            return 0
        status = self.process.wait()
        self._overrun = self.overrun
        self.process = None
        return status

    @property
    def overrun(self) -> str:
        """The limit that ended the kernel: a field of SandboxLimits, or none that is known."""
        return self._overrun or (self.process.overrun if self.process else "")

    def end_for(self, limit: str) -> None:
        """Kill the whole sandbox, because of this limit."""
        self._overrun = limit
        if self.process is not None:
            self.process.kill()

    async def kill(self, restart: bool = False) -> None:
        """Kill the whole sandbox."""
        if self.process is not None:
            self.process.kill()

    async def terminate(self, restart: bool = False) -> None:
        """Kill the whole sandbox: a kernel that was asked to shut down and did not gets no more."""
        await self.kill(restart)

    async def send_signal(self, signum: int) -> None:
        """Kill on SIGKILL and SIGTERM; an interrupt travels as a message, other signals not."""
        if signum in (9, 15):
            await self.kill()

    async def cleanup(self, restart: bool = False) -> None:
        """Leave nothing, however the kernel's life went."""
        await self.kill(restart)
        await self.wait()
