"""What `tito doctor` prints: it fits the terminal, and commands can be copied."""

from tito.doctor import Finding
from tito.reports.diagnosis import as_text

LONG = "OSError: [Errno 30] Read-only file system: '/usr/bin/a'"
COMMAND = "sudo sysctl --write kernel.apparmor_restrict_unprivileged_userns=0 and a few words more"


def test_as_text_has_a_line_for_each_finding() -> None:
    text = as_text([Finding("Python", "ok", "3.11"), Finding("click", "ok", "8.1")], 80)
    assert text == "ok        Python  3.11\nok        click   8.1"


def test_as_text_breaks_details_at_the_width_and_leaves_remedies_whole() -> None:
    name = "sandbox: read the gradebook and the submissions"
    text = as_text([Finding(name, "missing", LONG, COMMAND)], 80)
    *lines, remedy = text.splitlines()
    assert all(len(line) <= 80 for line in lines)
    assert "".join(text.split()).startswith(f"missing{name}{LONG}".replace(" ", ""))
    assert remedy.endswith(f"-> {COMMAND}")


def test_as_text_cannot_command_a_terminal() -> None:
    assert "\x1b" not in as_text([Finding("course", "ok", "\x1b[31mred")], 80)
