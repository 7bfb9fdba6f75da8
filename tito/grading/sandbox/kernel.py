"""A Jupyter kernel in the sandbox as nbclient uses it, and the count of what it sends."""

import asyncio
import sys
import time
from contextlib import suppress
from dataclasses import asdict
from queue import Empty
from typing import Any

import zmq
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.session import Session
from traitlets import Any as AnyTrait
from traitlets import Type, default

from tito.grading.sandbox.launch import SECONDS_TO_START
from tito.grading.sandbox.limits import SandboxLimits
from tito.grading.sandbox.process import Start, run_in_sandbox
from tito.grading.sandbox.provisioner import PROVISIONER, SandboxProvisioner

__all__ = ["SandboxKernelManager", "sandboxed_kernel_manager"]

ARGUMENTS = (
    "-m",
    "ipykernel_launcher",
    "-f",
    "{connection_file}",
    "--HistoryManager.enabled=False",
)

# A message is more than the output in it: its headers and the signature.
ENVELOPE = 64 * 1024

MILLISECONDS_TO_RECONNECT = 5

# How long a kernel that is dying may take from the end of its sockets to that of its sandbox.
SECONDS_TO_DIE = 0.5


class MeteredSession(Session):
    """Counts the bytes of all messages from the kernel before it looks into them."""

    meter = AnyTrait()

    def deserialize(self, msg_list: list[Any], content: bool = True, copy: bool = True) -> Any:
        """Unpack a message, unless the kernel has said more than it may."""
        if self.meter is not None:
            self.meter(sum(len(part) for part in msg_list))
        return super().deserialize(msg_list, content, copy)


class BoundedClient(AsyncKernelClient):
    """A client whose sockets hang up on a message that is too large, and that notices it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.monitors: list[zmq.Socket[Any]] = []

    def connect_iopub(self, identity: bytes | None = None) -> Any:
        """Connect the channel of the outputs."""
        return self._watched(super().connect_iopub(identity))

    def connect_shell(self, identity: bytes | None = None) -> Any:
        """Connect the channel of the replies."""
        return self._watched(super().connect_shell(identity))

    async def is_alive(self) -> bool:
        """Whether the kernel runs; only its manager knows."""
        return isinstance(self.parent, SandboxKernelManager) and await self.parent.is_alive()

    async def wait_for_ready(self, timeout: float | None = None) -> None:
        """Wait until the kernel replies and its outputs arrive; RuntimeError if it does not.

        jupyter_client's own way ends with 0.2 s of silence; here the kernel's word that it is idle
        again is the end.
        """
        deadline = time.monotonic() + (SECONDS_TO_START if timeout is None else timeout)
        while True:
            request = self.kernel_info()
            with suppress(Empty):
                reply = await self.get_shell_msg(timeout=1)
                while not _says_idle(await self.get_iopub_msg(timeout=0.2), request):
                    pass
                self._handle_kernel_info_reply(reply)
                return
            if not await self.is_alive():
                raise RuntimeError("The kernel died before it replied.")
            if time.monotonic() > deadline:
                raise RuntimeError("The kernel did not reply in time.")

    def hung_up(self) -> bool:
        """Whether a connection has ended; that of a living, honest kernel does not."""
        return any(int(monitor.get(zmq.EVENTS)) & zmq.POLLIN for monitor in self.monitors)

    def stop_channels(self) -> None:
        """Close all sockets, the monitors too."""
        while self.monitors:
            self.monitors.pop().close(linger=0)
        super().stop_channels()

    def _watched(self, socket: Any) -> Any:
        self.monitors.append(socket.get_monitor_socket(zmq.EVENT_DISCONNECTED))
        return socket


class SandboxKernelManager(AsyncKernelManager):
    """Manages a Python kernel in the sandbox, without a kernelspec on disk.

    Attributes
    ----------
    limits : SandboxLimits
        What the kernel may use.
    start : Start
        How its sandbox is started.
    """

    limits = SandboxLimits()
    start: Start = staticmethod(run_in_sandbox)
    client_factory = Type(klass=BoundedClient)
    received = 0
    _client: BoundedClient | None = None

    @property
    def kernel_spec(self) -> KernelSpec:
        """The kernel of this interpreter; it is interrupted by messages."""
        config = {"limits": asdict(self.limits), "start": self.start}
        return KernelSpec(
            argv=[sys.executable, *ARGUMENTS],
            display_name="Python in the sandbox",
            language="python",
            interrupt_mode="message",
            metadata={"kernel_provisioner": {"provisioner_name": PROVISIONER, "config": config}},
        )

    @property
    def overrun(self) -> str:
        """The limit that ended the kernel: a field of SandboxLimits, or none that is known."""
        return self._sandbox.overrun if self.provisioner else ""

    @property
    def _sandbox(self) -> SandboxProvisioner:
        assert isinstance(self.provisioner, SandboxProvisioner)
        return self.provisioner

    def write_connection_file(self, **_: Any) -> None:
        """Write nothing: the kernel gets it through a pipe, and no other process needs it."""

    def client(self, **kwargs: Any) -> Any:
        """Make a client that cannot be flooded, neither by one message nor by many."""
        client: Any = super().client(**kwargs)
        client.context.setsockopt(zmq.MAXMSGSIZE, self._most())
        # The kernel binds its sockets after we connect; each further attempt would wait 100 ms.
        client.context.setsockopt(zmq.RECONNECT_IVL, MILLISECONDS_TO_RECONNECT)
        client.session.meter = self._count
        self._client = client
        return client

    async def is_alive(self) -> bool:  # type: ignore[override]
        """Whether the kernel runs; it does not any longer once it has tried to flood us."""
        alive: bool = await super().is_alive()
        if alive and self._client is not None and self._client.hung_up():
            await asyncio.sleep(SECONDS_TO_DIE)
            alive = await super().is_alive()
            if alive:
                self._sandbox.end_for("output_kib")
                alive = await super().is_alive()
        return alive

    @default("session")
    def _metered(self) -> MeteredSession:
        return MeteredSession(parent=self)

    def _most(self) -> int:
        return self.limits.output_kib * 1024 + ENVELOPE

    def _count(self, size: int) -> None:
        self.received += size
        if self.received > self._most():
            self._sandbox.end_for("output_kib")
            # The kernel is dead and so is the wait for it; nbclient looks for itself.
            raise asyncio.CancelledError


def _says_idle(message: dict[str, Any], request: str) -> bool:
    """Whether the kernel has done all that `request`, a message's id, asked of it."""
    idle: bool = message["content"].get("execution_state") == "idle"
    return idle and bool(message["parent_header"].get("msg_id") == request)


def sandboxed_kernel_manager(
    limits: SandboxLimits | None = None, start: Start = run_in_sandbox
) -> type[SandboxKernelManager]:
    """Return a class for nbclient's `kernel_manager_class` whose kernels have these limits.

    Parameters
    ----------
    limits : SandboxLimits, optional
        What a kernel may use; default: the defaults.
    start : Start
        How its sandbox is started; default: cold, with `student_view()`.
    """
    members = {"limits": limits or SandboxLimits(), "start": staticmethod(start)}
    return type("SandboxKernelManager", (SandboxKernelManager,), members)
