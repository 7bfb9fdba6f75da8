"""Where no sandbox can be built, a person learns why and what to do."""

import os
import subprocess
import sys

from tito.grading.sandbox.tools import INSTALL, find_tools

TRY = """
from tito.errors import TitoError
from tito.grading.sandbox.probe import require_sandbox
try: require_sandbox()
except TitoError as error: print(error.fact, "|", error.remedy)
else: print("it holds")
"""


def said_in(*options: str) -> list[str]:
    """Ask for the sandbox on a machine that bubblewrap makes different; fact and remedy."""
    run = subprocess.run(
        [find_tools().bwrap, "--dev-bind", "/", "/", *options, sys.executable, "-c", TRY],
        capture_output=True,
        text=True,
        check=True,
    )
    return run.stdout.strip().split(" | ")


def test_require_sandbox_names_what_is_not_installed() -> None:
    fact, remedy = said_in("--ro-bind", os.devnull, find_tools().bwrap)
    assert fact == "The sandbox cannot be built: bwrap is not installed."
    assert f"`{INSTALL}`" in remedy
    assert "--sandbox off" in remedy


def test_require_sandbox_says_that_namespaces_are_forbidden() -> None:
    fact, remedy = said_in("--unshare-user", "--disable-userns")
    assert fact == "The sandbox did not start."
    assert "user namespaces" in remedy
    assert "--sandbox off" in remedy
