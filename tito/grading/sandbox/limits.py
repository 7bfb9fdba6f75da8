"""What one sandbox may use, and how the kernel is told."""

from dataclasses import dataclass

from tito.course import Limits

__all__ = ["SandboxLimits"]

MIB = 1024 * 1024


@dataclass(frozen=True)
class SandboxLimits:
    """What one sandbox may use.

    Parameters
    ----------
    wall_seconds : int
        Seconds from its start until all of it is killed.
    cpu_seconds : int
        CPU seconds of each process, all its threads together.
    memory_mib : int
        MiB of memory: the address space of each process, and the whole sandbox's memory.
    processes : int
        Processes and threads at a time.
    file_mib : int
        MiB of the largest file that may be written.
    open_files : int
        Open files of each process.
    scratch_mib : int
        MiB of each of the two folders that can be written, ``/tmp`` and ``/dev/shm``.
    output_kib : int
        KiB that a kernel may send, counted where they are received.
    """

    wall_seconds: int = 120
    cpu_seconds: int = 60
    memory_mib: int = 2048
    processes: int = 128
    file_mib: int = 64
    open_files: int = 256
    scratch_mib: int = 128
    output_kib: int = 4096

    @classmethod
    def of(cls, limits: Limits) -> "SandboxLimits":
        """Take over what the section [limits] of settings.ini says."""
        return cls(
            wall_seconds=limits.notebook_seconds,
            cpu_seconds=limits.cpu_seconds,
            memory_mib=limits.memory_mib,
            processes=limits.processes,
            file_mib=limits.file_mib,
            open_files=limits.open_files,
            scratch_mib=limits.scratch_mib,
            output_kib=limits.output_kib,
        )

    def resources(self, own: int = 1) -> dict[str, tuple[int, int]]:
        """Return the limits of each process, soft and hard, by setrlimit(2)'s names.

        Parameters
        ----------
        own : int
            How many processes of the same user the sandbox itself consists of.
        """
        return {
            # The signal of the first limit tells what it was; the second one kills all the same.
            "cpu": (self.cpu_seconds, self.cpu_seconds + 1),
            "as": (self.memory_mib * MIB,) * 2,
            "nproc": (self.processes + own,) * 2,
            "fsize": (self.file_mib * MIB,) * 2,
            "nofile": (self.open_files,) * 2,
            "core": (1, 1),  # none at all: 0 would still feed a program that collects them
            "memlock": (0, 0),
            "msgqueue": (0, 0),
        }

    def resource_limits(self) -> list[str]:
        """Return the options of prlimit(1) for `resources`."""
        return [f"--{name}={soft}:{hard}" for name, (soft, hard) in self.resources().items()]
