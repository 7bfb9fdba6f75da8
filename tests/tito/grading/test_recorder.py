"""The recorder: every product in sight, and nothing left changed."""

import pickle
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tito.grading.recorder import Watch, recorded, recording

RNG = np.random.default_rng(8)
A, B = RNG.standard_normal((6, 4)), RNG.standard_normal((4, 5))
PRODUCT = A @ B

WAYS: dict[str, Callable[[Any, Any], Any]] = {
    "operator": lambda a, b: a @ b,
    "dot": np.dot,
    "method": lambda a, b: a.dot(b),
    "matmul": np.matmul,
    "matmul_out": lambda a, b: np.matmul(a, b, out=np.empty((6, 5))),
    "linalg": lambda a, b: np.linalg.multi_dot([a, b]),
    "einsum": lambda a, b: np.einsum("ik,kj->ij", a, b),
    "tensordot": lambda a, b: np.tensordot(a, b, axes=1),
    "inner": lambda a, b: np.inner(a, b.T),
    "transposed": lambda a, b: (b.T @ a.T).T,
    "broadcast": lambda a, b: (a[:, :, None] * b[None]).sum(axis=1),
    "outer": lambda a, b: sum(np.outer(a[:, k], b[k]) for k in range(4)),
    "rows": lambda a, b: np.array([row @ b for row in a]),
    "copies": lambda a, b: a.copy() @ np.ascontiguousarray(b),
    "arrays": lambda a, b: np.asarray(a) @ np.array(b, dtype=float),
    "padded": lambda a, b: (np.pad(a, 2) @ np.pad(b, 2))[2:8, 2:7],
    "lists": lambda a, b: np.array(a.tolist()) @ np.array(b.tolist()),
    "bytes": lambda a, b: np.frombuffer(a.tobytes()).reshape(6, 4) @ b,
    "filled": lambda a, b: np.concatenate([a[:2] @ b, a[2:] @ b]),
    "cast": lambda a, b: a.astype(np.float64) @ b.view(np.ndarray),
    "split": lambda a, b: np.vstack([part @ b for part in np.array_split(a, 3)]),
    "block": lambda a, b: np.block([[a @ b[:, :2], a @ b[:, 2:]]]),
    "pickled": lambda a, b: pickle.loads(pickle.dumps(a)) @ b,
}


def watch(function: Any, **options: Any) -> tuple[Watch, Any]:
    seen = Watch(16, **options)
    with recording(seen, function) as kind:
        result = function(recorded(A.copy(), kind), recorded(B.copy(), kind))
    return seen, np.ndarray.view(np.asanyarray(result), np.ndarray)


def work(seen: Watch) -> int:
    return sum(int(np.prod(product)) * times for product, times in seen.products.items())


@pytest.mark.parametrize("way", WAYS)
def test_recording_sees_a_product_taken_in_any_way(way: str) -> None:
    seen, result = watch(WAYS[way])
    assert work(seen) >= A.shape[0] * A.shape[1] * B.shape[1]
    np.testing.assert_allclose(result, 16 * PRODUCT, rtol=1e-12)


def test_recording_does_not_multiply_what_is_not_a_product() -> None:
    seen, result = watch(lambda a, b: 2 * (a + 1) - a / 3)
    assert not seen.products
    np.testing.assert_allclose(result, 2 * (A + 1) - A / 3)


def test_recording_notes_single_elements_in_order() -> None:
    seen, _ = watch(lambda a, b: a[0, 1] * b[1][2] + a[0, 1] + a.item(0, 1))
    first, second, *rest = seen.reads
    assert rest == [first, first]
    assert second != first
    assert seen.read_from == {(6, 4): 3, (5,): 1}


def test_recording_leaves_numpy_as_it_was() -> None:
    before = dict(vars(np))

    def raising(a: Any, b: Any) -> Any:
        raise KeyError

    with pytest.raises(KeyError):
        watch(raising)
    assert dict(vars(np)) == before


def test_recording_reaches_names_that_the_function_imported() -> None:
    names: dict[str, Any] = {}
    exec("from numpy import asarray as take\ndef f(a, b):\n    return take(a) @ take(b)\n", names)
    before = names["take"]
    seen, _ = watch(names["f"])
    assert work(seen) == 120
    assert names["take"] is before


def test_recording_counts_the_work_of_each_thread() -> None:
    def two(a: Any, b: Any) -> Any:
        parts = [None, None]

        def fill(t: int) -> None:
            parts[t] = a[3 * t : 3 * t + 3] @ b
            ready.wait(10)

        ready = threading.Barrier(2)
        threads = [threading.Thread(target=fill, args=(t,)) for t in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return np.vstack(parts)  # type: ignore[arg-type]

    seen, _ = watch(two)
    assert sorted(seen.work.values()) == [60, 60]


def test_recording_gives_neighbouring_products_different_factors() -> None:
    _, result = watch(lambda a, b: np.vstack([a[:3] @ b, a[3:] @ b]), vary=True)
    ratio = result / PRODUCT
    assert ratio[0, 0] != pytest.approx(ratio[5, 0])


def test_recording_gives_each_matrix_of_a_stack_a_factor() -> None:
    _, result = watch(lambda a, b: (a.reshape(2, 3, 4) @ b).reshape(6, 5), vary=True)
    ratio = result / PRODUCT
    assert ratio[0, 0] != pytest.approx(ratio[5, 0])


def test_recording_scales_integers_exactly() -> None:
    seen = Watch(8)
    whole = np.arange(6).reshape(2, 3)
    with recording(seen, max) as kind:
        result = recorded(whole, kind) @ whole.T
    np.testing.assert_array_equal(result, 8 * (whole @ whole.T))
    assert result.dtype == whole.dtype
