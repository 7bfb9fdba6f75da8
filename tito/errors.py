"""What a person can fix, said in two sentences: the fact, then the remedy."""

import errno

__all__ = ["FULL", "TitoError", "file_error"]

NO_RIGHT = (errno.EACCES, errno.EPERM)
FULL = (errno.ENOSPC, errno.EDQUOT)
"""The errors of a disk on which there is no room."""
IN_THE_WAY = (
    *(errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ENOTEMPTY, errno.ELOOP, errno.ENAMETOOLONG),
)


class TitoError(Exception):
    """A mistake that a person can mend; printed without a traceback.

    Parameters
    ----------
    fact : str
        What is the case, as one sentence.
    remedy : str
        What to do about it, as one sentence; may be empty.
    exit_code : int
        1 when work could not be done, 2 when the command was used wrongly.
    """

    def __init__(self, fact: str, remedy: str = "", *, exit_code: int = 1) -> None:
        super().__init__(f"{fact} {remedy}".strip())
        self.fact = fact
        self.remedy = remedy
        self.exit_code = exit_code


def file_error(error: OSError) -> TitoError | None:
    """Return what a person reads of a file that the machine refuses, or None for a bug."""
    if error.errno in FULL:
        path = error.filename2 or error.filename or error.strerror  # a copy names its target second
        return TitoError(f"The disk is full: {path}.", "Make room.")
    if error.filename is None:
        return None
    fact = f"{error.filename}: {error.strerror}."
    if error.errno == errno.EROFS:
        return TitoError(fact, "Mount it writable, or work in a copy elsewhere.")
    if error.errno in NO_RIGHT:
        return TitoError(fact, "Change the rights of that file and of its folder.")
    if error.errno in IN_THE_WAY:
        return TitoError(fact, "Move away what stands there.")
    return None
