"""What decides by numbers: slices, pooled refreshes, tasks beside the champion's, coverage."""

from dataclasses import replace

import numpy as np
import pytest

from pipelines.contracts.model import Estimate, PairedGains
from pipelines.gate.case import paired_gains
from pipelines.gate.checks.slices import holm
from pipelines.gate.judging import judge
from tests.unit.gate.cases import (
    N_USERS,
    K,
    check_of,
    failed,
    judged_with,
    make_answers,
    make_case,
    make_opponent,
    make_window,
    ranks_with,
)

# --- several slices


def test_the_smallest_of_several_p_values_must_be_smaller():
    # .05 / 3 = .0167 refuses .016; then .05 / 2 = .025 does not refuse .03
    assert holm([0.03, 0.016, 0.9], 0.05) == [False, True, False]


def test_one_p_value_is_held_against_the_whole_error():
    assert holm([0.05], 0.05) == [True]
    assert holm([0.051], 0.05) == [False]


def test_after_the_first_that_is_not_refused_none_is():
    # .04 would pass .05 / 1, but .03 before it did not pass .05 / 2
    assert holm([0.04, 0.03], 0.05) == [False, False]


def test_a_slice_that_is_worse_by_chance_is_no_failure():
    case = make_case()
    ranks = case.judged.answers.ranks.copy()
    is_m = case.data.profile[case.window.rows, 0] == "M"
    ranks[np.flatnonzero(is_m & (ranks > 0))[:3]] = 0

    found = check_of(
        judged_with(case, answers=replace(case.judged.answers, ranks=ranks)), "slice:gender:M"
    )

    assert found.verdict == "pass"
    assert "Holm's correction for" in found.reason


def test_a_slice_of_few_users_is_told_and_decides_nothing():
    params = make_case().params.model_copy(update={"min_slice_users": N_USERS + 1})

    verdict = judge(make_case(params=params))

    assert not [check for check in verdict.checks if check.name.startswith("slice:")]
    assert "gender:M" in check_of(make_case(params=params), "slices_too_small").reason


# --- several windows


def test_the_consecutive_windows_are_told_beside_the_pooled_difference():
    reason = check_of(make_case(hits=0.3, baseline=0.2), "beats_popularity").reason

    # of 20 events a user it finds the first 6 and popularity the first 2; a window holds 5
    assert "pooled over 4 consecutive windows with +0.6000, +0.2000, +0.0000, +0.0000" in reason


# --- several refreshes


def make_gains(users: int, ours: float, theirs: float) -> PairedGains:
    """A refresh on `users` users of 20 events, with sums per user that vary a little."""
    wave = [0.1 * (user % 3 - 1) for user in range(users)]
    return PairedGains(
        n_events=[20] * users,
        ours=[20 * ours + extra for extra in wave],
        theirs=[20 * theirs - extra for extra in wave],
    )


def refreshed(ours: float, theirs: float, former_users: int):
    """A refresh as good as its champion in a window too small to decide, after another one."""
    former = [make_gains(former_users, ours, theirs)]
    opponent = replace(make_opponent(0.3), former=former)
    case = make_case(hits=0.3, kind="refresh", opponent=opponent)
    params = case.params.model_copy(update={"min_users": N_USERS + 40, "min_events": 2_000})
    return check_of(replace(case, params=params), "non_inferior_to_champion")


@pytest.mark.parametrize(
    ("ours", "theirs", "former_users", "verdict"),
    [
        (0.3, 0.3, 40, "pass"),
        (0.1, 0.5, 40, "fail"),
        (0.3, 0.3, 39, "undecided"),
        (0.1, 0.5, 39, "undecided"),
    ],
    ids=["as good", "worse before", "too few together", "worse, and too few together"],
)
def test_small_refreshes_are_judged_together(ours, theirs, former_users, verdict):
    found = refreshed(ours, theirs, former_users)

    assert found.verdict == verdict, found.reason
    assert "1 earlier refreshes of the recipe" in found.reason


