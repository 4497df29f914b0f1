import pytest

from pipelines.contracts.model import Difference, Estimate, RunFile, TrainReport
from pipelines.errors import UnknownFamily
from pipelines.evaluate.naming import Choice, name_winner

METRIC = "ndcg_at_10"
RECIPE = Choice(RunFile(kind="recipe"), METRIC, "d" * 64)


def make_gap(low: float, high: float) -> Difference:
    return Difference(difference=(low + high) / 2, low=low, high=high, n_users=5)


def refresh_of(family: str) -> Choice:
    return Choice(RunFile(kind="refresh", family=family), METRIC, "d" * 64)


def make_report(family: str, ndcg: float | None) -> TrainReport:
    estimate = (
        None
        if ndcg is None
        else Estimate(value=ndcg, low=ndcg - 0.01, high=ndcg + 0.01, n_events=10, n_users=5)
    )
    return TrainReport(
        schema=1,
        family=family,
        validation=None if estimate is None else {METRIC: estimate},
        validation_users=None,
        epochs=3,
        calibration={"like": [1.0, 0.0]},
        learning_curve=[],
        params={family: {"l2": 1.0}},
        code_digest=f"code of {family}",
        artifact_digest=f"artifact of {family}",
        fit_until=7,
    )


def test_the_best_on_validation_wins():
    figures = {"popularity": 0.04, "cf": 0.11, "multitask": 0.1}
    reports = [make_report(family, ndcg) for family, ndcg in figures.items()]

    winner = name_winner(reports, RECIPE, {})

    assert winner.family == "cf"
    assert winner.scores == figures
    assert winner.chosen_by == "ndcg_at_10 on validation, live"


def test_the_record_is_all_that_a_refit_needs():
    winner = name_winner([make_report("cf", 0.11)], RECIPE, {})

    assert (winner.params, winner.epochs, winner.calibration) == (
        {"cf": {"l2": 1.0}},
        3,
        {"like": [1.0, 0.0]},
    )
    assert (winner.code_digest, winner.artifact_digest) == ("code of cf", "artifact of cf")


def test_of_equals_the_first_listed_wins():
    reports = [make_report("popularity", 0.1), make_report("cf", 0.1)]

    assert name_winner(reports, RECIPE, {}).family == "popularity"


def test_in_a_refresh_the_champions_family_stays():
    reports = [make_report("popularity", None), make_report("cf", None)]

    winner = name_winner(reports, refresh_of("cf"), {})

    assert (winner.family, winner.scores, winner.kind) == ("cf", {}, "refresh")


def test_a_refresh_whose_family_was_not_fitted_is_refused():
    with pytest.raises(UnknownFamily, match="multitask"):
        name_winner([make_report("cf", None)], refresh_of("multitask"), {})


@pytest.mark.parametrize(
    ("low", "family"),
    [
        pytest.param(0.001, "multitask", id="above 0"),
        pytest.param(0.0, "cf", id="touching 0"),
        pytest.param(-0.001, "cf", id="within the noise"),
    ],
)
def test_a_challenger_must_beat_the_best_baseline_by_an_interval(low, family):
    figures = {"popularity": 0.04, "cf": 0.1, "multitask": 0.11}
    reports = [make_report(name, ndcg) for name, ndcg in figures.items()]

    winner = name_winner(reports, RECIPE, {"multitask": make_gap(low, 0.02)})

    assert winner.family == family
    assert "multitask minus cf" in winner.chosen_by
    assert winner.scores == figures


def test_the_best_baseline_may_be_any_of_them():
    figures = {"popularity": 0.04, "cf": 0.07, "content": 0.09, "multitask": 0.1}
    reports = [make_report(name, ndcg) for name, ndcg in figures.items()]

    winner = name_winner(reports, RECIPE, {"multitask": make_gap(-0.001, 0.02)})

    assert winner.family == "content"


def test_a_challenger_behind_the_best_baseline_does_not_win():
    reports = [make_report("cf", 0.11), make_report("multitask", 0.1)]

    winner = name_winner(reports, RECIPE, {"multitask": make_gap(-0.02, -0.001)})

    assert (winner.family, winner.chosen_by) == ("cf", "ndcg_at_10 on validation, live")
