"""A PostgreSQL server of our own, for a test: started, restarted and ended with it."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

__all__ = ["Server", "running_server"]

NOBODY = 65534
DEBIAN = "/usr/lib/postgresql"


class Server:
    """A server that listens on a socket in a folder of its own.

    Parameters
    ----------
    folder : Path
        Empty; it belongs to the user that the server runs as.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        options = ("--auth=trust", "--username=tito", "--no-sync", "--encoding=UTF8")
        self._run("initdb", "-D", str(folder / "data"), *options)

    @property
    def url(self) -> str:
        """The database's URL, for settings.ini."""
        return f"postgresql+psycopg://tito@/postgres?host={self.folder}"

    def start(self) -> None:
        """Start, and return when it answers."""
        settings = f"-k {self.folder} -c listen_addresses='' -c fsync=off"
        self._control("start", "-o", settings, "-l", str(self.folder / "log"))

    def stop(self, mode: str = "fast") -> None:
        """End: ``fast`` breaks connections off, ``immediate`` is a crash."""
        self._control("stop", "-m", mode)

    def _control(self, what: str, *options: str) -> None:
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-w", *options, what)

    def _run(self, program: str, *arguments: str) -> None:
        """Run one of the server's programs; none of them runs as root."""
        user = os.stat(self.folder).st_uid
        become = ["setpriv", f"--reuid={user}", "--clear-groups"] if os.geteuid() == 0 else []
        command = [*become, _find(program), *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/")


@contextmanager
def running_server() -> Iterator[Server]:
    """Run a server inside the block."""
    folder = Path(tempfile.mkdtemp(prefix="tito-postgres-"))
    try:
        if os.geteuid() == 0:
            os.chown(folder, _ordinary_user(), -1)
        folder.chmod(0o755)
        server = Server(folder)
        server.start()
        try:
            yield server
        finally:
            server.stop("immediate")
    finally:
        shutil.rmtree(folder)


def _ordinary_user() -> int:
    try:
        return pwd.getpwnam("nobody").pw_uid
    except KeyError:
        return NOBODY


def _find(program: str) -> str:
    """Debian keeps the server's programs where no PATH leads."""
    places = sorted(map(str, Path(DEBIAN).glob("*/bin")), reverse=True)
    found = shutil.which(program) or shutil.which(program, path=os.pathsep.join(places))
    if not found:
        pytest.skip(f"{program} is not installed: sudo apt-get install postgresql")
    return found
