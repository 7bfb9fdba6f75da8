"""The tests that matter as an ordinary user, when these are run by root.

The interpreter and the repository may lie where only root may look, as in /root, so the tests are
run in a mount namespace in which every folder on the way to them can be entered.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import tito
from tito.grading.sandbox.tools import find_tools

REPOSITORY = Path(tito.__file__).parents[1]
FOLDER = Path(__file__).parent
NOBODY = "65534"

CHOSEN = (
    "probe_holds or keeps_outputs or memory_of_all or files_bound or shared_memory "
    "or hides_itself or stop_a_fork_bomb or killed_leaves_nothing or no_descriptor or no_variable"
)
"""What depends on the user: rights, limits, and what the grader sees of a sandbox."""


@pytest.mark.full
@pytest.mark.skipif(os.geteuid() != 0, reason="all the other tests have run as an ordinary user")
def test_sandbox_holds_for_an_ordinary_user(tmp_path: Path) -> None:
    tools = find_tools()
    tmp_path.chmod(0o777)
    run = subprocess.run(
        [
            *(tools.bwrap, "--dev-bind", "/", "/", *_opened(tmp_path)),
            *(tools.setpriv, f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"),
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-rs"),
            *(f"--basetemp={tmp_path / 'tests'}", f"--rootdir={REPOSITORY}"),
            *("-c", str(REPOSITORY / "pyproject.toml"), f"--confcutdir={FOLDER}"),
            *("-k", CHOSEN, str(FOLDER)),
        ],
        cwd=REPOSITORY,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout[-8000:] + run.stderr[-2000:]
    assert "skipped" not in run.stdout.splitlines()[-1]


def _opened(tmp_path: Path) -> Iterator[str]:
    """Put an open folder in the place of each closed one above what must be readable."""
    needed = {Path(sys.prefix), Path(sys.base_prefix), REPOSITORY}
    needed |= {path.resolve() for path in needed} | {tmp_path}
    closed = {
        parent
        for path in needed
        for parent in path.parents
        if not parent.stat().st_mode & 0o001
        and not any(above.stat().st_mode & 0o001 == 0 for above in parent.parents)
    }
    for folder in sorted(closed):
        yield from ("--perms", "0755", "--tmpfs", str(folder))
        for path in sorted(path for path in needed if path.is_relative_to(folder)):
            for parent in reversed(path.parents):
                if parent != folder and parent.is_relative_to(folder):
                    yield from ("--perms", "0755", "--dir", str(parent))
            yield from ("--bind", str(path), str(path))
