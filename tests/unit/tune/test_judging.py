import numpy as np
import pytest

from pipelines.contracts.model import UserGains
from pipelines.contracts.tune import Trial
from pipelines.tune.judging import best_of, corrected_difference, front, judge, objectives

SAMPLES, SEED = 500, 3


def make_trial(number: int, value: float | None, **metrics: float) -> Trial:
    return Trial(
        number=number,
        setting={},
        state="pruned" if value is None else "complete",
        value=value,
        metrics=metrics,
        by_epoch={},
        seconds=1.0,
        reason=None,
        experiment=None,
    )


def make_gains(means: np.ndarray, events: int = 4) -> UserGains:
    return UserGains(n_events=[events] * len(means), gains=[float(m) * events for m in means])


def test_the_best_is_the_highest_value_and_of_equals_the_first() -> None:
    trials = [make_trial(0, 0.1), make_trial(1, None), make_trial(2, 0.3), make_trial(3, 0.3)]

    assert best_of(trials) == trials[2]
    assert best_of([make_trial(0, None)]) is None


def test_a_setting_that_is_better_for_every_user_improves_by_just_that() -> None:
    present = np.linspace(0.1, 0.5, 40)
    gains = {0: make_gains(present), 5: make_gains(present + 0.1)}

    judged = judge(gains, best=5, present=0, samples=SAMPLES, seed=SEED)

    assert judged.difference.difference == pytest.approx(0.1)
    assert (judged.difference.low, judged.difference.high) == pytest.approx((0.1, 0.1))
    assert judged.corrected == pytest.approx(0.1)
    assert judged.improves


def test_users_count_by_their_events() -> None:
    present = UserGains(n_events=[9, 1] * 30, gains=[0.0, 0.0] * 30)
    other = UserGains(n_events=[9, 1] * 30, gains=[0.9, 0.0] * 30)  # .1 an event, and 0

    judged = judge({0: present, 1: other}, best=1, present=0, samples=SAMPLES, seed=SEED)

    assert judged.difference.difference == pytest.approx(0.09)  # 9 of 10 events gain .1


def test_the_best_of_many_equal_settings_is_told_from_a_better_one() -> None:
    """Noise alone: the chosen one looks better, and on other users it is not."""
    random = np.random.default_rng(1)
    users, noise, settings = 60, 0.05, 40
    gains = {n: make_gains(0.3 + noise * random.normal(size=users)) for n in range(settings)}
    means = {n: sum(one.gains) / sum(one.n_events) for n, one in gains.items()}
    best = max(means, key=means.__getitem__)

    judged = judge(gains, best, present=0, samples=SAMPLES, seed=SEED)

    # the best of 40 lies about 2.16 standard errors above the mean of all (normal order statistics)
    error = noise / users**0.5
    assert judged.difference.difference > 1.0 * error
    assert judged.corrected < 0.5 * judged.difference.difference
    assert not (judged.improves and judged.corrected <= 0)


def test_an_interval_above_nothing_does_not_suffice_where_the_choice_made_it() -> None:
    """Each of many settings is great for one user: whoever is drawn chooses his own."""
    users = 30
    gains = {0: make_gains(np.full(users, 0.3))}
    for user in range(users):
        means = np.full(users, 0.295)
        means[user] = 0.9
        gains[user + 1] = make_gains(means)

    corrected = corrected_difference(gains, present=0, samples=SAMPLES, seed=SEED)

    # the chosen one's own user was drawn, so on the others it loses .005 each
    assert corrected == pytest.approx(-0.005)


def test_the_front_holds_what_no_other_dominates() -> None:
    trials = [
        make_trial(0, 0.3, ndcg_at_10=0.3, like_auc=0.7, stars_rmse=1.0),
        make_trial(1, 0.2, ndcg_at_10=0.2, like_auc=0.8, stars_rmse=1.0),
        make_trial(2, 0.2, ndcg_at_10=0.2, like_auc=0.7, stars_rmse=0.9),
        make_trial(3, 0.2, ndcg_at_10=0.2, like_auc=0.7, stars_rmse=1.0),  # beaten by 0, 1 and 2
        make_trial(4, None),
        make_trial(5, 0.3, ndcg_at_10=0.3, like_auc=0.7, stars_rmse=1.0),  # equal to 0
    ]
    aims = objectives(trials, "ndcg_at_10", ["like", "stars"])

    assert aims == {"ndcg_at_10": "maximise", "like_auc": "maximise", "stars_rmse": "minimise"}
    assert front(trials, aims) == [0, 1, 2, 5]


def test_a_head_in_which_trials_do_not_differ_is_no_objective() -> None:
    trials = [make_trial(n, 0.1 * n, ndcg_at_10=0.1 * n, like_auc=0.7) for n in range(3)]

    assert objectives(trials, "ndcg_at_10", ["like"]) == {"ndcg_at_10": "maximise"}
