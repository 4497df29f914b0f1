"""What is asked of a model besides its ranking: tasks, catalogue, refit, budget."""

from dataclasses import replace

import numpy as np
import pytest

from pipelines.gate.behaviours import Observation
from pipelines.gate.judging import judge
from tests.unit.gate.cases import (
    K,
    check_of,
    failed,
    judged_with,
    make_answers,
    make_case,
    make_load,
    make_probe,
    make_subject,
    refit_with,
)


def test_a_ruined_head_is_refused_though_the_ranking_is_fine():
    case = make_case()
    predictions = case.judged.answers.predictions.copy()
    predictions[:, 0] = 1 - predictions[:, 0]
    answers = replace(case.judged.answers, predictions=predictions)

    assert failed(judged_with(case, answers=answers)) == ["task:like", "calibration:like"]


def test_a_head_that_looks_ruined_on_a_small_window_rejects_no_refresh():
    case = make_case(kind="refresh")
    predictions = case.judged.answers.predictions.copy()
    predictions[:, 0] = 1 - predictions[:, 0]
    predictions[:, 1] += 4
    answers = replace(case.judged.answers, predictions=predictions)
    params = case.params.model_copy(update={"min_users": 500})

    verdict = judge(judged_with(replace(case, params=params), answers=answers))

    found = {check.name: check.verdict for check in verdict.checks if check.verdict != "pass"}
    assert verdict.verdict == "ship"
    assert (found["task:like"], found["task:rating"]) == ("undecided", "undecided")


def test_a_regression_worse_than_the_mean_is_refused():
    case = make_case()
    predictions = case.judged.answers.predictions.copy()
    predictions[:, 1] += 4
    answers = replace(case.judged.answers, predictions=predictions)

    assert failed(judged_with(case, answers=answers)) == ["task:rating"]


def test_a_collapsed_catalogue_is_refused():
    case = make_case()
    params = case.params.model_copy(update={"min_coverage": 0.5})
    answers = replace(
        make_answers(case.window, 0.3), slates=np.zeros_like(case.judged.answers.slates)
    )

    assert failed(judged_with(replace(case, params=params), answers=answers)) == ["coverage"]


def test_a_refit_that_recommends_something_else_is_refused():
    others = np.full_like(make_probe().masked, "elsewhere")

    assert failed(refit_with(make_case(), probe=make_probe(masked=others))) == ["refit_overlap"]


def test_a_refit_of_another_recipe_is_refused():
    case = make_case()
    manifest = case.refit.manifest.model_copy(update={"params": {"cf": {"l2": 1.0}}})

    assert failed(refit_with(case, manifest=manifest)) == ["refit_recipe"]


def test_a_refit_that_missed_the_newest_event_is_refused():
    case = make_case()
    manifest = case.refit.manifest.model_copy(update={"fit_until": 1})

    assert failed(refit_with(case, manifest=manifest)) == ["refit_newest"]


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"n_bytes": 10**9}, "size:judged"),
        ({"load": make_load(latency_ms=5_000.0)}, "latency:judged"),
        ({"load": make_load(slowdown=5.0)}, "latency:judged"),
        ({"load": make_load(growth_bytes=1e9)}, "memory:judged"),
    ],
    ids=["large", "slow", "slower than its family", "growing"],
)
def test_a_model_beyond_its_budget_is_refused(changes, name):
    assert failed(judged_with(make_case(), **changes)) == [name]


@pytest.mark.parametrize(
    "changes",
    [
        {"n_bytes": 200 * 10**6},
        {"load": make_load(latency_ms=100.0)},
        {"load": make_load(slowdown=3.0)},
        {"load": make_load(slowdown=None)},
        {"load": make_load(growth_bytes=64e6)},
    ],
    ids=["size", "latency", "slowdown", "nothing to compare with", "memory"],
)
def test_a_model_at_its_budget_is_taken(changes):
    assert failed(judged_with(make_case(), **changes)) == []


def test_figures_that_vary_between_machines_are_not_written():
    slow = make_load(latency_ms=9.0, slowdown=1.3, growth_bytes=12.0)

    assert judge(judged_with(make_case(), load=slow)) == judge(make_case())


def test_a_model_that_misbehaves_is_refused_by_the_case_that_it_fails():
    seen = Observation("blocked_items", False, 3.0, 0.0, "blocked items in slates")

    assert failed(refit_with(make_case(), observations=[seen])) == ["behaviour:blocked_items:refit"]


def test_a_behaviour_that_a_family_does_not_promise_is_told_and_decides_nothing():
    seen = Observation("order_matters", None, None, None, "promised by sequence only")

    found = check_of(
        judged_with(make_case(), observations=[seen]), "behaviour:order_matters:judged"
    )

    assert (found.verdict, found.reason) == ("not_applicable", "promised by sequence only")


def test_a_foreign_artifact_is_judged_without_a_winner_or_a_refit():
    case = replace(make_case(), winner=None, refit=None)

    verdict = judge(case)

    assert verdict.verdict == "ship"
    assert len(case.judged.probe.slates[0]) == K
    assert check_of(case, "refit_overlap").verdict == "not_applicable"


@pytest.mark.parametrize(
    ("hits", "is_refused"), [(0.15, True), (0.2, False)], ids=["worse", "as good"]
)
def test_an_artifact_that_calls_itself_a_baseline_is_compared_with_that_baseline(hits, is_refused):
    case = make_case(baseline=0.2)
    subject = make_subject(case.window, "judged", hits, "cf")

    found = failed(replace(case, winner=None, refit=None, judged=subject))

    assert ("beats_best_baseline" in found) == bool(found) == is_refused


def test_an_artifact_that_calls_itself_popularity_and_is_worse_is_refused():
    case = make_case()
    subject = make_subject(case.window, "judged", 0.05, "popularity")

    found = failed(replace(case, winner=None, refit=None, judged=subject))

    assert "beats_popularity" in found
