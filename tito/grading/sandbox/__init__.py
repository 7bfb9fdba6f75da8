"""The sandbox: student code runs in here and nowhere else, and nothing of it gets out.

`run_in_sandbox` starts a command, `tito.grading.sandbox.kernel` a Jupyter kernel;
`require_sandbox` refuses to go on where the sandbox does not hold. See docs/sandbox.md.
"""

from tito.grading.sandbox.forkserver import ForkServer, warm_start
from tito.grading.sandbox.limits import SandboxLimits
from tito.grading.sandbox.probing import ProbeLine, probe, require_sandbox
from tito.grading.sandbox.process import SandboxProcess, Start, run_in_sandbox
from tito.grading.sandbox.view import View, student_view

__all__ = [
    "ForkServer",
    "ProbeLine",
    "SandboxLimits",
    "SandboxProcess",
    "Start",
    "View",
    "probe",
    "require_sandbox",
    "run_in_sandbox",
    "student_view",
    "warm_start",
]
