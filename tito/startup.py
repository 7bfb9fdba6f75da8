"""Start without what nobody uses: importing this makes a process of ours start and end sooner.

jsonschema, which nbformat imports, imports rfc3987_syntax where it is installed, as it is with
Jupyter. That builds a grammar, which takes longer than all other imports of a command together, to
check international addresses, which no notebook's schema has. jsonschema does without it as well.

What is imported stays until the end, so the garbage collector looks it through in vain, most of all
when Python ends: that was a quarter of a command's time.
"""

import atexit
import gc
import sys

__all__: list[str] = []

gc.set_threshold(20_000)
atexit.register(gc.freeze)  # runs last: what was registered first does

sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
