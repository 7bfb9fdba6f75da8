"""What a lesson's locked cells call `c`: the conditions, for everybody to read, and `check`.

A locked cell imports it inside its test function, so a student may use every name, `c` included.
Append ``??`` to a condition's name in a notebook, or open the files of `tito/conditions`.
"""

from tito.conditions import *  # noqa: F403 (the same names, under the path that notebooks know)
from tito.conditions import __all__ as _conditions
from tito.tools.testing import check

__all__ = [*_conditions, "check"]  # noqa: PLE0604 (they are strings)
