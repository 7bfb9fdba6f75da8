"""Print the dict that a profile is: what a person reads first, then details and doubts."""

from typing import Any

__all__ = ["format_bytes", "format_seconds", "profile_text"]

Line = tuple[str, str]


def profile_text(result: dict[str, Any], show_details: bool = False) -> str:
    """Return a profile as text: its name and, below it, one line a figure."""
    lines = _time_lines(result) + _memory_lines(result)
    if show_details:
        lines += _process_lines(result) + _array_lines(result)
    lines += [("doubt", text) for text in result.get("doubts", ())]
    return "\n".join([result["name"], *(f"  {label:<10}{text}" for label, text in lines)])


def format_seconds(seconds: float) -> str:
    """Format a time with three digits in the unit that suits it: ``1.23 ms``."""
    for unit, per_second in (("s", 1.0), ("ms", 1e3), ("us", 1e6)):
        if seconds * per_second >= 1:
            return f"{_three_digits(seconds * per_second)} {unit}"
    return f"{_three_digits(seconds * 1e9)} ns"


def format_bytes(count: float) -> str:
    """Format a size with three digits in the unit that suits it: ``4.00 MB``, of 2**20 bytes."""
    for unit, size in (("GB", 2**30), ("MB", 2**20), ("KB", 2**10)):
        if abs(count) >= size:
            return f"{_three_digits(count / size)} {unit}"
    return f"{count:.0f} B"


def _three_digits(value: float) -> str:
    decimals = 2 if abs(value) < 10 else 1 if abs(value) < 100 else 0
    return f"{value:.{decimals}f}"


def _time_lines(result: dict[str, Any]) -> list[Line]:
    wall, cpu = format_seconds(result["wall_time"]), format_seconds(result["cpu_time"])
    return [
        ("wall time", f"{wall} ({_steadiness(result)})"),
        ("CPU time", f"{cpu} ({result['cpu_efficiency']:.2f} cores busy)"),
    ]


def _steadiness(result: dict[str, Any]) -> str:
    loops = f" x {result['inner_loops']} calls" if result["inner_loops"] > 1 else ""
    if result["spread"] is None:
        return f"1 pass{loops}"
    median = format_seconds(result["median"])
    passes = f"best of {result['repeats']} passes{loops}"
    return f"{passes}, median {median}, spread {result['spread']:.1%}"


def _memory_lines(result: dict[str, Any]) -> list[Line]:
    if "peak_memory_mb" not in result:
        return []
    peak, kept = (_size(result[key]) for key in ("peak_memory_mb", "memory_delta_mb"))
    return [("memory", f"{peak} at most, {kept} left when it returned")]


def _process_lines(result: dict[str, Any]) -> list[Line]:
    if "num_threads" not in result:
        return []
    threads, resident = result["num_threads"], result["process_memory_mb"]
    return [
        ("threads", "not known here" if threads is None else str(threads)),
        ("process", "not known here" if resident is None else f"{_size(resident)} resident"),
    ]


def _array_lines(result: dict[str, Any]) -> list[Line]:
    if "result_shape" not in result:
        return []
    shape, dtype = result["result_shape"], result["result_dtype"]
    return [("result", f"{shape} {dtype}, {_size(result['result_size_mb'])}")]


def _size(megabytes: float) -> str:
    return format_bytes(megabytes * 2**20)
