import pytest

from pipelines.contracts.model import Estimate, RunFile, TrainReport
from pipelines.errors import UnknownFamily
from pipelines.evaluate.naming import name_winner

METRIC = "ndcg_at_10"
DIGEST = "d" * 64


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

    winner = name_winner(reports, RunFile(kind="recipe"), METRIC, DIGEST)

    assert winner.family == "cf"
    assert winner.scores == figures
    assert winner.chosen_by == "ndcg_at_10 on validation, live"


def test_the_record_is_all_that_a_refit_needs():
    winner = name_winner([make_report("cf", 0.11)], RunFile(kind="recipe"), METRIC, DIGEST)

    assert (winner.params, winner.epochs, winner.calibration) == (
        {"cf": {"l2": 1.0}},
        3,
        {"like": [1.0, 0.0]},
    )
    assert (winner.code_digest, winner.artifact_digest) == ("code of cf", "artifact of cf")


def test_of_equals_the_first_listed_wins():
    reports = [make_report("popularity", 0.1), make_report("cf", 0.1)]

    assert name_winner(reports, RunFile(kind="recipe"), METRIC, DIGEST).family == "popularity"


def test_in_a_refresh_the_champions_family_stays():
    reports = [make_report("popularity", None), make_report("cf", None)]

    winner = name_winner(reports, RunFile(kind="refresh", family="cf"), METRIC, DIGEST)

    assert (winner.family, winner.scores, winner.kind) == ("cf", {}, "refresh")


def test_a_refresh_whose_family_was_not_fitted_is_refused():
    run_file = RunFile(kind="refresh", family="multitask")

    with pytest.raises(UnknownFamily, match="multitask"):
        name_winner([make_report("cf", None)], run_file, METRIC, DIGEST)
