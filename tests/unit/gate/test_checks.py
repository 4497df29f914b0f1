from dataclasses import replace

import numpy as np
import pytest

from pipelines.gate.judging import judge
from tests.unit.gate.cases import (
    CUT,
    EVENTS_EACH,
    N_USERS,
    check_of,
    failed,
    judged_with,
    make_case,
    make_opponent,
    ranks_with,
)


def test_a_better_model_ships_as_a_first_release():
    verdict = judge(make_case())

    assert (verdict.verdict, verdict.winner, verdict.champion) == ("ship", "multitask", None)
    assert check_of(make_case(), "rollback_target").verdict == "not_applicable"
    assert "smallest detectable effect" in check_of(make_case(), "beats_popularity").reason


def test_popularity_ships_where_popularity_is_best():
    case = make_case("popularity", hits=0.1, baseline=0.1)

    assert judge(case).verdict == "ship"
    assert check_of(case, "beats_popularity").reason == "it is popularity: nothing better was found"
    assert check_of(case, "personalised:judged").verdict == "not_applicable"


# --- leakage


def test_a_history_that_holds_siblings_of_its_page_is_refused():
    case = make_case()
    data = case.window.data
    # two events an instant, in file order: the second still reads the first
    leaking = data.interactions.assign(timestamp=data.timestamps // 2 * 2)
    window = replace(case.window, data=replace(data, interactions=leaking))

    assert "leakage:histories" in failed(replace(case, window=window, data=window.data))


def test_a_judged_model_that_learnt_past_the_cut_is_refused():
    case = make_case()
    manifest = case.judged.manifest.model_copy(update={"fit_until": 2_000})

    assert failed(judged_with(case, manifest=manifest)) == ["cut"]


def test_a_judged_model_that_learnt_from_the_first_instant_after_the_cut_is_refused():
    case = make_case()
    at_the_cut = case.data.prepared.fit_cut
    manifest = case.judged.manifest.model_copy(update={"fit_until": at_the_cut})

    assert failed(judged_with(case, manifest=manifest)) == ["cut"]


def test_half_of_what_an_oracle_reaches_is_too_good_to_be_true():
    assert failed(make_case(hits=0.5, baseline=0.4)) == ["plausible"]


def test_many_times_the_best_other_family_is_too_good_to_be_true():
    case = make_case(hits=0.4, baseline=0.05)
    ranks = {**case.ranks, "popularity": ranks_with(case.window, 0.05)}

    assert failed(replace(case, ranks=ranks)) == ["plausible_gain"]


# --- superiority


def test_worse_than_popularity_is_refused():
    found = failed(make_case(hits=0.05))

    assert {"beats_popularity", "beats_best_baseline"} <= set(found)


def test_no_better_than_the_best_baseline_is_held():
    case = make_case()
    undecided = replace(case, ranks={**case.ranks, "cf": ranks_with(case.window, 0.3)})

    assert judge(undecided).verdict == "hold"
    assert "the interval includes 0" in check_of(undecided, "beats_best_baseline").reason


def test_a_lead_over_the_best_baseline_that_may_be_chance_is_held():
    case = make_case()
    ranks = ranks_with(case.window, 0.3)
    ranks[0] = 0  # one user's one item is all that it finds more
    found = check_of(replace(case, ranks={**case.ranks, "cf": ranks}), "beats_best_baseline")

    assert found.value > 0
    assert found.verdict == "undecided"


def test_a_window_that_is_too_small_holds_a_recipe_and_no_refresh():
    case = make_case()
    params = case.params.model_copy(update={"min_events": 5_000})

    assert judge(replace(case, params=params)).verdict == "hold"
    assert judge(replace(case, params=params, kind="refresh")).verdict == "ship"


@pytest.mark.parametrize("family", ["multitask", "cf"])
def test_an_unlucky_small_window_rejects_no_refresh(family):
    case = make_case(family, hits=0.05, kind="refresh")
    ranks = {**case.ranks, "content": ranks_with(case.window, 0.2)}
    small = case.params.model_copy(update={"min_users": 500})

    enough = failed(replace(case, ranks=ranks))
    verdict = judge(replace(case, ranks=ranks, params=small))

    assert {"beats_popularity", "beats_best_baseline"} <= set(enough)
    assert verdict.verdict == "ship", verdict.reason


@pytest.mark.parametrize(
    ("limits", "verdict"),
    [
        ({"min_events": N_USERS * EVENTS_EACH}, "pass"),
        ({"min_events": N_USERS * EVENTS_EACH + 1}, "undecided"),
        ({"min_users": N_USERS}, "pass"),
        ({"min_users": N_USERS + 1}, "undecided"),
    ],
    ids=["enough events", "one event short", "enough users", "one user short"],
)
def test_a_window_decides_from_its_smallest_size_on(limits, verdict):
    case = make_case()
    params = case.params.model_copy(update=limits)

    assert check_of(replace(case, params=params), "evidence").verdict == verdict


@pytest.mark.parametrize("family", ["cf", "content"])
def test_a_challenger_is_compared_with_the_best_of_the_baselines(family):
    case = make_case(hits=0.3, baseline=0.15)
    ranks = {**case.ranks, family: ranks_with(case.window, 0.2)}

    found = check_of(replace(case, ranks=ranks), "beats_best_baseline")

    assert (found.verdict, found.reason.split(":")[0]) == ("pass", f"against {family}")


def test_a_baseline_must_only_not_be_worse_than_the_others():
    equal = make_case("content", hits=0.2, baseline=0.2)
    worse = make_case("content", hits=0.2, baseline=0.3)

    assert check_of(equal, "beats_best_baseline").verdict == "pass"
    assert check_of(worse, "beats_best_baseline").verdict == "fail"


def test_worse_for_one_group_of_users_is_refused():
    case = make_case()
    is_m = case.window.data.profile[case.window.rows, 0] == "M"
    ranks = np.where(is_m, ranks_with(case.window, 0.15), ranks_with(case.window, 0.4))
    params = case.params.model_copy(update={"min_slice_events": 100, "min_slice_users": 10})
    answers = replace(case.judged.answers, ranks=ranks)

    found = failed(judged_with(replace(case, params=params), answers=answers))

    assert "slice:gender:M" in found
    assert "slice:gender:F" not in found


# --- champion


@pytest.mark.parametrize(
    ("champion", "kind", "verdict"),
    [
        pytest.param(0.3, "recipe", "ship", id="as good"),
        pytest.param(0.2, "refresh", "ship", id="better"),
        pytest.param(0.35, "recipe", "reject", id="worse by more than the margin"),
        pytest.param(0.35, "refresh", "reject", id="worse, in a refresh"),
    ],
)
def test_not_worse_than_the_champion(champion, kind, verdict):
    case = make_case(kind=kind, opponent=make_opponent(champion))

    assert judge(case).verdict == verdict


def test_too_little_evidence_against_the_champion_is_said_and_holds_no_refresh():
    case = make_case(hits=0.3, kind="refresh", opponent=make_opponent(0.35))
    params = case.params.model_copy(update={"min_users": 500})

    found = check_of(replace(case, params=params), "non_inferior_to_champion")

    assert found.verdict == "undecided"
    assert "the window is too small" in found.reason
    assert judge(replace(case, params=params)).verdict == "ship"


def test_a_champion_whose_artifact_is_gone_holds_a_recipe():
    opponent = replace(make_opponent(0.2), decides=None, served=None, fault="its artifact: damaged")

    verdict = judge(make_case(opponent=opponent))

    assert verdict.verdict == "hold"
    assert "rollback_target" in verdict.reason


def test_a_champion_that_has_seen_the_window_decides_nothing():
    opponent = make_opponent(0.35)
    rival = replace(opponent.decides, fit_until=10**9)

    found = check_of(
        make_case(kind="refresh", opponent=replace(opponent, decides=rival)),
        "non_inferior_to_champion",
    )

    assert found.verdict == "undecided"
    assert "it has seen the window" in found.reason


@pytest.mark.parametrize(
    ("fit_until", "verdict"),
    [(CUT - 1, "fail"), (CUT, "undecided")],
    ids=["the instant before the window", "its first instant"],
)
def test_a_champion_decides_while_it_learnt_from_before_the_window(fit_until, verdict):
    opponent = make_opponent(0.35)
    rival = replace(opponent.decides, fit_until=fit_until)

    found = check_of(
        make_case(kind="refresh", opponent=replace(opponent, decides=rival)),
        "non_inferior_to_champion",
    )

    assert found.verdict == verdict


@pytest.mark.parametrize(
    ("fit_until", "rival"),
    [(CUT - 1, "against the champion"), (CUT, "against cf")],
    ids=["has not seen the window", "has seen it"],
)
def test_slices_are_compared_with_a_champion_that_has_not_seen_them(fit_until, rival):
    opponent = make_opponent(0.3)
    decides = replace(opponent.decides, fit_until=fit_until)
    case = make_case(kind="refresh", opponent=replace(opponent, decides=decides))
    params = case.params.model_copy(update={"min_slice_events": 100, "min_slice_users": 10})

    found = check_of(replace(case, params=params), "slice:gender:M")

    assert found.reason.startswith(rival)


def test_the_served_champion_is_reported_on_what_came_after_it_learnt():
    opponent = make_opponent(0.3)
    # the tenth of 20 events of each of 60 users is the last that it learnt from
    served = replace(opponent.served, fit_until=CUT + 9)

    found = check_of(make_case(opponent=replace(opponent, served=served)), "champion_as_served")

    assert "600 events that it has not seen" in found.reason
    assert found.verdict == "not_applicable"


@pytest.mark.parametrize("name", ["plausible", "plausible_gain"])
def test_a_lucky_small_window_rejects_no_refresh(name):
    case = make_case(hits=0.9, baseline=0.05, kind="refresh")
    ranks = {**case.ranks, "popularity": ranks_with(case.window, 0.05)}
    params = case.params.model_copy(update={"min_users": 500})

    found = check_of(replace(case, ranks=ranks, params=params), name)

    assert found.verdict == "undecided"
