"""Tracing: the array operations of a call as a log, its replay on other numbers, what it proves."""

from tito.tracing.arrays import plain
from tito.tracing.log import Log, LogError, decode, encode
from tito.tracing.patches import LATE_PARTS
from tito.tracing.proof import Product, Proof, Unproven, Unwritten, prove
from tito.tracing.recorder import Gate, Recorder, recording

__all__ = [
    "LATE_PARTS",
    "Gate",
    "Log",
    "LogError",
    "Product",
    "Proof",
    "Recorder",
    "Unproven",
    "Unwritten",
    "decode",
    "encode",
    "plain",
    "prove",
    "recording",
]
