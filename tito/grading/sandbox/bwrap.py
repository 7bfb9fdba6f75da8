"""The bwrap command: the programs that start a student's code, each run by the one before.

An ordinary user: setpriv, sh, timeout, bwrap, prlimit, the command. Root puts a bwrap before
timeout and a setpriv after it: the first bwrap mounts the files with root's rights, as the
interpreter may lie where only root may look, then the user id is dropped for good, because the
limit of processes does not hold for root. When one of them dies, the kernel sends SIGKILL
to the next one with its rights; where the user changes, that needs root's rights, which timeout has
kept and bwrap has not.
"""

import os
import secrets
from collections.abc import Sequence

from tito.course import Limits
from tito.files import MIB
from tito.grading.sandbox.mounts import SCRATCH, SHARED_MEMORY, Mounts
from tito.grading.sandbox.tools import Tools

__all__ = ["bwrap_command"]

# systemd's range for the users of a single service: no person's and no file's.
USER_IDS = range(61184, 65520)

# $1 is the grader's process id, then come a group's cgroup.procs files up to --, then the command.
# That the parent still is the grader is checked after the signal on its death has been armed.
# Standard input and output become 3 and 4, so that what a student's code or a library prints is
# not mixed with them.
ENTER = """
[ "$PPID" = "$1" ] || exit 125
shift
while [ "$1" != -- ]; do
    echo 0 >"$1" || exit 125
    shift
done
shift
exec "$@" 3<&0 4>&1 </dev/null >/dev/null
"""

NAMESPACES = (
    *("--unshare-all", "--unshare-user", "--disable-userns", "--cap-drop", "ALL"),
    # The command is the first process: none inside can end it, and none outlives its kill(-1).
    # bubblewrap's own first process would outlive it, and all others could write to its memory.
    *("--die-with-parent", "--new-session", "--hostname", "sandbox", "--as-pid-1"),
)


def bwrap_command(
    command: Sequence[str],
    tools: Tools,
    mounts: Mounts,
    limits: Limits,
    *,
    status: int,
    call_filter: int | None,
    procs_files: Sequence[str],
) -> list[str]:
    """Return the argument vector that runs `command` in a sandbox.

    Parameters
    ----------
    command : Sequence[str]
        What to run, by its path inside.
    status : int
        The descriptor that takes bubblewrap's report, as JSON.
    call_filter : int or None
        The descriptor that holds the filter of system calls.
    procs_files : Sequence[str]
        The cgroup.procs files of the control group to enter.
    """
    root = os.geteuid() == 0
    scratch = limits.scratch_mib * MIB
    return [
        *(tools.setpriv, "--pdeathsig", "KILL"),
        *(tools.sh, "-c", ENTER, "sandbox", str(os.getpid()), *procs_files, "--"),
        *(_mounted_by_root(tools, mounts, scratch) if root else []),
        *(tools.timeout, "--foreground", "--signal=KILL", str(limits.notebook_seconds)),
        *(_another_user(tools) if root else []),
        *(tools.bwrap, *NAMESPACES),
        *(["--bind", "/", "/"] if root else mounts.arguments(scratch)),
        *("--proc", "/proc", "--dev", "/dev"),  # bubblewrap's own /dev has no limit of size
        *("--perms", "1777", "--size", str(scratch), "--tmpfs", SHARED_MEMORY),
        *("--remount-ro", "/dev", "--remount-ro", "/", "--chdir", SCRATCH),
        *("--json-status-fd", str(status)),
        *([] if call_filter is None else ["--seccomp", str(call_filter)]),
        "--clearenv",
        *(word for pair in mounts.environment.items() for word in ("--setenv", *pair)),
        "--",
        *(tools.prlimit, *_resource_limits(limits), *command),
    ]


def _mounted_by_root(tools: Tools, mounts: Mounts, scratch: int) -> list[str]:
    return [
        *(tools.bwrap, "--die-with-parent", *mounts.arguments(scratch)),
        *("--bind", "/proc", "/proc", "--dev", "/dev", "--remount-ro", "/", "--"),
    ]


def _another_user(tools: Tools) -> list[str]:
    """Return the options that change to a user without rights and without other processes."""
    user = USER_IDS.start + secrets.randbelow(len(USER_IDS))
    return [
        *(tools.setpriv, f"--reuid={user}", f"--regid={user}", "--clear-groups"),
        *("--inh-caps=-all", "--bounding-set=-all", "--no-new-privs"),
        *("--pdeathsig", "KILL"),
    ]


def _resource_limits(limits: Limits) -> list[str]:
    """Return prlimit's options: the limits of each process, soft and hard."""
    bounds = {
        # The signal of the soft limit shows which limit it was; the hard one kills in any case.
        "cpu": (limits.cpu_seconds, limits.cpu_seconds + 1),
        "as": (limits.memory_mib * MIB,) * 2,
        "nproc": (limits.processes,) * 2,
        "fsize": (limits.file_mib * MIB,) * 2,
        "nofile": (limits.open_files,) * 2,
        "core": (1, 1),  # none at all: 0 would still feed a program that collects them
        "memlock": (0, 0),
        "msgqueue": (0, 0),
    }
    return [f"--{name}={soft}:{hard}" for name, (soft, hard) in bounds.items()]
