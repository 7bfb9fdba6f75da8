"""Control groups: a machine that refuses one is the machine's matter, and nobody's submission."""

from pathlib import Path

import pytest

from tito.course import Limits
from tito.errors import TitoError
from tito.grading.sandbox import cgroup
from tito.grading.sandbox.cgroup import make_group


def test_make_group_says_what_the_machine_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parents = {"pids": tmp_path, "memory": tmp_path / "removed"}
    monkeypatch.setattr(cgroup, "_parents", lambda: parents)
    with pytest.raises(TitoError, match="removed/tito-.* cannot be made: No such file"):
        make_group(Limits())
    assert list(tmp_path.iterdir()) == []
