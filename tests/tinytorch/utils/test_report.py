"""The text of a profile."""

import pytest

from tinytorch.utils.report import format_bytes, format_seconds, profile_text

PROFILE = {
    "name": "matmul",
    "wall_time": 0.00125,
    "cpu_time": 0.0025,
    "cpu_efficiency": 2.0,
    "median": 0.0015,
    "spread": 0.042,
    "repeats": 20,
    "inner_loops": 5,
    "doubts": (),
}
MEMORY = {"peak_memory_mb": 4.0, "memory_delta_mb": 2**-20 * 300}
PROCESS = {"num_threads": 3, "process_memory_mb": 50.0}
ARRAY = {"result_shape": (2, 3), "result_dtype": "float32", "result_size_mb": 24 / 2**20}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (3.0, "3.00 s"),
        (0.999, "999 ms"),
        (0.0123, "12.3 ms"),
        (4.56e-6, "4.56 us"),
        (78.9e-9, "78.9 ns"),
        (0.0, "0.00 ns"),
    ],
)
def test_format_seconds_chooses_the_unit(seconds, text):
    assert format_seconds(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (4 * 2**20, "4.00 MiB"),
        (2**35, "32.0 GiB"),
        (-2048, "-2.00 KiB"),
    ],
)
def test_format_bytes_chooses_the_unit(count, text):
    assert format_bytes(count) == text


def test_profile_text_begins_with_the_name_and_the_times():
    name, wall, cpu = profile_text(PROFILE).splitlines()
    assert name == "matmul"
    assert "1.25 ms" in wall
    assert "best of 20 passes x 5 calls, median 1.50 ms, spread 4.2%" in wall
    assert "2.50 ms (2.00 cores busy)" in cpu


def test_profile_text_of_a_single_pass_claims_no_spread():
    text = profile_text(PROFILE | {"spread": None, "repeats": 1, "inner_loops": 1})
    assert "(1 pass)" in text
    assert "spread" not in text


def test_profile_text_has_memory_when_it_was_tracked():
    assert "4.00 MiB at most, 300 B left when it returned" in profile_text(PROFILE | MEMORY)


def test_profile_text_shows_details_only_when_asked():
    profile = PROFILE | MEMORY | PROCESS | ARRAY
    for detail in ("threads   3", "50.0 MiB resident", "(2, 3) float32, 24 B"):
        assert detail not in profile_text(profile)
        assert detail in profile_text(profile, show_details=True)


def test_profile_text_says_what_is_not_known():
    profile = PROFILE | {"num_threads": None, "process_memory_mb": None}
    assert profile_text(profile, show_details=True).count("not known here") == 2


def test_profile_text_always_shows_doubts():
    assert "doubt     A debugger is on." in profile_text(
        PROFILE | {"doubts": ("A debugger is on.",)}
    )
