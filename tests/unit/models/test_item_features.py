"""Rows of features by hand."""

import numpy as np
import pandas as pd
import pytest

from pipelines.models.item_features import MAX_VALUES, item_features

ALIKE = {"category": 1.0, "tags": 1.0, "number": 1.0, "text": 1.0}


def features_of(kinds, weights=ALIKE, **columns):
    """Without the column of zeros that every matrix begins with."""
    rows = item_features(pd.DataFrame(columns), kinds, weights)
    assert not rows[:, 0].any()
    return rows[:, 1:]


def test_rare_tags_weigh_more_and_what_all_have_weighs_nothing():
    tags = [["all", "war"], ["all", "war", "spy"], ["all", "spy"], ["all", "war"]]

    rows = features_of({"genres": "tags"}, genres=tags)

    # columns all, spy, war: log(4/4), log(4/2), log(4/3); then to length 1
    spy, war = np.log(2), np.log(4 / 3)
    both = np.hypot(spy, war)
    expected = [[0, 0, 1], [0, spy / both, war / both], [0, 1, 0], [0, 0, 1]]
    np.testing.assert_allclose(rows, expected)


def test_value_of_one_item_alone_has_no_column():
    rows = features_of({"kind": "category"}, kind=["a", "b", "b", "", None])

    np.testing.assert_allclose(rows, [[0], [1], [1], [0], [0]])


def test_words_are_folded_and_short_ones_and_digits_are_left_out():
    titles = ["Ein STRASSE 1999", "straße, ein", "ab 1999", "is 12", ""]

    rows = features_of({"title": "text"}, title=titles)

    # columns ein and strasse: "ß" folds to "ss"; both are carried by two of five
    half = np.sqrt(0.5)
    np.testing.assert_allclose(rows, [[half, half], [half, half], [0, 0], [0, 0], [0, 0]])


def test_number_lies_between_the_two_quantiles_next_to_it():
    years = np.array([0.0, 10.0, 20.0, 30.0, 40.0, np.nan, 25.0], dtype=np.float32)

    rows = features_of({"year": "number"}, year=years)

    # the quantiles of the six known ones at 0, 1/4 .. 1: 0, 12.5, 22.5, 28.75, 40
    at_10 = np.array([2.5, 10.0, 0, 0, 0]) / 12.5
    np.testing.assert_allclose(rows[1], at_10 / np.linalg.norm(at_10))
    np.testing.assert_allclose(rows[0], [1, 0, 0, 0, 0])
    np.testing.assert_allclose(rows[4], [0, 0, 0, 0, 1])
    np.testing.assert_allclose(rows[5], [0, 0, 0, 0, 0])


@pytest.mark.parametrize("kind", ["number", "timestamp"])
def test_weights_decide_the_cosine_of_items_that_agree_in_one_field(kind):
    rows = features_of(
        {"kind": "category", "when": kind},
        {**ALIKE, "number": 3.0},
        kind=["a", "a", "b", "b"],
        when=np.array([1.0, 2.0, 1.0, 2.0]),
    )

    cosines = rows @ rows.T
    # equal in the category alone: 1 of 4; in the number alone: 3 of 4; in nothing: 0
    np.testing.assert_allclose(cosines[0], [1, 0.25, 0.75, 0], atol=1e-12)


def test_number_that_is_known_of_nobody_says_nothing():
    rows = features_of({"year": "number"}, year=np.array([np.nan, np.nan]))

    assert rows.shape == (2, 0)


def test_field_with_many_values_keeps_the_most_carried():
    rare = [[f"rare {number}"] for number in range(MAX_VALUES)] * 2
    tags = [["often"]] * 3 + rare

    rows = features_of({"labels": "tags"}, labels=tags)

    assert rows.shape[1] == MAX_VALUES
    assert rows[:3].all(axis=0).any()  # "often" is kept, and one of the rare ones is not


def test_items_without_fields_have_a_vector_all_the_same():
    assert item_features(pd.DataFrame({"item_id": ["a", "b"]}), {}, ALIKE).tolist() == [[0], [0]]
