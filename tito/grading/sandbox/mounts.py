"""The mounts: what code in the sandbox sees, which is the interpreter and the student edition."""

import os
import py_compile
import site
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.util import cache_from_source
from pathlib import Path

from tito.edition import PACKAGES, write_edition
from tito.grading.sandbox.cleanup import runtime_dir

__all__ = ["EDITION", "SCRATCH", "SHARED_MEMORY", "Mounts", "student_mounts"]


EDITION = "/edition"
"""Where the student edition lies inside."""

SCRATCH = "/tmp"
"""The folder to work in, empty at the start, in memory; what is in it dies with the sandbox."""

SHARED_MEMORY = "/dev/shm"
"""The other folder that can be written, in memory as well."""

COMPILED = ("tito/tracing", "tito/conditions", "tito/grading/judge", "tinytorch/utils")
"""The folders of the edition that the judge's supervisor imports from."""

UNCHECKED = py_compile.PycInvalidationMode.UNCHECKED_HASH

SYSTEM = ("/usr/bin", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/share/zoneinfo")
# A folder where /usr is not merged, else a link into /usr; both are rebuilt as they are.
SYSTEM_LINKS = ("/bin", "/lib", "/lib32", "/lib64")
# What the dynamic linker and alternatives of a distribution need; nothing here names a person.
CONFIGURATION = ("/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime")
# Of an interpreter's or a virtual environment's folder only these, for it may lie in the course's
# folder or be that folder.
INTERPRETER = ("bin", "lib", "lib64", "pyvenv.cfg")

ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "HOME": SCRATCH,
    "USER": "student",
    "LANG": "C.UTF-8",
    "TERM": "dumb",
    "PYTHONPATH": EDITION,
    "PYTHONSAFEPATH": "1",  # nothing is imported from the folder where a program starts
    "PYTHONDONTWRITEBYTECODE": "1",
    "IPYTHONDIR": f"{SCRATCH}/.ipython",
    "MPLCONFIGDIR": f"{SCRATCH}/.matplotlib",
    # A BLAS that starts a thread for each core would hit the limit of processes on a large
    # machine, and the address space that glibc reserves for each thread that of memory.
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
}


@dataclass(frozen=True)
class Mounts:
    """The files and the environment of a sandbox; nothing else is there.

    Parameters
    ----------
    binds : Mapping[str, str]
        Where a file or folder appears, and which one of the host it is; all can only be read.
    links : Mapping[str, str]
        Where a symbolic link appears, and its target.
    masked : frozenset[str]
        Folders that are empty inside, though they lie in one that is bound.
    environment : Mapping[str, str]
        All variables of the environment.
    """

    binds: Mapping[str, str] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)
    masked: frozenset[str] = frozenset()
    environment: Mapping[str, str] = field(default_factory=dict)

    def arguments(self, scratch: int) -> list[str]:
        """Return bubblewrap's options for the files; the deeper path wins over the one above.

        Parameters
        ----------
        scratch : int
            The size in bytes of `SCRATCH`, which may have an interpreter's folder in it.
        """
        masks = {path for path in self.masked if self._shows(path)}
        options: list[str] = []
        made: set[str] = set()
        for path in sorted({SCRATCH, *self.binds, *masks}, key=lambda path: path.count("/")):
            options += _parents(path, made)
            if path == SCRATCH:
                options += ["--perms", "1777", "--size", str(scratch), "--tmpfs", path]
            elif path in masks:
                options += ["--tmpfs", path]
            else:
                options += ["--ro-bind", self.binds[path], path]
        for path, target in self.links.items():
            options += ["--symlink", target, path]
        return options + [word for path in sorted(masks) for word in ("--remount-ro", path)]

    def _shows(self, path: str) -> bool:
        """Whether a bound folder makes `path` visible."""
        return any(path == top or path.startswith(f"{top}/") for top in self.binds) and (
            os.path.isdir(path)
        )


def student_mounts() -> Mounts:
    """Return the mounts for a student's code: system, interpreter, packages and student edition."""
    return _mounts_of_process(os.getpid())


@cache
def _mounts_of_process(_: int) -> Mounts:
    """Each process builds its own once: a forked grader has another runtime folder."""
    edition = write_edition(runtime_dir() / "edition")
    _compile(edition)
    return Mounts(
        binds={**{path: path for path in (*_system(), *_interpreter())}, EDITION: str(edition)},
        links=_links(),
        masked=frozenset(_installed_packages()),
        environment={**ENVIRONMENT, "PYTHONPATH": ":".join([EDITION, *_user_packages()])},
    )


def _compile(edition: Path) -> None:
    """Compile what each sandbox imports, as nothing can be written inside."""
    for folder in COMPILED:
        for file in (edition / folder).glob("*.py"):
            compiled = cache_from_source(str(file))
            py_compile.compile(str(file), compiled, invalidation_mode=UNCHECKED)
            for path in (Path(compiled), Path(compiled).parent):
                path.chmod(path.stat().st_mode | 0o555 if path.is_dir() else 0o644)


def _parents(path: str, made: set[str]) -> Iterator[str]:
    """Yield the options that make the folders above `path`; implied ones would be mode 0700."""
    for parent in reversed(Path(path).parents[:-1]):
        if str(parent) not in made:
            made.add(str(parent))
            yield from ("--dir", str(parent))


def _system() -> Iterator[str]:
    paths = (*SYSTEM, *SYSTEM_LINKS, *CONFIGURATION)
    return (path for path in paths if os.path.exists(path) and path not in _links())


def _links() -> dict[str, str]:
    return {path: os.readlink(path) for path in SYSTEM_LINKS if os.path.islink(path)}


def _prefixes() -> list[str]:
    """The folders of the interpreter and of its virtual environment, as named and as they are."""
    named = (sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix)
    return list(dict.fromkeys([*named, *map(os.path.realpath, named)]))


def _interpreter() -> Iterator[str]:
    for prefix in _prefixes():
        yield from (path for name in INTERPRETER if os.path.exists(path := f"{prefix}/{name}"))
    yield from (path for path in sys.path if _holds_packages(path))


def _holds_packages(path: str) -> bool:
    return path.endswith(("/site-packages", "/dist-packages")) and os.path.isdir(path)


def _user_packages() -> list[str]:
    """What `pip install --user` installed: the sandbox has another home, so it must be named."""
    user = site.getusersitepackages()
    return [user] if user in sys.path and os.path.isdir(user) else []


def _installed_packages() -> Iterator[str]:
    """Where the full packages lie among those installed; an editable install has none there."""
    for top in (*_prefixes(), *(path for path in sys.path if _holds_packages(path))):
        for package in PACKAGES:
            for pattern in (package, f"lib*/python*/*-packages/{package}"):
                yield from (str(path) for path in Path(top).glob(pattern))
