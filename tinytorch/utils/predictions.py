"""What a reader predicted before a measurement: typed, kept, and set beside what came out.

Predictions are kept in a small file beside the notebook, so they outlive a kernel that is
restarted. The first one made before the figure was seen is the one that counts.
"""

import json
import math
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill, indent
from types import EllipsisType
from typing import Any

from tinytorch.utils.charts import Chart, Folded, show
from tinytorch.utils.figures import calibration
from tinytorch.utils.machine import machine_name
from tinytorch.utils.questions import EXPERIMENTS, QUESTIONS, Asked, Question
from tinytorch.utils.report import short_number

__all__ = ["FILE", "Finding", "Predictions"]

FILE = "predictions.json"
COLUMNS = 78
NUMBERS = ("predicted", "measured", "skipped")


@dataclass(frozen=True)
class Finding:
    """What an experiment found: a chart, and the figures that a prediction was asked for.

    ``figures`` maps the names of `tinytorch.utils.questions.QUESTIONS` to what was measured.
    """

    chart: Chart
    figures: Mapping[str, float]

    def __repr__(self) -> str:
        return repr(self.chart)

    def _repr_html_(self) -> str:
        """Return the chart for a notebook: an experiment may be run without a prediction."""
        return self.chart.as_html("png")


class Predictions:
    """The predictions of one reader.

    Parameters
    ----------
    path : str or Path
        Where they are kept. Where nothing can be written, they last as long as the kernel.
    """

    def __init__(self, path: str | Path = FILE) -> None:
        self._path = Path(path)
        self._kept = _read(self._path)

    def predict(self, name: str, value: float | EllipsisType | None = ...) -> None:
        """Keep a prediction, and say what is kept.

        Parameters
        ----------
        name : str
            What is predicted: a name of `tinytorch.utils.questions.QUESTIONS`.
        value : float, optional
            Above 0; anything else is named and not kept. Left as ``...``, the reader is asked for
            a number; None skips the question.

        Raises
        ------
        ValueError
            If nothing of that name is asked.
        """
        question, kept = _question(name), self._kept.setdefault(name, {})
        before = dict(kept)
        if value is None:
            kept.setdefault("skipped", 1.0)
        elif not isinstance(value, EllipsisType):
            number = _positive(value)
            if number is None:
                print(f"{name}: a prediction is a number above 0, and {value!r} is none.")
            elif {"predicted", "measured"} <= set(kept) and number != kept["predicted"]:
                print(f"{name}: you have seen the figure, so your first prediction stays.")
            elif "predicted" not in kept or "measured" not in kept:
                kept |= {"predicted": number, "after": float("measured" in kept)}
        if kept != before:
            self._write()
        if "predicted" in kept:
            late = ", made after the figure was seen" if kept["after"] else ""
            print(f"{name}: you predict {short_number(kept['predicted'])} {question.unit}{late}.")
        elif "skipped" in kept:
            print(f"{name}: skipped.")
        else:
            unit = "" if question.unit == "times" else f", in {question.unit}"
            print(f"{name}: {question.text} Put a number in place of `...`{unit}.")

    def measure(self, experiment: Callable[..., Finding | Chart], *args: Any) -> None:
        """Run an experiment and show what it found beside the predictions that it asks for.

        Without them it is not run: a figure that was seen cannot be predicted any more.

        Parameters
        ----------
        experiment : callable
            Of `tinytorch.utils.experiments`.
        *args
            Handed to it.
        """
        asked, debrief = EXPERIMENTS.get(experiment.__name__, Asked((), ""))
        open_ones = [name for name in asked if not self._kept.get(name)]
        if open_ones:
            names = " and ".join(map(repr, open_ones))
            print(f"Not measured yet: first predict {names}, or put None there to skip it.")
            return
        try:
            found = experiment(*args)
        except NotImplementedError:
            names = " or ".join(one.__name__ for one in args if callable(one))
            print(f"Not measured: {names or 'a function above'} is not written yet.")
            return
        if isinstance(found, Finding):
            for name, figure in found.figures.items():
                self._answer(name, figure)
            found = found.chart
        show(found)
        if debrief and found.rows:
            show(Folded("What to make of it", debrief))

    def _answer(self, name: str, measured: float) -> None:
        question, kept = _question(name), self._kept.setdefault(name, {})
        kept["measured"] = float(measured)
        self._write()
        figure = f"{short_number(measured)} {question.unit}"
        if "predicted" in kept:
            predicted = kept["predicted"]
            print(f"{name}: predicted {short_number(predicted)}, measured {figure}.")
            print(indent(fill(question.compare(predicted, measured), COLUMNS), "  "))
        else:
            print(f"{name}: measured {figure}.")

    def chart(self) -> Chart:
        """Return all predictions beside what was measured: the reader's own calibration."""
        asked = {name: self._kept.get(name, {}) for name in QUESTIONS}
        done = {
            name: (kept["predicted"], kept["measured"], bool(kept["after"]))
            for name, kept in asked.items()
            if {"predicted", "measured"} <= set(kept)
        }
        return calibration(done, {name: QUESTIONS[name].unit for name in asked}, machine_name())

    def _write(self) -> None:
        beside = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        kept = _read(self._path) | {name: one for name, one in self._kept.items() if one}
        with suppress(OSError):
            beside.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
            beside.replace(self._path)


def _question(name: str) -> Question:
    if name not in QUESTIONS:
        asked = ", ".join(map(repr, QUESTIONS))
        raise ValueError(f"nothing is asked of {name!r}; predictions are asked for {asked}")
    return QUESTIONS[name]


def _positive(value: object) -> float | None:
    try:
        number = float(value)  # type: ignore[arg-type]  # what is no number raises
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    return number if 0 < number < math.inf else None


def _read(path: Path) -> dict[str, dict[str, float]]:
    """Return what a file holds of the questions asked; what cannot be read counts as nothing."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    kept: dict[str, dict[str, float]] = {}
    for name, one in found.items() if isinstance(found, dict) else ():
        if name in QUESTIONS and isinstance(one, dict):
            numbers = {key: _positive(one[key]) for key in NUMBERS if key in one}
            sound = {key: number for key, number in numbers.items() if number is not None}
            if len(sound) == len(numbers):
                kept[name] = {**sound, "after": float(one.get("after") == 1)}
    return kept
