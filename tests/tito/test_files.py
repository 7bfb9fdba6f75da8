"""Files: strange ones are refused in a phrase, ours are written whole or not at all."""

import errno
import os
import stat
import struct
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from rights import read_only

from tito import files
from tito.files import (
    Refused,
    files_below,
    folder_beside,
    opened_zip,
    read_regular,
    write_whole,
)


def refusal(path: Path, most: int = 10) -> str:
    with pytest.raises(Refused) as caught:
        read_regular(path, most)
    return str(caught.value)


def test_read_regular_reads_up_to_its_limit(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"0123456789")
    assert read_regular(tmp_path / "a", 10) == b"0123456789"
    assert refusal(tmp_path / "a", 9) == "is larger than the 9 bytes allowed"


def test_read_regular_refuses_a_file_of_a_tebibyte_by_its_size(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    os.truncate(tmp_path / "a", 2**40)
    assert refusal(tmp_path / "a", 2**20) == "is larger than the 1 MiB allowed"


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux")
def test_read_regular_trusts_no_size(tmp_path: Path) -> None:
    assert refusal(Path("/proc/self/status")) == "is larger than the 10 bytes allowed"


STRANGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "nothing": (lambda path: None, "is not there"),
    "folder": (Path.mkdir, "is not a regular file"),
    "link to a file": (lambda path: path.symlink_to(__file__), "is a link, not a regular file"),
    "link to nothing": (lambda path: path.symlink_to("b"), "is a link, not a regular file"),
    "link to itself": (lambda path: path.symlink_to(path), "is a link, not a regular file"),
    "FIFO": (os.mkfifo, "is not a regular file"),
    "socket": (lambda path: os.mknod(path, stat.S_IFSOCK | 0o600), "is not a regular file"),
}


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such files")
@pytest.mark.parametrize(("make", "reason"), STRANGE.values(), ids=STRANGE)
def test_read_regular_refuses_what_is_no_regular_file(
    tmp_path: Path, make: Callable[[Path], object], reason: str
) -> None:
    make(tmp_path / "a")
    assert refusal(tmp_path / "a") == reason


@pytest.mark.parametrize("name", ["a" * 300, "a\0b"], ids=["long", "null"])
def test_read_regular_refuses_a_name_that_no_file_can_have(tmp_path: Path, name: str) -> None:
    assert refusal(tmp_path / name).startswith("cannot be read: ")


