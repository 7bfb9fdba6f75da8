"""The processor, as three systems tell about it; Linux's files are laid out in a folder."""

import subprocess
import sys

import pytest

from tinytorch.utils import processor
from tinytorch.utils.processor import Cache, core_quota, cpu_name, data_caches, usable_cores


@pytest.fixture
def linux(monkeypatch, tmp_path):
    """Write files as a Linux machine would have them, by path and text."""
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(processor, "_ROOT", tmp_path)
    monkeypatch.setattr("platform.processor", lambda: "")

    def write(path, text):
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{text}\n", encoding="utf-8")

    return write


@pytest.fixture
def macos(monkeypatch):
    """Answer sysctl from the dict that this returns; other names are unknown to it."""
    answers = {}

    def run(command, **options):
        if command[-1] not in answers:
            raise subprocess.CalledProcessError(1, command)
        return subprocess.CompletedProcess(command, 0, stdout=f"{answers[command[-1]]}\n")

    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr("platform.processor", lambda: "arm")
    return answers


def write_cache(linux, index, level, kind, size):
    for name, text in (("level", level), ("type", kind), ("size", size)):
        linux(f"sys/devices/system/cpu/cpu0/cache/index{index}/{name}", text)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("processor\t: 0\nmodel\t\t: 1\nmodel name\t: AMD EPYC\ncpu MHz\t: 2445", "AMD EPYC"),
        ("processor\t: 0\nCPU part\t: 0xd08\nModel\t\t: Raspberry Pi 4", "Raspberry Pi 4"),
        ("processor\t: 0\ncpu\t\t: POWER9, altivec supported", "POWER9, altivec supported"),
        ("processor\t: 0\nCPU part\t: 0xd0c", None),
    ],
)
def test_cpu_name_on_linux(linux, text, name):
    linux("proc/cpuinfo", text)
    assert cpu_name() == name


@pytest.mark.usefixtures("linux")
def test_where_nothing_tells_there_are_no_name_and_no_caches():
    assert cpu_name() is None
    assert data_caches() == ()


def test_cpu_name_on_macos(macos):
    macos["machdep.cpu.brand_string"] = "Apple M3"
    assert cpu_name() == "Apple M3"


def test_cpu_name_falls_back_on_what_python_knows(macos):
    assert cpu_name() == "arm"


def test_data_caches_on_linux_leave_out_instructions(linux):
    write_cache(linux, 0, "1", "Data", "32K")
    write_cache(linux, 1, "1", "Instruction", "32K")
    write_cache(linux, 2, "2", "Unified", "512K")
    write_cache(linux, 3, "3", "Unified", "32768K")
    assert [str(cache) for cache in data_caches()] == ["L1d 32.0 KiB", "L2 512 KiB", "L3 32.0 MiB"]
    assert data_caches()[0] == Cache("L1d", 32 * 1024)


def test_data_caches_skip_what_is_not_a_size(linux):
    write_cache(linux, 0, "1", "Data", "")
    assert data_caches() == ()


def test_data_caches_on_macos_are_those_of_a_fast_core(macos):
    macos |= {
        "hw.l1dcachesize": "65536",
        "hw.perflevel0.l1dcachesize": "131072",
        "hw.l2cachesize": "4194304",
        "hw.l3cachesize": "0",
    }
    assert data_caches() == (Cache("L1d", 131072), Cache("L2", 4194304))


@pytest.mark.parametrize(
    ("files", "quota"),
    [
        ({"cpu.max": "150000 100000"}, 1.5),
        ({"cpu.max": "max 100000"}, None),
        ({"cpu/cpu.cfs_quota_us": "200000", "cpu/cpu.cfs_period_us": "100000"}, 2.0),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None),
        ({}, None),
    ],
)
def test_core_quota_of_a_container(linux, files, quota):
    for name, text in files.items():
        linux(f"sys/fs/cgroup/{name}", text)
    assert core_quota() == quota


def test_usable_cores_are_those_of_this_process(monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: {1, 4, 5}, raising=False)
    assert usable_cores() == 3


def test_usable_cores_without_affinity_are_all(monkeypatch):
    monkeypatch.delattr("os.sched_getaffinity", raising=False)
    monkeypatch.setattr("os.cpu_count", lambda: 6)
    assert usable_cores() == 6
