"""Which pages are learnt, and what of them."""

from dataclasses import replace

import numpy as np
import pytest

from pipelines.models.multitask.batches import Encoders, Source, by_fold, cut, pages_to_learn
from pipelines.models.multitask.encoders import event_encoder, profile_encoder
from pipelines.models.multitask.sampling import NOTHING, Drawn
from tests.unit.models.small_data import make_data

UNTIL = 9
# u: a page of three whose first item is not in the catalogue; v: one of such items alone
ROWS = [
    ("u", "gone", 1, 5.0),
    ("u", "a", 1, 4.0),
    ("u", "b", 1, 4.0),
    ("v", "gone", 2, 3.0),
    ("v", "c", 3, 3.0),
    ("v", "a", 9, 3.0),
]


def make_source(data, until=UNTIL):
    rows = data.rows(end=until)
    encoders = Encoders(event_encoder(data, rows), profile_encoder(data, rows))
    return Source(data, encoders, until, 5, n_folds=2)


def test_pages_are_whole_though_an_item_of_them_is_unknown():
    pages = pages_to_learn(make_data(ROWS), UNTIL)

    assert list(zip(pages.start, pages.end, strict=True)) == [(0, 3), (4, 5)]
    assert pages.user_start.tolist() == [0, 3]


def test_every_known_item_before_the_end_is_a_target_once():
    data = make_data(ROWS)

    batch = make_source(data).batch(pages_to_learn(data, UNTIL))

    assert [data.item_ids[item] for item in batch.items] == ["a", "b", "c"]
    np.testing.assert_array_equal(batch.pages, [0, 0, 1])


# w saw a, then chose b and c at one instant; nobody chose d before the end
DRAWN_ROWS = [
    ("v", "e", 1, 3.0),
    ("w", "a", 1, 3.0),
    ("w", "b", 2, 3.0),
    ("w", "c", 2, 3.0),
    ("w", "d", 9, 3.0),
]


def _of_w(drawn):
    data = make_data(DRAWN_ROWS, items=("a", "b", "c", "d", "e"))
    pages = pages_to_learn(data, UNTIL)
    source = make_source(data)
    last = np.array([len(pages.start) - 1])
    return data, source.batch(next(cut(pages, 1, last)), drawn)


def test_softmax_is_over_all_that_was_ever_chosen_but_what_the_page_had_seen():
    data, batch = _of_w(None)

    assert [data.item_ids[item] for item in batch.candidates] == ["a", "b", "c", "e"]
    assert batch.excluded.tolist() == [[True, False, False, False]]
    assert batch.chances.tolist() == [1.0] * 4


def test_sampled_softmax_is_over_what_was_drawn_and_what_the_page_chose():
    """Seen items drawn by accident are left out, as is what another page brought in undrawn."""
    drawn = Drawn(np.array([0, 1, 4]), np.array([0.5, 0.25, 0.125]))  # a, which w has seen; b; e

    data, batch = _of_w(drawn)

    assert [data.item_ids[item] for item in batch.candidates] == ["a", "b", "c", "e"]
    assert batch.excluded.tolist() == [[True, False, False, False]]
    assert batch.chances.tolist() == [0.5, 0.25, 1.0, 0.125]
    assert [data.item_ids[batch.candidates[target]] for target in batch.targets] == ["b", "c"]


def test_what_only_another_page_chose_is_outside_a_pages_sampled_softmax():
    data = make_data(DRAWN_ROWS, items=("a", "b", "c", "d", "e"))

    batch = make_source(data).batch(pages_to_learn(data, UNTIL), NOTHING)

    own = np.zeros(batch.excluded.shape, dtype=bool)
    own[batch.pages, batch.targets] = True
    np.testing.assert_array_equal(batch.excluded, ~own)


def test_batch_holds_users_of_one_fold_and_every_page_once():
    rows = [(f"u{user}", "a", moment, 3.0) for user in range(9) for moment in range(1, 4)]
    data = make_data(rows)
    source, pages = make_source(data), pages_to_learn(data, UNTIL)

    parts = by_fold(source, pages, 5, np.random.default_rng(1))

    assert all(len(np.unique(source.folds[part.start])) == 1 for part in parts)
    assert all(len(part.start) <= 5 for part in parts)
    assert sorted(np.concatenate([part.start for part in parts])) == sorted(pages.start)


@pytest.mark.parametrize(("repeats", "expected"), [(False, [[True, True]]), (True, [[False] * 2])])
def test_what_was_seen_competes_again_where_items_repeat(repeats, expected):
    data = make_data([("u", "a", 1, 4.0), ("u", "b", 2, 4.0), ("u", "a", 3, 4.0)], "ab")
    data = replace(data, prepared=data.prepared.model_copy(update={"repeats": repeats}))
    source, page = make_source(data), data.pages(np.array([2]))

    assert source.seen(page).tolist() == expected
    # of the softmax, a is there anyhow: it is what the page chose
    assert source.batch(page).excluded.tolist() == [[False, expected[0][1]]]