def test_read_regular_leaves_nothing_open(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for make, _ in STRANGE.values():
        path = tmp_path / str(len(list(tmp_path.iterdir())))
        make(path)
        refusal(path)
    assert len(os.listdir("/proc/self/fd")) == before


# Archives.


def test_files_below_is_what_is_neither_hidden_nor_compiled(tmp_path: Path) -> None:
    for name in ("b", "a.csv", "a/data.csv", "a/.git/config", "a/__pycache__/x.pyc", ".hidden"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert list(files_below(tmp_path, without=["b"])) == ["a/data.csv", "a.csv"]
    assert files_below(tmp_path / "nothing") == {}


def test_files_below_passes_over_no_folder_that_nobody_may_look_into(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir()
    with read_only(tmp_path):
        (tmp_path / "closed").chmod(0)
        with pytest.raises(PermissionError, match="closed"):
            files_below(tmp_path)


def zipped(path: Path, *names: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name or "x", name)
    return path


@pytest.mark.parametrize(
    "name",
    ["a/b", "./a/b", "a//b", "/a/b", "a/./b", "a\\b", ".//a/b"],
)
def test_opened_zip_names_an_entry_by_what_stands_between_its_slashes(
    tmp_path: Path, name: str
) -> None:
    with opened_zip(zipped(tmp_path / "a.zip", name)) as entries:
        assert {entry: read(99).decode() for entry, read in entries.items()} == {"a/b": name}


def test_opened_zip_passes_over_an_entry_without_a_name(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", "a", "b")
    data = path.read_bytes().replace(b"a", b"\0")
    path.write_bytes(data)
    with opened_zip(path) as entries:
        assert list(entries) == ["b"]


def test_opened_zip_refuses_an_entry_that_is_a_link(tmp_path: Path) -> None:
    entry = zipfile.ZipInfo("a")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(entry, "/etc/passwd")
    with (
        opened_zip(tmp_path / "a.zip") as entries,
        pytest.raises(Refused, match="is a link, not a regular file"),
    ):
        entries["a"](99)


def test_opened_zip_refuses_a_list_of_contents_that_claims_gigabytes(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", "a")
    data = bytearray(path.read_bytes())
    end = data.rindex(b"PK\x05\x06")
    offset = struct.unpack_from("<L", data, end + 16)[0]
    # A sparse file: the list of contents begins where it did and ends behind a gibibyte of zeros.
    struct.pack_into("<L", data, end + 12, 2**30 + end - offset)
    with path.open("wb") as file:
        file.write(data[:end])
        file.seek(2**30 + end)
        file.write(data[end:])
    with pytest.raises(Refused, match="list of contents"), opened_zip(path):
        pass


@pytest.mark.parametrize("at", range(0, 110, 3))
def test_opened_zip_survives_any_changed_byte(tmp_path: Path, at: int) -> None:
    path = zipped(tmp_path / "a.zip", "kernels.ipynb")
    data = bytearray(path.read_bytes())
    for value in (0, 255, data[at % len(data)] ^ 16):
        path.write_bytes(data[: at % len(data)] + bytes([value]) + data[at % len(data) + 1 :])
        with suppress(Refused), opened_zip(path) as entries:
            for read in entries.values():
                read(99)


def test_opened_zip_closes_what_is_no_zip_file(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    (tmp_path / "a.zip").write_bytes(b"PK")
    for _ in range(3):
        with pytest.raises(Refused, match="cannot be unpacked"), opened_zip(tmp_path / "a.zip"):
            pass
    assert len(os.listdir("/proc/self/fd")) == before


# Writing.


def test_write_whole_makes_the_folder_and_sets_the_mode(tmp_path: Path) -> None:
    write_whole(tmp_path / "a" / "b", b"x", 0o444)
    assert (tmp_path / "a" / "b").read_bytes() == b"x"
    assert stat.S_IMODE((tmp_path / "a" / "b").stat().st_mode) == 0o444
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b"]


def test_write_whole_replaces_a_link_and_not_what_it_points_to(tmp_path: Path) -> None:
    (tmp_path / "precious").write_bytes(b"precious")
    (tmp_path / "a").symlink_to("precious")
    write_whole(tmp_path / "a", b"x")
    assert (tmp_path / "precious").read_bytes() == b"precious"
    assert not (tmp_path / "a").is_symlink()


def test_write_whole_keeps_the_file_before_if_it_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_whole(tmp_path / "a", b"before")

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr(files.os, "fsync", fail)
    with pytest.raises(OSError, match=f"no space: .*{tmp_path}/a"):
        write_whole(tmp_path / "a", b"after")
    assert (tmp_path / "a").read_bytes() == b"before"
    assert len(list(tmp_path.iterdir())) == 1


def test_write_whole_takes_a_name_of_any_legal_length(tmp_path: Path) -> None:
    write_whole(tmp_path / ("a" * 255), b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["a" * 255]


def test_folder_beside_is_removed_with_what_killed_processes_left(tmp_path: Path) -> None:
    gone = tmp_path / ".generate-999999999-a1b2c3d4"
    kept = [f".generate-{os.getpid()}-a1b2c3d4", ".generate-notes", ".handout-999999999-a1b2c3d4"]
    for name in (gone.name, *kept):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").touch()
    with folder_beside(tmp_path, "generate") as beside:
        (beside / "made").touch()
        assert not gone.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(kept)
