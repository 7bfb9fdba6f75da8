"""Pools of processes: where they run, how they are lost and made anew, and that they end."""

import os
import subprocess
import sys
import time
from concurrent.futures import CancelledError
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from tito.errors import TitoError
from tito.grading.workers import is_lost
from tito.grading.workers.dask import Cluster
from tito.grading.workers.pool import LocalPool


def test_a_lost_pool_is_known_and_works_again_once_replaced() -> None:
    with closing(LocalPool(1)) as pool:
        process = pool.submit(os.getpid).result()
        os.kill(process, 9)
        with pytest.raises(BrokenProcessPool) as lost:
            pool.submit(time.sleep, 600).result()
        assert is_lost(lost.value)
        pool.replace()
        assert pool.submit(os.getpid).result() != process


def test_close_ends_what_is_under_way() -> None:
    pool = LocalPool(1)
    process = psutil.Process(pool.submit(os.getpid).result())
    pool.submit(time.sleep, 600)
    pool.close()
    process.wait(30)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no fork server")
def test_ctrl_c_while_the_workers_are_made_ready_prints_no_traceback(tmp_path: Path) -> None:
    interrupted = "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n"
    tmp_path.joinpath("interrupted.py").write_text(interrupted, encoding="utf-8")
    code = (
        "import os\n"
        "from tito.grading.workers import pool\n"
        "if __name__ == '__main__':\n"
        "    pool.PRELOADED = ('interrupted',)\n"
        "    one = pool.LocalPool(1)\n"
        "    print(one.submit(os.getpid).result() > 0)\n"
        "    one.close()\n"
    )
    places = os.pathsep.join([str(tmp_path), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": places},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "True\n", done.stderr
    assert "KeyboardInterrupt" not in done.stderr


def test_workers_end_with_a_grader_that_is_killed() -> None:
    code = (
        "import os, sys, time\n"
        "from tito.grading.workers.pool import LocalPool\n"
        "if __name__ == '__main__':\n"
        "    pool = LocalPool(1)\n"
        "    print(pool.submit(os.getpid).result(), flush=True)\n"
        "    pool.submit(time.sleep, 600)\n"
        "    time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as grader:
        assert grader.stdout is not None
        worker = psutil.Process(int(grader.stdout.readline()))
        grader.kill()
    worker.wait(30)


@pytest.mark.parametrize(
    ("error", "lost"),
    [(BrokenProcessPool(), True), (CancelledError(), True), (OSError(), False)],
)
def test_is_lost(error: BaseException, lost: bool) -> None:
    assert is_lost(error) is lost


def test_a_cluster_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tito.grading.workers.dask.SECONDS_TO_CONNECT", 1.0)
    with pytest.raises(TitoError, match="No scheduler answers at tcp://127.0.0.1:9"):
        Cluster("tcp://127.0.0.1:9")


def test_a_cluster_without_distributed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(TitoError, match="needs Dask's distributed") as told:
        Cluster("tcp://127.0.0.1:9")
    assert told.value.exit_code == 2
    assert "pip install -e '.[dask]'" in str(told.value.remedy)
