"""The world's answers: what a model must have understood, as shares of what can be understood.

Thresholds are fractions of the gap between popularity (the floor) and the oracle (the ceiling).
"""

from dataclasses import replace

import numpy as np
import pytest

from tests.behaviour.asking import ask, right_share, scores_of, slates_of, unseen, wanted
from tests.world import ALPHA, BETA, DECOY, FRESH, GAMMA, SLATE, SWITCH_AFTER, TIED

WINDOW = "test"


def test_most_of_what_can_be_foreseen_is_foreseen(personal, world):
    """Would catch swapped users and items, shifted labels, histories that are not read."""
    floor, ceiling = world.floor(WINDOW), world.ceiling(WINDOW)

    reached = right_share(personal, world, WINDOW)

    assert reached >= floor + 0.5 * (ceiling - floor)


def test_popularity_reaches_the_floor_and_no_more(artifacts, world):
    """Would catch a leaked future: nothing about popularity can be better than the floor."""
    floor, ceiling = world.floor(WINDOW), world.ceiling(WINDOW)

    reached = right_share(artifacts("popularity"), world, WINDOW)

    assert reached <= floor + 0.1 * (ceiling - floor)


def test_oracle_is_not_beaten(personal, world):
    """Would catch the target, or a page sibling, in the history: better than possible."""
    rows = world.asked(WINDOW)
    noise = 3 * np.sqrt(0.25 / len(rows))  # three standard deviations of a share, at most

    assert right_share(personal, world, WINDOW) <= world.ceiling(WINDOW) + noise


def test_newest_event_counts_most(personal, world):
    """Would catch a reversed history: read from the wrong end, much less is foreseen."""
    rows = world.asked(WINDOW)
    queries = world.data.queries(
        rows, personal.manifest.max_history, personal.manifest.profile_fields
    )
    histories = queries.histories
    backwards = np.array(
        [[""] * row.count("") + [i for i in row if i][::-1] for row in histories.item_ids.tolist()],
        dtype=object,
    )
    reverse = replace(queries, histories=replace(histories, item_ids=backwards))

    slates = personal.recommend(reverse, unseen(world, rows), SLATE)
    right_backwards = (slates.item_ids == wanted(world, rows)).any(axis=1).mean()

    assert right_backwards < right_share(personal, world, WINDOW)


@pytest.mark.parametrize("family", ["multitask", "sequence"])
def test_next_item_stands_before_the_previous_one(family, artifacts):
    """Would catch a symmetric model: A leads to B, B does not lead to A."""
    places = range(2, len(ALPHA) - 2)
    queries = ask(*([ALPHA[place]] for place in places))

    scores = scores_of(artifacts(family), queries, ALPHA)

    forward = [scores[row, place + 1] > scores[row, place - 1] for row, place in enumerate(places)]
    assert np.mean(forward) >= 0.9


def test_decoy_is_not_what_comes_next(multitask, world):
    """Would catch a model that has only learnt what is popular: the decoy everywhere.

    Not asked of cf: all who had anything had the decoy too, and cf knows of no order. The
    multi-task model counts what is chosen together, too, so that a few remain.
    """
    first = slates_of(multitask, world, world.asked(WINDOW))[:, 0]

    assert (first == DECOY).mean() <= 0.1


def test_changed_taste_is_followed(personal, world):
    """Would catch a history without order or recency: switchers were alpha, and are beta now."""
    history = ALPHA[:SWITCH_AFTER] + BETA[:2]

    slates = personal.recommend(ask(history), _without(personal, [*history, DECOY]), 3)

    assert BETA[2] in slates.item_ids[0]
    assert len(set(slates.item_ids[0]) & {*BETA, FRESH}) >= 2


def test_disliked_group_is_foreseen_and_predicted_as_disliked(personal):
    """Would catch heads that copy the retrieval task: gamma is chosen next, and not liked.

    The decoy is left out: in the fit window it does come at some step of every walk, so at one
    step of a walk as short as gamma's it is as likely as any.
    """
    allow = _without(personal, [*GAMMA[:2], DECOY])

    slates = personal.recommend(ask(GAMMA[:2]), allow, 1)

    assert slates.item_ids[0, 0] in GAMMA
    assert slates.predictions[0, 0, 0] < 0.2
    assert slates.predictions[0, 0, 1] < 2.5


def test_weights_decide_between_tasks_that_disagree(personal):
    """Would catch shifted task weights: by liking alone, no gamma item stands on top."""
    like_only = np.array([[0.0, 1.0, 0.0]], dtype=np.float32)

    slates = personal.recommend(ask(GAMMA[:2]), None, 10, like_only)

    assert not set(slates.item_ids[0]) & set(GAMMA)


def test_liked_group_is_predicted_as_liked(model):
    """Would catch labels of other rows: alpha is liked by all who choose it."""
    ranked = model.rank(ask(ALPHA[:3]), np.array([[ALPHA[3], GAMMA[2]]], dtype=object))

    assert ranked.predictions[0, 0, 0] > 0.8
    assert ranked.predictions[0, 1, 0] < 0.3


def test_fresh_item_is_closest_to_those_who_like_its_kind(multitask):
    """Would catch a candidate tower without content: nobody had chosen the item before."""
    scores = scores_of(multitask, ask(BETA[2:6], ALPHA[2:6], GAMMA[:3]), [FRESH, TIED[0]])

    # beside an item that nobody had chosen either, and that differs in content alone
    of_beta, of_alpha, of_gamma = scores[:, 0] - scores[:, 1]

    assert of_beta > 0
    assert of_beta > max(of_alpha, of_gamma)


@pytest.mark.parametrize("family", ["cf", "content", "neighbours", "als", "sequence"])
def test_user_without_history_gets_what_is_popular(family, artifacts):
    """Would catch ties that decide a cold user's slate: constant scores in manifest order."""
    nobody = ask([])

    by_popularity = artifacts("popularity").recommend(nobody, None, 10)
    by_family = artifacts(family).recommend(nobody, None, 10)

    assert list(by_family.item_ids[0]) == list(by_popularity.item_ids[0])
    assert len(set(by_family.scores[0])) > 5


def _without(model, history) -> np.ndarray:
    return np.array([[item_id not in history for item_id in model.manifest.item_ids]])
