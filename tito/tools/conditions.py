"""What a lesson's locked cells call `c`: the conditions, for everybody to read.

Append ``??`` to a condition's name in a notebook, or open the files of `tito/conditions`.
"""

from tito.conditions import *  # noqa: F403 (the same names, under the path that notebooks know)
from tito.conditions import __all__ as __all__
