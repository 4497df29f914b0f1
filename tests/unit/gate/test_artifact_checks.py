"""Is it an artifact at all, of this data, and does it answer like a model?"""

from dataclasses import replace

import numpy as np
import pytest

from pipelines.gate.judging import judge
from tests.unit.gate.cases import (
    ITEMS,
    check_of,
    failed,
    judged_with,
    make_case,
    make_opponent,
    make_probe,
    ranks_with,
    refit_with,
    stopped,
)

# --- integrity

PARITY = "feature_parity:judged"


def test_changed_data_are_refused():
    assert failed(replace(make_case(), prepared_digest="q" * 64)) == ["data_frozen"]


def test_other_answers_than_were_evaluated_are_refused():
    case = make_case()
    ranks = {**case.ranks, "multitask": ranks_with(case.window, 0.25)}

    assert failed(replace(case, ranks=ranks)) == ["reproduced"]


def test_another_artifact_than_the_winner_is_refused():
    assert failed(judged_with(make_case(), digest="b" * 64)) == ["digest:judged"]


def test_a_refit_that_a_fresh_process_answers_otherwise_is_refused():
    case = make_case()
    refit = case.refit.refused_by("golden", "2 golden requests differ")

    assert failed(replace(case, refit=refit)) == ["golden:refit"]


def test_a_catalogue_of_an_older_snapshot_is_refused():
    case = make_case()
    manifest = case.judged.manifest.model_copy(update={"item_ids": ITEMS[:-1]})

    assert failed(judged_with(case, manifest=manifest)) == ["catalogue_current:judged"]


@pytest.mark.parametrize("check", ["digest", "ops_allowed", "signature", "golden"])
def test_an_artifact_that_is_stopped_is_refused_by_that_check_alone(check):
    case = make_case(opponent=make_opponent(0.2))

    verdict = judge(replace(case, judged=stopped(case.judged, check)))

    found = {c.name: c for c in verdict.checks}
    assert verdict.verdict == "reject"
    assert [c.name for c in verdict.checks if c.verdict == "fail"] == [f"{check}:judged"]
    assert found["beats_popularity"].verdict == "not_applicable"
    assert found["beats_popularity"].reason == f"it was not asked: see {check}:judged"


def test_what_would_come_after_the_stop_is_not_said_to_be_fine():
    case = make_case()

    verdict = judge(replace(case, judged=stopped(case.judged, "ops_allowed")))

    found = {check.name: check.verdict for check in verdict.checks}
    assert found["signature:judged"] == found["golden:judged"] == "not_applicable"
    assert found["digest:judged"] == "pass"


def test_operations_that_reach_nothing_outside_are_refused_and_the_model_asked():
    case = make_case()
    graph = replace(case.judged.graph, contained=["AssignAddVariableOp"])

    found = judged_with(case, graph=graph)

    assert failed(found) == ["ops_allowed:judged"]
    assert check_of(found, "beats_popularity").verdict == "pass"


def test_a_graph_that_draws_at_random_is_not_deterministic_however_rarely_it_shows():
    case = make_case()
    graph = replace(case.judged.graph, contained=["StatelessRandomUniform"])

    assert failed(judged_with(case, graph=graph)) == ["ops_allowed:judged", "deterministic:judged"]


def test_a_graph_that_reads_the_machines_clock_knows_more_than_the_request_says():
    case = make_case()
    graph = replace(case.judged.graph, contained=["Timestamp"])

    assert failed(judged_with(case, graph=graph)) == ["ops_allowed:judged", "leakage:clock"]


@pytest.mark.parametrize(("share", "names"), [(0.31, ["feature_parity:refit"]), (0.3, [])])
def test_a_model_to_which_what_it_learnt_means_nothing_is_refused(share, names):
    assert failed(refit_with(make_case(), probe=make_probe(unread=share))) == names


def test_popularity_reads_no_history():
    case = judged_with(make_case("popularity", hits=0.1), probe=make_probe(unread=1.0))

    assert check_of(case, "feature_parity:judged").verdict == "not_applicable"


# --- provenance


def test_a_row_that_no_partition_holds_is_refused():
    accepted = replace(make_case().accepted, foreign_rows=1)

    assert failed(make_case(accepted=accepted)) == ["data_accepted"]


def test_an_artifact_that_names_data_that_were_never_accepted_is_refused():
    accepted = replace(make_case().accepted, versions=["data/2000-12-25"])

    found = make_case(accepted=accepted)

    assert failed(found) == ["data_accepted"]
    assert check_of(found, "data_accepted").value == "data/2001-01-01"


def test_without_accepted_partitions_nothing_is_said_about_them():
    accepted = replace(make_case().accepted, versions=[], foreign_rows=None)

    assert check_of(make_case(accepted=accepted), "data_accepted").verdict == "not_applicable"


def test_that_there_is_no_list_of_forgotten_people_is_told():
    assert check_of(make_case(), "forgotten_absent").verdict == "not_applicable"


# --- sanity


def test_nan_in_any_score_or_prediction_is_refused():
    scores = np.tile(np.linspace(0, 1, len(ITEMS), dtype=np.float32), (4, 1))
    scores[2, 3] = np.nan

    assert failed(judged_with(make_case(), probe=make_probe(scores=scores))) == ["finite:judged"]


@pytest.mark.parametrize(
    ("catalogue", "expected"),
    [(ITEMS, ["finite:judged"]), (ITEMS[1:], [])],
    ids=["of a known item", "of an item that the model does not know"],
)
def test_nan_in_a_prediction_of_the_window_is_refused(catalogue, expected):
    case = make_case()
    answers = case.judged.answers
    predictions = answers.predictions.copy()
    predictions[0, 1] = np.nan  # of item 00, each user's first
    manifest = case.judged.manifest.model_copy(update={"item_ids": catalogue})
    changed = replace(answers, predictions=predictions)

    found = failed(judged_with(case, answers=changed, manifest=manifest))

    assert [name for name in found if name.startswith("finite")] == expected


def test_a_figure_that_is_not_finite_is_told_in_words():
    found = check_of(judged_with(make_case(), probe=make_probe(unread=float("nan"))), PARITY)

    assert (found.verdict, found.value) == ("fail", "nan")


def test_constant_scores_are_refused():
    probe = make_probe(scores=np.full((4, len(ITEMS)), 0.5, dtype=np.float32))

    assert failed(refit_with(make_case(), probe=probe)) == ["varied:refit"]


def test_one_slate_for_nearly_everybody_is_refused():
    slates = make_probe().slates.copy()
    slates[: int(0.95 * len(slates))] = slates[0]

    found = failed(judged_with(make_case(), probe=make_probe(slates=slates)))

    assert found == ["personalised:judged"]


def test_an_excluded_item_in_a_slate_is_refused():
    case = make_case()
    answers = replace(case.judged.answers, forbidden=1)

    assert failed(judged_with(case, answers=answers)) == ["exclusions:judged"]


def test_an_answer_that_changes_with_its_neighbours_is_refused():
    assert failed(judged_with(make_case(), probe=make_probe(unsteady=1))) == [
        "deterministic:judged"
    ]
