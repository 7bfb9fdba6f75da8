"""What locked cells import: every condition that is graded, and nothing that is not."""

import importlib
import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tinytorch.core.layers import check_operands
from tito.conditions.results import try_here
from tito.tools import conditions

RELEASED = {
    "tito.tools.conditions": ("check", "square"),
    "tito.tools.testing": ("check", "run_module_tests_auto"),
    "tito.tools.pictures": (),
    "tinytorch.core.layers": ("check_operands", "matmul_naive"),
    "tinytorch.utils.blas": ("one_blas_thread",),
    "tinytorch.utils.caches": ("SimulatedCache", "miss_rate"),
    "tinytorch.utils.checking": ("assert_multiplies", "assert_rejects", "random_matrix"),
    "tinytorch.utils.experiments": (),
    "tinytorch.utils.figures": (),
    "tinytorch.utils.ladder": ("climb",),
    "tinytorch.utils.limits": (),
    "tinytorch.utils.machine": ("describe_machine",),
    "tinytorch.utils.pictures": (),
    "tinytorch.utils.predictions": ("Predictions",),
    "tinytorch.utils.profiler": ("SimpleProfiler", "profile_function"),
}
"""What notebooks import that students have, of whatever release."""
CHECKS = Path(__file__).resolve().parents[3] / "modules/source/11_kernels/checks.py"


@pytest.fixture(scope="module")
def checks() -> Mapping[str, Any]:
    spec = importlib.util.spec_from_file_location("kernels_checks", CHECKS)
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: Mapping[str, Any] = module.CHECKS
    return found


@pytest.mark.parametrize("module", RELEASED)
def test_what_released_notebooks_import_is_there(module: str) -> None:
    found = importlib.import_module(module)
    assert [name for name in RELEASED[module] if not hasattr(found, name)] == []


def test_conditions_are_those_that_are_graded(checks: Mapping[str, Any]) -> None:
    graded = {share.condition.__name__ for check in checks.values() for share in check.shares}
    assert graded == set(conditions.__all__) - {"PRODUCT", "Check", "Share", "check"}


def test_conditions_can_be_tried_where_the_kernel_is(checks: Mapping[str, Any]) -> None:
    def matmul_vectorized(A: Any, B: Any) -> Any:
        check_operands(A, B)
        return np.array([row @ B for row in A], np.result_type(A, B)).reshape(len(A), B.shape[1])

    shares = checks["test-vectorized-immediate"].shares
    results = try_here(matmul_vectorized, {s.condition: s.points for s in shares})
    assert [r.condition for r in results if r.verdict != "passed"] == ["no_python_loop"]
    assert sum(r.points for r in results) == 7
