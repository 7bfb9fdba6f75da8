"""Start without what nobody uses: importing this makes a process of ours start sooner.

jsonschema, which nbformat imports, imports rfc3987_syntax where it is installed, as it is with
Jupyter. That builds a grammar, which takes longer than all other imports of a command together, to
check international addresses, which no notebook's schema has. jsonschema does without it as well.
"""

import sys

__all__: list[str] = []

sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
