"""The sandbox: student code runs in here and nowhere else, and nothing of it gets out.

`choose_sandbox` says how student code is started, `run_in_sandbox` starts one command;
`require_sandbox` refuses to go on where the sandbox does not hold. See docs/sandbox.md.
"""

from tito.grading.sandbox.mounts import Mounts, student_mounts
from tito.grading.sandbox.probe import ProbeLine, probe, require_sandbox
from tito.grading.sandbox.process import SandboxProcess, run_in_sandbox

__all__ = [
    "Mounts",
    "ProbeLine",
    "SandboxProcess",
    "probe",
    "require_sandbox",
    "run_in_sandbox",
    "student_mounts",
]
