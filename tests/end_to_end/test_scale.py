"""A run on a real cluster and a real database server, parts of which go away in the middle."""

import subprocess
from collections.abc import Iterator

import pytest
from crowd import CLASS, POINTS, assert_all_graded_once, await_submissions, events, fill, start
from dask_cluster import Cluster, running_cluster
from edits import edit
from postgres import Server, running_server
from shell import Tito, run_tito

from tito.course import Course
from tito.lesson import Lesson, find_lesson

pytestmark = pytest.mark.full


@pytest.fixture
def crowd(lesson: Lesson) -> Lesson:
    """The lesson of a course in which a dozen students have handed in."""
    return fill(lesson)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A scheduler and two workers, all of them processes on the loopback."""
    with running_cluster() as cluster:
        yield cluster


@pytest.fixture
def server() -> Iterator[Server]:
    """A PostgreSQL server."""
    with running_server() as server:
        yield server


@pytest.fixture
def crowd_on_server(plain_course: Course, server: Server) -> Lesson:
    """The same class, in a course whose gradebook is on the server."""
    edit(plain_course.root / "settings.ini", "db_url =", f"db_url = {server.url}")
    done = run_tito("nbgrader", "generate", "kernels")
    assert done.returncode == 0, done.stderr
    return fill(find_lesson(Course.read(plain_course.root), "kernels"))


def end_well(process: "subprocess.Popen[str]") -> str:
    _, said = process.communicate()
    assert process.returncode == 0, said
    return said


def test_cluster_grades_a_class(crowd: Lesson, cluster: Cluster) -> None:
    process = start("--scheduler", cluster.url)
    told = [event for event in events(process) if event["event"] == "submission"]
    end_well(process)
    assert len(told) == CLASS
    assert {event["score"] for event in told} == {POINTS}
    assert_all_graded_once(crowd)


def test_cluster_loses_a_worker_and_no_grade(crowd: Lesson, cluster: Cluster) -> None:
    process = start("--scheduler", cluster.url)
    await_submissions(process, 2)
    cluster.workers[0].kill()
    cluster.workers[0].wait()
    end_well(process)
    cluster.workers[0] = cluster.start_worker()
    assert_all_graded_once(crowd)


def test_cluster_loses_its_scheduler_and_no_grade(crowd: Lesson, cluster: Cluster) -> None:
    process = start("--scheduler", cluster.url)
    await_submissions(process, 2)
    cluster.restart_scheduler()
    end_well(process)
    assert_all_graded_once(crowd)


def test_scheduler_that_does_not_answer_is_one_clear_line(crowd: Lesson, tito: Tito) -> None:
    done = tito("nbgrader", "autograde", "kernels", "--scheduler", "tcp://127.0.0.1:9")
    assert done.returncode == 1
    assert "No scheduler answers at tcp://127.0.0.1:9" in done.stderr
    assert "Traceback" not in done.stderr


def test_server_keeps_the_gradebook(crowd_on_server: Lesson, tito: Tito) -> None:
    end_well(start("--jobs", "2"))
    assert_all_graded_once(crowd_on_server)
    assert f"0 graded, {CLASS} unchanged" in tito("nbgrader", "autograde", "kernels").stderr
    for step in ("feedback", "status", "report"):
        done = tito("nbgrader", step, "kernels")
        assert done.returncode == 0, done.stderr
    assert not (crowd_on_server.course.assignments / "gradebook.db").exists()


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_server_is_restarted_and_no_grade_is_lost(
    crowd_on_server: Lesson, server: Server, mode: str
) -> None:
    process = start("--jobs", "2")
    await_submissions(process, 2)
    server.stop(mode)
    server.start()
    end_well(process)
    assert_all_graded_once(crowd_on_server)


def test_cluster_and_server_together(crowd_on_server: Lesson, cluster: Cluster) -> None:
    end_well(start("--scheduler", cluster.url))
    assert_all_graded_once(crowd_on_server)
