"""The programs that build a sandbox, and what to do where one is missing or may not work."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tito.errors import TitoError

__all__ = ["INSTALL", "Tools", "find_tools", "remedy"]

INSTALL = "sudo apt-get install bubblewrap"
OLDEST = (0, 8)  # the first bubblewrap with --disable-userns and --size

# Where a distribution keeps its programs: never what a PATH or a virtual environment puts there.
PLACES = "/usr/bin:/bin"

OFF = "or grade files that you trust with `--sandbox off`"

# Each of these settings, at this value, forbids an ordinary user the namespaces of a sandbox.
FORBIDDING = {
    "kernel/unprivileged_userns_clone": "0",
    "kernel/apparmor_restrict_unprivileged_userns": "1",
    "user/max_user_namespaces": "0",
}


@dataclass(frozen=True)
class Tools:
    """Absolute paths of bubblewrap, of two programs of util-linux, one of coreutils, and the shell.

    All of them have the same paths inside the sandbox.
    """

    bwrap: str
    setpriv: str
    prlimit: str
    timeout: str
    sh: str


@cache
def find_tools() -> Tools:
    """Return the programs that build a sandbox.

    Raises
    ------
    TitoError
        If this is not Linux, or one is missing or too old; says how to install it.
    """
    if not sys.platform.startswith("linux"):
        raise TitoError("The sandbox needs Linux.", f"Grade on a Linux machine {OFF}.")
    found = {name: shutil.which(name, path=PLACES) for name in Tools.__annotations__}
    missing = [name for name, path in found.items() if path is None]
    if missing:
        raise TitoError(
            f"The sandbox cannot be built: {', '.join(missing)} is not installed.",
            f"Install it with `{INSTALL}` {OFF}."
            if missing == ["bwrap"]
            else f"Install it with `{INSTALL} util-linux coreutils` {OFF}.",
        )
    tools = Tools(**{name: str(path) for name, path in found.items()})
    _check_version(tools.bwrap)
    return tools


def _check_version(bwrap: str) -> None:
    done = subprocess.run([bwrap, "--version"], capture_output=True, text=True, check=True)
    version = done.stdout.split()[-1]
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST:
        raise TitoError(
            f"The bubblewrap of this machine is {version}, the sandbox needs 0.8 or later.",
            f"Install a newer one {OFF}.",
        )


def remedy() -> str:
    """Return how to fix a sandbox that does not start, by the machine's settings."""
    for name, value in FORBIDDING.items():
        setting = Path("/proc/sys") / name
        if setting.exists() and setting.read_text().strip() == value:
            return (
                f"This machine forbids user namespaces ({setting} is {value}): let an "
                f"administrator allow them, {OFF}."
            )
    return (
        "Check that user namespaces are allowed on this machine (inside a container they often "
        f"are not), {OFF}."
    )
