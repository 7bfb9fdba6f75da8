"""Reading a solution for means to deceive the recorder, which lives in the same process.

Nothing here decides right or wrong. A kernel is arithmetic on arrays; a cell that reaches for
frames, modules' insides or descriptors may still be honest, so its counts go to a person.
"""

import ast
from collections.abc import Iterator

__all__ = ["suspicious"]


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


MODULES = words(
    "__future__ array asyncio collections concurrent contextlib dataclasses decimal fractions "
    "functools itertools math matplotlib multiprocessing numba numbers numpy operator os queue "
    "random scipy statistics threading time tinytorch typing warnings"
)
OS_NAMES = words("cpu_count process_cpu_count sched_getaffinity environ getpid")
CALLS = words(
    "__import__ attrgetter breakpoint compile delattr eval exec globals locals methodcaller open "
    "setattr vars"
)
DUNDERS = words(
    "__add__ __all__ __annotations__ __call__ __class__ __doc__ __enter__ __exit__ __file__ "
    "__getitem__ __iadd__ __imatmul__ __imul__ __init__ __iter__ __len__ __main__ __matmul__ "
    "__mul__ __name__ __next__ __post_init__ __setitem__ __version__"
)
INSIDES = words(
    "base ctypes ctypeslib f_back f_globals f_locals gi_frame mro os settrace setprofile "
    "subclasses subprocess sys testing tb_frame "
    # Memory that is not traced.
    "Array RawArray RawValue memmap mmap open_memmap shared_memory sharedctypes"
)


def suspicious(tree: ast.Module) -> list[str]:
    """Return what in a cell could reach past the recorder, in words, each once."""
    return sorted(set(findings(tree)))


def findings(tree: ast.Module) -> Iterator[str]:
    yield from passed_on(tree)
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (f"imports {a.name}" for a in names if not allowed(a.name))
                yield from ("renames os" for a in names if a.name == "os" and a.asname)
            case ast.ImportFrom(module=module, names=names):
                yield from imported(module or "", [alias.name for alias in names])
            case ast.Name(id=name) if name in CALLS or foreign(name):
                yield f"uses {name}"
            case ast.Attribute():
                yield from reached(node)
            case ast.Call(func=ast.Name(id="getattr" | "hasattr" as name), args=args):
                yield from by_name(name, args)
            case ast.keyword(arg="buffer"):
                yield "makes an array on another one's memory"


def allowed(module: str) -> bool:
    first, *rest = module.split(".")
    return first in MODULES and not any(name in INSIDES or hidden(name) for name in rest)


def passed_on(tree: ast.Module) -> Iterator[str]:
    """``os`` and ``getattr`` can be read where they are used; handed to something, they cannot."""
    used = [n.value for n in ast.walk(tree) if isinstance(n, ast.Attribute)]
    used += [n.func for n in ast.walk(tree) if isinstance(n, ast.Call)]
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in ("os", "getattr") and node not in used:
            allowed_argument = node.id == "os" and is_first_argument(tree, node)
            if not allowed_argument:
                yield f"passes {node.id} on"


def is_first_argument(tree: ast.Module, name: ast.Name) -> bool:
    """Whether `name` is what ``getattr`` or ``hasattr`` looks into, which is read elsewhere."""
    calls = (n for n in ast.walk(tree) if isinstance(n, ast.Call) and n.args[:1] == [name])
    return any(isinstance(c.func, ast.Name) and c.func.id in ("getattr", "hasattr") for c in calls)


def imported(module: str, names: list[str]) -> Iterator[str]:
    if not allowed(module):
        yield f"imports {module}"
    for name in names:
        if module == "os" and name not in OS_NAMES:
            yield f"imports os.{name}"
        elif name in INSIDES or hidden(name):
            yield f"imports {module}.{name}"


def reached(node: ast.Attribute) -> Iterator[str]:
    owner = node.value.id if isinstance(node.value, ast.Name) else ""
    inside = owner == "os" and node.attr not in OS_NAMES
    if inside or node.attr in INSIDES | {"attrgetter", "methodcaller"} or hidden(node.attr):
        yield f"uses {owner or '...'}.{node.attr}"
    if isinstance(node.value, ast.Attribute) and node.value.attr == "ndarray":
        yield f"uses ndarray.{node.attr}"
    if isinstance(node.ctx, ast.Store | ast.Del) and owner != "self" and node.attr != "shape":
        yield f"sets {owner or '...'}.{node.attr}"


def by_name(function: str, arguments: list[ast.expr]) -> Iterator[str]:
    """An attribute that is named by text: fine if the text is there to read."""
    name = arguments[1] if len(arguments) > 1 else None
    if not isinstance(name, ast.Constant) or not isinstance(name.value, str):
        yield f"uses {function} with a computed name"
    elif name.value in INSIDES | CALLS or hidden(name.value) or name.value in ("write", "read"):
        yield f"uses {function} for {name.value}"


def foreign(name: str) -> bool:
    """Whether a name is one of Python's own that a kernel has no use for."""
    return name.startswith("__") and name.endswith("__") and name not in DUNDERS


def hidden(attribute: str) -> bool:
    """Whether an attribute is private; a private name of the cell's own is fine."""
    return foreign(attribute) or (attribute.startswith("_") and attribute not in DUNDERS)
