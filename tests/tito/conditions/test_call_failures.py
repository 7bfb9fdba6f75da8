"""What is said of a call that gave nothing back."""

import pytest

from tito.conditions.call_failures import process_ended, took_too_long


@pytest.mark.parametrize(
    ("code", "fact", "hint"),
    [
        (3, "f: the process ended during a call with exit code 3", "Look for exit()"),
        (-9, "f: the process ended during a call: it was killed", "too much memory"),
        (-11, "f: the process ended during a call by signal 11", "recursion"),
        (-24, "f needed more CPU time than a submission may use", "a loop that does not end"),
    ],
)
def test_process_ended_says_how(code: int, fact: str, hint: str) -> None:
    failure = process_ended("f", "a call", code)
    assert failure.fact == fact
    assert hint in failure.hint


def test_took_too_long_says_how_long() -> None:
    failure = took_too_long("f", "a call", 2.0)
    assert failure.fact == "f: a call took longer than 2 s"
    assert failure.hint.startswith("Look for a loop that does not end, or for threads that wait")
