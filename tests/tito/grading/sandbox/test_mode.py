"""How student code is started: in the sandbox unless told otherwise, never silently outside it."""

import pytest

from tito.errors import TitoError
from tito.grading.sandbox import mode
from tito.grading.sandbox.mode import choose_sandbox


def test_choose_sandbox_names_the_legal_choices() -> None:
    with pytest.raises(TitoError, match="auto, bwrap, off") as caught:
        choose_sandbox("docker")
    assert caught.value.exit_code == 2


def test_choose_sandbox_takes_auto_for_bwrap() -> None:
    assert choose_sandbox("auto").name == choose_sandbox("bwrap").name == "bwrap"


def test_choose_sandbox_tries_it_unless_it_was_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mode, "require_sandbox", lambda _: pytest.fail("tried"))
    assert choose_sandbox("bwrap", probed=True).name == "bwrap"
    assert choose_sandbox("off").name == "off"
    with pytest.raises(pytest.fail.Exception, match="tried"):
        choose_sandbox("bwrap")
