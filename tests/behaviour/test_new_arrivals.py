"""Items that nobody has chosen: what content alone can know, and what nobody else can."""

from dataclasses import replace

import numpy as np
import pytest

from pipelines.models.artifact import open_artifact, write
from pipelines.models.family import fit
from tests.behaviour.asking import right_share
from tests.cold_world import (
    CUT,
    DISLIKED_VALUE,
    GENRES,
    LIKED_VALUE,
    cold_params,
    make_cold_world,
    new_items,
    old_items,
)
from tests.world import DECOY, SLATE

WINDOW = "test"


@pytest.fixture(scope="module")
def cold_world():
    return make_cold_world()


@pytest.fixture(scope="module")
def fitted(cold_world, tmp_path_factory):
    """Returns a function: family to its artifact."""
    root = tmp_path_factory.mktemp("cold")

    def of(family):
        params, data = cold_params(), cold_world.data
        model = fit(family, data, params, until=CUT, epochs=None, calibration=None)
        write(root / family, model, data, params, CUT - 1)
        return open_artifact(root / family)

    return of


@pytest.fixture(scope="module")
def content(fitted):
    return fitted("content")


def test_content_finds_new_items_as_well_as_can_be(content, cold_world):
    """Would catch a kind of feature that is not read: a quarter of the users could not be told."""
    ceiling = cold_world.ceiling(WINDOW)
    noise = 3 * np.sqrt(0.25 / len(cold_world.asked(WINDOW)))  # three standard deviations

    assert right_share(content, cold_world, WINDOW) == pytest.approx(ceiling, abs=noise)


@pytest.mark.parametrize("family", ["popularity", "cf", "neighbours", "als", "sequence"])
def test_whoever_counts_choices_alone_finds_no_new_item(family, fitted, cold_world):
    """Would catch a leaked future: before the cut there is nothing to know of a new item."""
    reached = right_share(fitted(family), cold_world, WINDOW)

    assert cold_world.floor(WINDOW) == 0
    assert reached <= 0.1 * cold_world.ceiling(WINDOW)


@pytest.mark.parametrize("genre", GENRES)
def test_a_new_item_of_the_right_genre_comes_before_the_decoy(genre, content, cold_world):
    """Would catch a kind of feature without weight, and a prior that outweighs what is known."""
    slate = _slate(content, cold_world, old_items(genre), [LIKED_VALUE] * 4)

    assert set(slate) <= set(new_items(genre))
    assert DECOY not in slate


def test_what_was_disliked_is_left_and_what_was_liked_is_followed(content, cold_world):
    """Would catch values that are not read, or read the wrong way round."""
    history = [*old_items("noir"), *old_items("western")[:3]]
    values = [LIKED_VALUE] * 4 + [DISLIKED_VALUE] * 3

    slate = _slate(content, cold_world, history, values)

    assert set(slate) <= set(new_items("noir"))


def test_without_values_the_newest_events_decide(content, cold_world):
    """Would catch a missing value that counts as a dislike, and a history without recency."""
    history = [*old_items("noir"), *old_items("western")]

    slate = _slate(content, cold_world, history, [np.nan] * 8)

    assert set(slate) <= set(new_items("western"))


def test_likes_and_dislikes_that_cancel_out_leave_what_is_popular(content, cold_world):
    """Would catch a profile of nearly no length that is stretched: rounding would decide."""
    liked, disliked = old_items("noir")[:1], old_items("noir")[:1]
    # four events, one half-life apart: 2^-1 * 1 and 1 * -0.5
    history = [*liked, "unknown", "unknown", "unknown", *disliked]
    values = [LIKED_VALUE, np.nan, np.nan, np.nan, DISLIKED_VALUE]

    slate = _slate(content, cold_world, history, values)

    assert slate[0] == DECOY


def test_similar_new_items_are_those_of_the_same_genre(content):
    """Would catch vectors that rest on choices: a new item would be like nothing."""
    ids, cosines = content.similar(np.array([new_items("silent")[0]], dtype=object), 9)

    assert set(ids[0]) == {*old_items("silent"), *new_items("silent")[1:]}
    np.testing.assert_allclose(cosines, 1.0, atol=1e-6)


def _queries(world, history, values):
    row = world.asked(WINDOW)[:1]
    queries = world.data.queries(row, 100, list(world.data.prepared.profile_fields))
    histories = replace(
        queries.histories,
        item_ids=np.array([history], dtype=object),
        events=np.full((1, len(history)), "click", dtype=object),
        values=np.array([values], dtype=np.float32),
        timestamps=np.arange(CUT - len(history), CUT)[None],
    )
    return replace(queries, histories=histories)


def _slate(model, world, history, values):
    allow = np.array([[item_id not in history for item_id in model.manifest.item_ids]])
    return model.recommend(_queries(world, history, values), allow, SLATE).item_ids[0]
