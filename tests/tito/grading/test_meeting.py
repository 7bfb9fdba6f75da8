"""Meetings: proof of overlap without a clock."""

import subprocess
import sys
import threading

from tito.grading.meeting import Meeting

ALONE = """
from tito.grading.meeting import Meeting
meeting = Meeting()
for _ in range(100):
    meeting.attend()
assert not meeting.met
assert meeting.patience == Meeting().patience
"""


def test_meeting_of_one_thread_alone_does_not_wait() -> None:
    # in a process of its own: this one may have threads and children of other tests
    subprocess.run([sys.executable, "-c", ALONE], check=True)


def test_meeting_of_two_threads() -> None:
    meeting = Meeting()
    threads = [threading.Thread(target=meeting.attend) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert meeting.met


def test_meeting_does_not_take_one_after_another_for_together() -> None:
    meeting = Meeting()
    meeting.patience = 0.05
    for _ in range(3):
        thread = threading.Thread(target=meeting.attend)
        thread.start()
        thread.join()
    assert not meeting.met


def test_meeting_ends_when_patience_is_used_up() -> None:
    meeting = Meeting()
    meeting.patience = 0.02
    done = threading.Event()
    other = threading.Thread(target=done.wait)
    other.start()  # somebody who might come, and never does
    while meeting.patience > 0.001:
        meeting.attend()
    done.set()
    other.join()
    assert not meeting.met
