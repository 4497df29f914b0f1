from pipelines.tune.turns import Share, next_share


def test_the_family_that_has_had_least_is_next() -> None:
    slow, quick = Share("slow", quickest=None, spent=60.0), Share("quick", None, spent=59.0)

    assert next_share([slow, quick], left=100.0) is quick


def test_of_families_that_have_had_the_same_the_first_is_next() -> None:
    first, second = Share("first", None), Share("second", None)

    assert next_share([first, second], left=1.0) is first


def test_seconds_and_not_trials_are_shared() -> None:
    slow, quick = Share("slow", None), Share("quick", None)
    seconds, order = {"slow": 30.0, "quick": 10.0}, []

    while share := next_share([slow, quick], left=120.0 - slow.spent - quick.spent):
        share.charge(seconds[share.family], is_whole=True)
        order.append(share.family)

    assert (slow.spent, quick.spent) == (60.0, 60.0)
    assert order == ["slow", *["quick"] * 3, "slow", *["quick"] * 3]


def test_a_trial_that_would_not_end_in_time_is_not_begun() -> None:
    slow = Share("slow", quickest=30.0, spent=0.0)
    quick = Share("quick", quickest=10.0, spent=50.0)

    assert next_share([slow, quick], left=29.0) is quick
    assert next_share([slow, quick], left=9.0) is None


def test_a_family_of_unknown_cost_is_begun_as_long_as_anything_is_left() -> None:
    assert next_share([Share("new", quickest=None)], left=0.1) is not None
    assert next_share([Share("new", quickest=None)], left=0.0) is None


def test_a_pruned_trial_does_not_say_how_quick_a_whole_one_is() -> None:
    share = Share("epochs", quickest=100.0)

    share.charge(8.0, is_whole=False)
    share.charge(90.0, is_whole=True)

    assert share == Share("epochs", quickest=90.0, spent=98.0)
