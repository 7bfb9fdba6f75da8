"""NumPy's late parts, loaded before any call is recorded."""

import importlib

from tito.tracing import LATE_PARTS

for part in LATE_PARTS:
    importlib.import_module(part)
