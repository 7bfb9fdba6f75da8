"""nbgrader's tests from ``### AUTOTEST`` lines, made in a kernel that is then ended."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from jupyter_client.manager import start_new_kernel
from nbclient.exceptions import CellExecutionError
from nbgrader.preprocessors import InstantiateTests, instantiatetests

__all__ = ["make_tests"]

QUIET = ["--IPKernelApp.log_level=ERROR"]


def make_tests(notebook: Any, folder: Path, config: Any, seconds: float) -> Any:
    """Return the notebook with tests in place of the lines.

    Parameters
    ----------
    notebook : Notebook
        With its solutions; it is run with the user's own rights.
    folder : Path
        Where it runs; holds autotests.yml and the notebook's data.
    config : Config
        nbgrader's, of the course.
    seconds : float
        How long a cell may run.

    Raises
    ------
    ValueError
        If nbgrader cannot make one; says why.
    """
    step = InstantiateTests(config=config)
    step.log.disabled = True  # it also logs the errors that it raises
    try:
        with _kernels_ended(seconds):
            made, _ = step.preprocess(notebook, {"metadata": {"path": str(folder)}})
    except CellExecutionError as error:  # whose own text nbgrader spoils
        raise ValueError(f"{error.ename}: {error.evalue}") from None
    except Exception as error:  # of templates, too
        raise ValueError(f"{type(error).__name__}: {error}".splitlines()[0]) from None
    finally:
        step.log.disabled = False
    return made


@contextmanager
def _kernels_ended(seconds: float) -> Iterator[None]:
    """Let nbgrader start quiet kernels, and end them and their clients.

    nbgrader itself leaves sockets open, leaves the kernel alive where a test cannot be made, and
    waits for a dead kernel for ever.
    """
    with ExitStack() as stack:

        def start(**wanted: Any) -> Any:
            manager: Any
            client: Any
            manager, client = start_new_kernel(**wanted, extra_arguments=QUIET)
            stack.callback(manager.shutdown_kernel, now=True)
            stack.callback(client.stop_channels)
            client.execute_interactive = partial(client.execute_interactive, timeout=seconds)
            return manager, client

        stack.callback(setattr, instantiatetests, "start_new_kernel", start_new_kernel)
        instantiatetests.start_new_kernel = start
        yield
