"""Rolling origins: where the cuts lie, what is predicted after each, and how windows are pooled."""

import numpy as np
import pytest

from pipelines.compare.origins import Scored, differences, origins, pooled
from pipelines.compare.step import run
from pipelines.errors import UnknownFamily
from tests.unit.small_tables import make_data
from tests.world import world_params

ITEMS = ["1", "2"]


def make_events(instants: list[int]):
    rows = [(f"user {n}", instant, ITEMS[n % 2], 5.0) for n, instant in enumerate(instants)]
    return make_data(rows, ITEMS, validation_cut=None, test_cut=max(instants))


def test_the_windows_follow_each_other_and_end_with_the_data():
    data = make_events(list(range(10)))

    found = origins(data, count=2, first_share=0.6)

    assert [origin.cut for origin in found] == [6, 8]
    assert [data.timestamps[origin.rows].tolist() for origin in found] == [[6, 7], [8, 9]]


def test_equal_instants_stay_together_after_their_cut():
    data = make_events([0, 1, 2, 3, 5, 5, 5, 8, 9, 9])

    first, second = origins(data, count=2, first_share=0.6)

    assert (first.cut, second.cut) == (5, 9)
    assert sorted(data.timestamps[first.rows]) == [5, 5, 5, 8]
    assert sorted(data.timestamps[second.rows]) == [9, 9]


def test_two_cuts_at_one_instant_are_one():
    assert len(origins(make_events([0, 1, 1, 1, 1]), count=3, first_share=0.4)) == 1


def scored(users: list[int], gains: list[float]) -> Scored:
    return Scored(np.array(users), np.array(gains))


def test_differences_are_pooled_over_all_interactions_and_paired():
    ours = [scored([1, 1, 2], [1.0, 1.0, 0.0]), scored([1], [0.0])]
    theirs = [scored([1, 1, 2], [0.0, 1.0, 0.0]), scored([1], [1.0])]

    found = pooled(ours, theirs, samples=50, seed=1)

    assert found.difference == 0.0  # + 1 at the first origin, - 1 at the second one
    assert found.n_users == 2  # user 1 of both windows is one


def test_every_pair_of_families_is_compared_once():
    one = [scored([1, 2], [1.0, 1.0])]
    none = [scored([1, 2], [0.0, 0.0])]

    found = differences({"a": one, "b": none, "c": none}, samples=10, seed=1)

    assert {pair: gap.difference for pair, gap in found.items()} == {
        ("a", "b"): 1.0,
        ("a", "c"): 1.0,
        ("b", "c"): 0.0,
    }


@pytest.mark.parametrize(
    ("families", "said"),
    [(["cf"], "fewer than two"), (["cf", "cf"], "fewer than two"), (["cf", "als9"], "'als9'")],
    ids=["one", "twice the same", "an unknown one"],
)
def test_families_that_cannot_be_compared_are_refused(families, said):
    with pytest.raises(UnknownFamily, match=said):
        run(world_params(), families, n_origins=2)
