"""Print the dict that a profile is: what a person reads first, then details and doubts."""

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = [
    "comparison_text",
    "difference",
    "format_bytes",
    "format_seconds",
    "format_spread",
    "profile_text",
    "short_number",
    "text_table",
]

Line = tuple[str, str]


def profile_text(result: dict[str, Any], show_details: bool = False) -> str:
    """Return a profile as text: its name and, below it, one line per figure."""
    lines = _time_lines(result) + _memory_lines(result)
    if show_details:
        lines += _process_lines(result) + _array_lines(result)
    lines += [("doubt", text) for text in result.get("doubts", ())]
    return "\n".join([result["name"], *(f"  {label:<10}{text}" for label, text in lines)])


def comparison_text(results: Mapping[str, Mapping[str, Any]]) -> str:
    """Return several profiles as a table, a row each, and each doubt once."""
    extra = {"gflops": "GFLOP/s", "peak_percent": "% of peak", "peak_memory_mb": "peak MiB"}
    columns = [key for key in extra if all(key in one for one in results.values())]
    names = ["", "best", "median", "spread", "cores", "speedup", "differs"]
    head = [*names, *(extra[key] for key in columns)]
    first = next(iter(results.values()))
    rows = [
        [
            *_comparison_row(one),
            "" if one is first else difference(one, first),
            *(short_number(one[key]) for key in columns),
        ]
        for one in results.values()
    ]
    doubts = dict.fromkeys(text for one in results.values() for text in one["doubts"])
    return "\n".join([text_table(head, rows), *(f"doubt: {text}" for text in doubts)])


def text_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table: the first column to the left, the others to the right."""
    lines = [list(map(str, row)) for row in (head, *rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]).rstrip()
        for line in lines
    )


def _comparison_row(one: Mapping[str, Any]) -> list[str]:
    times = [format_seconds(one["minimum"]), format_seconds(one["median"])]
    return [
        one["name"],
        *times,
        format_spread(one["spread"]),
        f"{one['cores_used']:.2f}",
        short_number(one["speedup"]),
    ]


def difference(one: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    """Return whether two times differ by more than their passes do: yes, no, or "not known".

    They do where even the median pass of the faster one is shorter than the best of the slower.

    Parameters
    ----------
    one, other : mapping
        ``minimum`` and ``median`` in seconds, and ``spread``, as a profile has them.
    """
    if one["spread"] is None or other["spread"] is None:
        return "not known"
    faster, slower = sorted((one, other), key=lambda time: float(time["minimum"]))
    return "yes" if faster["median"] < slower["minimum"] else "no"


def format_spread(spread: float | None) -> str:
    """Format a spread in per cent; a dash for that of a single pass."""
    return "-" if spread is None else f"{spread:.1%}"


def short_number(value: float) -> str:
    """Format a number with three digits: 0.00123, 1.23, 12.3, 1,230."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def format_seconds(seconds: float) -> str:
    """Format a time with three digits in the unit that suits it: ``1.23 ms``."""
    for unit, per_second in (("s", 1.0), ("ms", 1e3), ("us", 1e6)):
        if seconds * per_second >= 1:
            return f"{_three_digits(seconds * per_second)} {unit}"
    return f"{_three_digits(seconds * 1e9)} ns"


def format_bytes(count: float) -> str:
    """Format a size with three digits in the unit that suits it: ``4.00 MiB``."""
    for unit, size in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
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
