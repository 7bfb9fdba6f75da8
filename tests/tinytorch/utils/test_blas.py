"""NumPy's BLAS, known to threadpoolctl or not."""

from contextlib import contextmanager

import numpy as np
import pytest

from tinytorch.utils import blas
from tinytorch.utils.blas import describe_blas, one_blas_thread


def pool(path, api="openblas", user="blas", version="0.3.31", threads=4):
    return {
        "filepath": path,
        "internal_api": api,
        "user_api": user,
        "version": version,
        "num_threads": threads,
    }


@pytest.fixture
def pools(monkeypatch):
    """The pools that threadpoolctl finds; limiting them changes their threads."""
    found = []

    @contextmanager
    def limits(count, user_api):
        limited = [one for one in found if one["user_api"] == user_api]
        before = [one["num_threads"] for one in limited]
        for one in limited:
            one["num_threads"] = count
        yield
        for one, threads in zip(limited, before, strict=True):
            one["num_threads"] = threads

    monkeypatch.setattr(blas, "threadpool_info", lambda: found)
    monkeypatch.setattr(blas, "threadpool_limits", limits)
    return found


def test_describe_blas_finds_numpys_among_several(pools):
    pools += [
        pool("/lib/libgomp.so", api="openmp", user="openmp", threads=8),
        pool("/site-packages/scipy.libs/libopenblas.so", version="0.3.1"),
        pool("/site-packages/numpy.libs/libopenblas.so", threads=2),
    ]
    assert describe_blas() == ("openblas 0.3.31", 2)


def test_describe_blas_without_a_version(pools):
    pools.append(pool("/lib/libblis.so", api="blis", version=None, threads=1))
    assert describe_blas() == ("blis", 1)


@pytest.mark.usefixtures("pools")
def test_describe_blas_that_is_unknown_names_what_numpy_was_built_with():
    name, threads = describe_blas()
    assert name.startswith(np.show_config(mode="dicts")["Build Dependencies"]["blas"]["name"])
    assert threads is None


@pytest.mark.usefixtures("pools")
def test_describe_blas_is_none_where_nothing_is_known(monkeypatch):
    monkeypatch.setattr(np, "show_config", lambda mode: {})
    assert describe_blas() == (None, None)


def test_one_blas_thread_holds_inside_and_restores(pools):
    pools.append(pool("numpy/libopenblas.so", threads=4))
    with one_blas_thread() as held:
        assert held
        assert describe_blas()[1] == 1
    assert describe_blas()[1] == 4


@pytest.mark.usefixtures("pools")
def test_one_blas_thread_cannot_hold_an_unknown_blas():
    with one_blas_thread() as held:
        assert not held
