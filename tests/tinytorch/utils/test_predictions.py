"""Predictions: typed, kept beside the notebook, and set beside what was measured."""

import json

import pytest

from tinytorch.utils import ladder
from tinytorch.utils.charts import Chart
from tinytorch.utils.predictions import Finding, Predictions
from tinytorch.utils.questions import EXPERIMENTS, QUESTIONS


def chain():
    return Finding(Chart("A chain", "m", "", ["", "best"], [["all", "1 s"]], None), {ROWS: 64.0})


ROWS = "rows of a chain"


@pytest.fixture
def kept(tmp_path):
    return Predictions(tmp_path / "predictions.json")


def test_a_reader_who_predicted_nothing_is_asked_and_sees_no_figure(kept, capsys):
    kept.predict(ROWS)
    kept.measure(chain)
    said = capsys.readouterr().out
    assert f"{ROWS}: {QUESTIONS[ROWS].text} Put a number in place of `...`, in rows." in said
    assert "Not measured yet: first predict 'rows of a chain', or" in said
    assert "A chain" not in said


def test_prediction_and_figure_stand_side_by_side_with_a_sentence(kept, capsys):
    kept.predict(ROWS, 1000)
    kept.measure(chain)
    said = capsys.readouterr().out
    assert f"{ROWS}: predicted 1,000, measured 64 rows." in said
    assert QUESTIONS[ROWS].high in " ".join(said.split())
    assert "A chain" in said
    assert "What to make of it: A strip of 64 rows" in said


def test_a_question_may_be_skipped(kept, capsys):
    kept.predict(ROWS, None)
    kept.measure(chain)
    said = capsys.readouterr().out
    assert f"{ROWS}: skipped." in said
    assert f"{ROWS}: measured 64 rows." in said
    assert kept.chart().rows[list(QUESTIONS).index(ROWS)][1:3] == ["-", "-"]


def test_the_first_prediction_stays_once_the_figure_was_seen(kept, capsys):
    kept.predict(ROWS, 4)
    kept.predict(ROWS, 8)  # not measured yet: a change of mind
    kept.measure(chain)
    kept.predict(ROWS, 64)
    said = capsys.readouterr().out
    assert "you have seen the figure, so your first prediction stays" in said
    assert said.rstrip().endswith("you predict 8 rows.")


def test_a_prediction_made_after_the_figure_is_marked(kept, capsys):
    kept.predict(ROWS, None)
    kept.measure(chain)
    kept.predict(ROWS, 64)
    assert capsys.readouterr().out.endswith(
        "you predict 64 rows, made after the figure was seen.\n"
    )
    assert [row[-1] for row in kept.chart().rows if row[0] == ROWS] == ["after"]


def test_predictions_outlive_the_kernel(kept, tmp_path, capsys):
    kept.predict(ROWS, 128)
    kept.measure(chain)
    again = Predictions(tmp_path / "predictions.json")
    again.predict(ROWS)
    assert capsys.readouterr().out.endswith("you predict 128 rows.\n")
    assert [row[1:] for row in again.chart().rows if row[0] == ROWS] == [
        ["128", "64", "rows", "2", "before"]
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["predictions.json"]


@pytest.mark.parametrize("value", [0, -3, float("nan"), float("inf"), "many", 10**400, [1]])
def test_what_is_no_number_above_zero_is_named_and_asked_for_again(kept, capsys, value):
    kept.predict(ROWS, value)
    kept.measure(chain)
    said = capsys.readouterr().out
    assert f"{ROWS}: a prediction is a number above 0, and {value!r} is none." in said
    assert f"{ROWS}: {QUESTIONS[ROWS].text} Put a number in place of `...`, in rows." in said
    assert "Not measured yet" in said


def test_a_question_of_how_many_times_names_no_unit(kept, capsys):
    kept.predict("first call")
    assert capsys.readouterr().out.endswith("Put a number in place of `...`.\n")


def test_a_name_that_is_not_asked_is_told_with_those_that_are(kept):
    with pytest.raises(ValueError, match="nothing is asked of 'rows'; .*'rows of a chain'"):
        kept.predict("rows", 3)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[",
        "[1, 2]",
        '{"rows of a chain": 3}',
        '{"rows of a chain": {"predicted": "x"}}',
        '{"other": {"predicted": 3}}',
        "[" * 100_000,
    ],
)
def test_a_file_that_holds_something_else_counts_as_empty(tmp_path, capsys, text):
    path = tmp_path / "predictions.json"
    path.write_text(text)
    Predictions(path).predict(ROWS)
    assert "Put a number" in capsys.readouterr().out
    Predictions(path).predict(ROWS, 3)
    assert json.loads(path.read_text())[ROWS]["predicted"] == 3


def test_a_question_that_is_open_writes_nothing(kept, tmp_path):
    kept.predict(ROWS)
    assert list(tmp_path.iterdir()) == []


def test_two_notebooks_in_a_folder_keep_each_others_predictions(kept, tmp_path, capsys):
    other = Predictions(tmp_path / "predictions.json")
    kept.predict(ROWS, 64)
    other.predict("threads", 2)
    Predictions(tmp_path / "predictions.json").predict(ROWS)
    assert capsys.readouterr().out.endswith("you predict 64 rows.\n")


def test_where_nothing_can_be_written_predictions_last_as_long_as_the_kernel(tmp_path, capsys):
    kept = Predictions(tmp_path / "missing" / "predictions.json")
    kept.predict(ROWS, 64)
    kept.measure(chain)
    assert QUESTIONS[ROWS].right in " ".join(capsys.readouterr().out.split())


def test_an_experiment_on_a_function_that_is_not_written_says_which(kept, capsys):
    def matmul_parallel(A, B):
        raise NotImplementedError("this cell is not written yet")

    def side_of_mine(kernel):
        return kernel(1, 2)

    kept.measure(side_of_mine, matmul_parallel)
    assert capsys.readouterr().out == "Not measured: matmul_parallel is not written yet.\n"


def test_every_question_is_asked_by_one_experiment_and_answers_every_way_to_miss():
    asked = [name for one in EXPERIMENTS.values() for name in one.questions]
    assert sorted(asked) == sorted(QUESTIONS)
    for question in QUESTIONS.values():
        assert question.text.endswith("?")
        assert question.compare(10.0, 1000.0) == question.low
        assert question.compare(1000.0, 10.0) == question.high
        assert question.compare(10.0, 10.0) == question.right
        assert question.compare(10.0, 0.0) == question.right


def test_all_predictions_are_one_chart(kept):
    for name in QUESTIONS:
        kept.predict(name, 3.0)
    chart = kept.chart()
    assert [row[0] for row in chart.rows] == list(QUESTIONS)
    assert chart.draw is None  # none has met its figure


def test_where_nothing_could_be_measured_there_is_nothing_to_make_of_it(kept, capsys, monkeypatch):
    monkeypatch.setattr(ladder, "available", lambda: False)
    kept.predict("loop order", None)
    kept.measure(ladder.climb)
    said = capsys.readouterr().out
    assert "The compiled ladder needs Numba" in said
    assert "What to make of it" not in said
