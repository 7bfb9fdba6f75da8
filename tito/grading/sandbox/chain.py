"""The chain of commands, each run by the one before, that ends in a student's code.

An ordinary user: setpriv, sh, timeout, bwrap, prlimit, the command. Root puts a bwrap before
timeout and a setpriv after it: the first bwrap makes the view with root's rights, as the
interpreter may lie where only root may look, then the user id is dropped for good, because the
limit of processes does not hold for root. When one of them dies, the kernel sends the next one
SIGKILL in its name; where the user changes, that needs a sender with root's rights, which timeout
has kept and bwrap has not.
"""

import os
import secrets
from collections.abc import Sequence

from tito.grading.sandbox.descriptors import Descriptors
from tito.grading.sandbox.limits import MIB, SandboxLimits
from tito.grading.sandbox.tools import Tools
from tito.grading.sandbox.view import SCRATCH, View

__all__ = ["RUN_FOLDER", "build_chain"]

RUN_FOLDER = "/run"
"""Where a kernel's sockets and the files of `Descriptors.files` lie inside; 1 MiB in memory."""

# systemd's range for the users of a single service: no person's and no file's.
USER_IDS = range(61184, 65520)

# $1 is the grader's process id, then come a group's entrances up to --, then the command.
# That the parent still is the grader is looked at after the signal on its death has been armed.
ENTER = """
[ "$PPID" = "$1" ] || exit 125
shift
while [ "$1" != -- ]; do
    echo 0 >"$1" || exit 125
    shift
done
shift
"""
RUN = 'exec "$@"'
# What came as standard input and output becomes 3 and 4: what a student's code prints, or a
# library, cannot come between.
RUN_WITH_PIPES = 'exec "$@" 3<&0 4>&1 </dev/null >/dev/null'

NAMESPACES = (
    *("--unshare-all", "--unshare-user", "--die-with-parent", "--new-session"),
    *("--hostname", "sandbox"),
)
NO_RIGHTS = ("--disable-userns", "--cap-drop", "ALL")
PARENT_RIGHTS = ("--cap-add", "ALL")


def build_chain(
    command: Sequence[str],
    tools: Tools,
    view: View,
    limits: SandboxLimits,
    descriptors: Descriptors,
    *,
    entrances: Sequence[str] = (),
    pipes: bool = False,
    parent: bool = False,
) -> list[str]:
    """Return the argument vector that runs `command` in a sandbox.

    Parameters
    ----------
    command : Sequence[str]
        What to run, by its path inside.
    entrances : Sequence[str]
        The files through which a control group is entered.
    pipes : bool
        Whether the command gets standard input and output as the descriptors 3 and 4.
    parent : bool
        Whether the command is a warm parent, our own code: it has all rights in its namespaces, to
        make others from them, and no limits.
    """
    root = os.geteuid() == 0
    enter = ENTER + (RUN_WITH_PIPES if pipes else RUN)
    seconds = "0" if parent else str(limits.wall_seconds)  # 0: no end
    bounds = [] if parent else [tools.prlimit, *limits.resource_limits()]
    return [
        *(tools.setpriv, "--pdeathsig", "KILL"),
        *(tools.sh, "-c", enter, "sandbox", str(os.getpid()), *entrances, "--"),
        *(_view_as_root(tools, view, limits) if root else []),
        *(tools.timeout, "--foreground", "--signal=KILL", seconds),
        *(_another_user(tools) if root else []),
        *(tools.bwrap, *NAMESPACES, *(PARENT_RIGHTS if parent else NO_RIGHTS)),
        *(["--bind", "/", "/"] if root else view.arguments(limits.scratch_mib * MIB)),
        *_own_folders(limits),
        *_given_through(descriptors),
        *_variables(view),
        "--",
        *(*bounds, *command),
    ]


def _view_as_root(tools: Tools, view: View, limits: SandboxLimits) -> list[str]:
    return [
        *(tools.bwrap, "--die-with-parent", *view.arguments(limits.scratch_mib * MIB)),
        *("--bind", "/proc", "/proc", "--dev", "/dev"),
        *("--dir", RUN_FOLDER, "--remount-ro", "/", "--"),
    ]


def _another_user(tools: Tools) -> list[str]:
    """Become a user whom nobody else is and who may do nothing."""
    user = USER_IDS.start + secrets.randbelow(len(USER_IDS))
    return [
        *(tools.setpriv, f"--reuid={user}", f"--regid={user}", "--clear-groups"),
        *("--inh-caps=-all", "--bounding-set=-all", "--no-new-privs"),
        *("--pdeathsig", "KILL"),
    ]


def _own_folders(limits: SandboxLimits) -> list[str]:
    """What can be written lies in memory and has a size; bubblewrap's own /dev would have none."""
    scratch = str(limits.scratch_mib * MIB)
    return [
        *("--proc", "/proc", "--dev", "/dev"),
        *("--perms", "1777", "--size", scratch, "--tmpfs", "/dev/shm", "--remount-ro", "/dev"),
        *("--perms", "0700", "--size", str(MIB), "--tmpfs", RUN_FOLDER),
        *("--remount-ro", "/", "--chdir", SCRATCH),
    ]


def _given_through(descriptors: Descriptors) -> list[str]:
    options = ["--json-status-fd", str(descriptors.status)]
    if descriptors.filter is not None:
        options += ["--seccomp", str(descriptors.filter)]
    for path, descriptor in descriptors.files.items():
        options += ["--perms", "0600", "--file", str(descriptor), path]
    return options


def _variables(view: View) -> list[str]:
    settings = (("--setenv", name, value) for name, value in view.environment.items())
    return ["--clearenv", *(word for setting in settings for word in setting)]
