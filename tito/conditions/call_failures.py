"""The facts and hints for a call without a result, the same for the judge and `tito test`."""

from tito.conditions.call import NoAnswer

__all__ = ["CALL_SECONDS", "ENDLESS", "OVERRUNS", "not_reached", "process_ended", "took_too_long"]

CALL_SECONDS = 10.0
"""How long one call may take."""
OVERRUNS = {
    "memory_mib": "more memory than a submission may use",
    "cpu_seconds": "more CPU time than a submission may use",
    "files": "more files than a submission may have",
}
LOOP = "Look for a loop that does not end"
ENDLESS = f"{LOOP}, or for threads that wait for one another."
"""What to do about a call that does not end."""
SIGKILL, SIGXCPU = 9, 24  # by number: not every platform has them


def took_too_long(name: str, what: str, seconds: float) -> NoAnswer:
    """Return the failure of a call that did not end in `seconds`; `what` is as in ``a call``."""
    fact = f"{name}: {what} took longer than {seconds:.3g} s"
    return NoAnswer(fact, ENDLESS)


def not_reached(name: str) -> NoAnswer:
    """Return the failure of a condition that is not tried, as earlier ones took too long."""
    return NoAnswer(f"{name} took too long before it came to this condition", ENDLESS)


def process_ended(name: str, what: str, code: int) -> NoAnswer:
    """Return the failure of a call whose process ended with `code`, negative for a signal."""
    fact = f"{name}: the process ended during {what}"
    if code == -SIGXCPU:
        fact = f"{name} needed {OVERRUNS['cpu_seconds']}"
        return NoAnswer(fact, f"{LOOP}.")
    if code == -SIGKILL:
        return NoAnswer(f"{fact}: it was killed", "It may have needed too much memory.")
    if code < 0:
        hint = "Look for memory without end, or recursion."
        return NoAnswer(f"{fact} by signal {-code}", hint)
    hint = "Look for exit(), or for a call that ends the process."
    return NoAnswer(f"{fact} with exit code {code}", hint)
