"""What a person did wrong, said in two sentences: the fact, then the remedy."""

__all__ = ["TitoError"]


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
