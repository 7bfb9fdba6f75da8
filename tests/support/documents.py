"""The shell blocks of the project's documents, and running what stands there."""

import os
import re
import subprocess
import sys
from pathlib import Path

__all__ = ["commands", "run"]

BLOCK = re.compile(r"^( *)```bash\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


def commands(text: str) -> list[str]:
    """Return the lines of a document's shell blocks, without comments."""
    lines = "".join(block for _, block in BLOCK.findall(text)).splitlines()
    return [command for line in lines if (command := line.partition("#")[0].strip())]


def run(command: str, *, expected: int = 0) -> str:
    """Run a line in a shell, with this environment's programs first, and return what it printed."""
    programs = Path(sys.executable).parent
    environment = os.environ | {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        command, shell=True, capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == expected, f"{command}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr
    return done.stdout
