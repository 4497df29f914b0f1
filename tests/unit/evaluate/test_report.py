import re

import pytest

from pipelines.contracts.model import Metrics, TrainReport, Winner
from pipelines.evaluate.report import Report, page
from pipelines.measures.protocols import Questions, live
from pipelines.measures.scores import Window, estimates, paired, sliced
from tests.unit.small_tables import FixedOrder, make_data

ITEMS = ["1", "2", "3", "4"]
ROWS = [("a", 1, "1", 5.0), ("a", 9, "2", 4.0), ("d", 9, "4", 3.0), ("d", 11, "1", 5.0)]


@pytest.fixture
def content():
    data = make_data(ROWS, ITEMS, validation_cut=5, test_cut=9)
    window = Window(data, data.window("test"), k=2, samples=20, seed=1)
    models = {"<b>": FixedOrder(ITEMS), "multitask": FixedOrder(ITEMS[::-1])}
    answers = {f: live(m, Questions(data, window.rows, 2, 9)) for f, m in models.items()}
    metrics = Metrics(
        schema=1,
        cut="2001-01-01T00:00:00Z",
        test={"live": {family: estimates(a, window) for family, a in answers.items()}},
        paired={"live": paired({family: a.ranks for family, a in answers.items()}, window)},
        slices={"live": {family: sliced(a, window) for family, a in answers.items()}},
    )
    report = TrainReport(
        schema=1,
        family="multitask",
        validation=None,
        validation_users=None,
        epochs=2,
        calibration={},
        learning_curve=[{"epoch": 1.0, "loss": 3.0}, {"epoch": 2.0, "loss": 2.0}],
        params={},
        code_digest="c",
        artifact_digest="a",
        fit_until=7,
    )
    winner = Winner(
        schema=1,
        kind="recipe",
        family="multitask",
        params={},
        epochs=2,
        calibration={},
        code_digest="c",
        artifact_digest="a",
        fit_until=7,
        prepared_digest="p",
        chosen_by="ndcg_at_2 on validation, live",
        scores={"<b>": 0.1, "multitask": 0.2},
    )
    return Report(winner, data.prepared, metrics, [report], 2)


def test_equal_figures_give_equal_bytes(content):
    assert page(content) == page(content)


def test_the_page_names_the_winner_and_how_it_was_chosen(content):
    text = page(content)

    assert "multitask, by ndcg_at_2 on validation, live" in text
    assert "<tr class=wins><td>multitask</td>" in text
    assert "Learning curves, multitask, 2 epochs" in text


def test_the_page_is_self_contained(content):
    text = page(content)

    assert not re.search(r"(src|href)\s*=\s*[\"'](?!#)", text)
    assert "<script" not in text
    assert text.count("<svg") == 2  # slices, one learning curve


def test_names_are_escaped(content):
    text = page(content)

    assert "<td><b></td>" not in text
    assert "&lt;b&gt;" in text
