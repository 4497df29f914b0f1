"""Rules by hand: what follows what, how soon, and never within a page."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from pipelines.models.sequence.model import rules
from pipelines.sections import SequenceParams
from tests.unit.models.small_data import WATCH, make_data


def found_in(rows, until=99, repeats=False, **changes):
    params = SequenceParams(
        **{
            "followers": 9,
            "max_steps": 2,
            "rule_half_life_events": 1.0,
            "shrinkage": 0.0,
            "half_life_events": 1.0,
            "max_history": 9,
            "prior_half_life_days": 1.0,
            "prior_weight": 1.0,
        }
        | changes
    )
    data = make_data(rows, ("a", "b", "c", "d"), tasks=(WATCH,))
    data = replace(data, prepared=data.prepared.model_copy(update={"repeats": repeats}))
    return sparse.vstack(list(rules(data, WATCH, params, until))).toarray()


def walk(user, *items):
    return [(user, item, 1 + place, 5.0) for place, item in enumerate(items)]


def test_what_follows_sooner_counts_more_and_what_follows_late_nothing():
    found = found_in(walk("u", "a", "b", "c", "d"))

    # one event further apart counts half; a is three events before d
    expected = [[0, 1, 0.5, 0], [0, 0, 1, 0.5], [0, 0, 0, 1], [0, 0, 0, 0]]
    np.testing.assert_allclose(found, expected)


def test_rules_are_shares_of_the_choices_and_end_with_the_user():
    found = found_in([*walk("u", "a", "b"), *walk("v", "a", "c"), *walk("w", "d")])

    np.testing.assert_allclose(found[0], [0, 0.5, 0.5, 0])
    assert not found[1:].any()


def test_few_choices_say_little():
    np.testing.assert_allclose(found_in(walk("u", "a", "b"), shrinkage=4.0)[0, 1], 1 / 5)


def test_siblings_of_a_page_never_follow_each_other():
    page = [("u", "b", 2, 5.0), ("u", "c", 2, 5.0)]

    found = found_in([("u", "a", 1, 5.0), *page, ("u", "d", 3, 5.0)])

    # both follow a at once; d follows c at once and b one event later
    np.testing.assert_allclose(found, [[0, 1, 1, 0], [0, 0, 0, 0.5], [0, 0, 0, 1], [0] * 4])


def test_nothing_is_learnt_from_after_the_end():
    assert found_in(walk("u", "a", "b", "c"), until=3)[1].tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize(("repeats", "own"), [(False, 0.0), (True, 0.5)])
def test_an_item_follows_itself_only_where_items_are_chosen_again(repeats, own):
    assert found_in(walk("u", "a", "a"), repeats=repeats)[0, 0] == own