def test_a_window_that_is_large_enough_decides_by_itself():
    opponent = replace(make_opponent(0.3), former=[make_gains(40, 0.1, 0.9)])

    found = check_of(
        make_case(hits=0.3, kind="refresh", opponent=opponent), "non_inferior_to_champion"
    )

    assert found.verdict == "pass"


def test_a_refresh_writes_down_what_later_ones_pool():
    verdict = judge(make_case(hits=0.3, kind="refresh", opponent=make_opponent(0.2)))

    assert verdict.gains is not None
    assert sum(verdict.gains.n_events) == len(make_window().rows)
    assert sum(verdict.gains.ours) > sum(verdict.gains.theirs) > 0


def test_a_recipe_writes_none():
    assert judge(make_case(opponent=make_opponent(0.2))).gains is None


def test_the_order_of_the_gains_names_nobody():
    window = make_window()
    ours = ranks_with(window, 0.3)
    backwards = ours.reshape(N_USERS, -1)[::-1].ravel()
    ours[:5] = 0
    backwards = ours.reshape(N_USERS, -1)[::-1].ravel()

    assert paired_gains(window, ours, ours) == paired_gains(window, backwards, backwards)


# --- tasks beside the champion's


def with_predictions(case, column, change):
    predictions = case.judged.answers.predictions.copy()
    predictions[:, column] = change(predictions[:, column])
    return judged_with(case, answers=replace(case.judged.answers, predictions=predictions))


def unsure(p):
    return 0.5 + (p - 0.5) * 0.3


@pytest.mark.parametrize(
    ("column", "change", "name"),
    [(0, unsure, "task_regression:like"), (1, lambda value: value + 0.5, "task_regression:rating")],
    ids=["a probability", "a value"],
)
def test_a_task_that_is_worse_than_the_champions_is_refused(column, change, name):
    case = make_case(opponent=make_opponent(0.2))
    noisy = replace(case.opponent.decides.answers)
    noisy.predictions[:, 1] += np.where(np.arange(len(noisy.rows)) % 2, 0.3, -0.3)

    assert check_of(case, name).verdict == "pass"
    assert check_of(with_predictions(case, column, change), name).verdict == "fail"


def test_a_task_that_the_champion_does_not_know_is_told():
    opponent = make_opponent(0.2)
    rival = replace(opponent.decides, heads=["rating"])

    found = check_of(make_case(opponent=replace(opponent, decides=rival)), "task_regression:like")

    assert found.verdict == "not_applicable"


# --- coverage


def estimates(coverage: float):
    figure = Estimate(value=coverage, low=None, high=None, n_events=1, n_users=1)
    return {"cf": {f"coverage_at_{K}": figure}}


@pytest.mark.parametrize(("of_cf", "names"), [(0.9, ["coverage"]), (0.7, [])])
def test_a_coverage_far_below_the_best_baselines_is_refused(of_cf, names):
    case = make_case(estimates=estimates(of_cf))
    few = np.broadcast_to(np.arange(K) % 4, case.judged.answers.slates.shape)  # 4 of 20 items

    assert failed(judged_with(case, answers=replace(case.judged.answers, slates=few))) == names


def test_popularity_needs_to_show_no_more_than_the_least():
    case = make_case("popularity", hits=0.1, baseline=0.1, estimates=estimates(0.9))
    few = np.broadcast_to(np.arange(K) % 4, case.judged.answers.slates.shape)

    assert failed(judged_with(case, answers=replace(case.judged.answers, slates=few))) == []


def test_a_coverage_far_below_the_champions_is_refused():
    case = make_case(opponent=make_opponent(0.2))
    one = np.zeros_like(make_answers(case.window, 0.3).slates)  # 1 of 20, the champion shows 20

    found = failed(judged_with(case, answers=replace(case.judged.answers, slates=one)))

    assert found == ["coverage"]
