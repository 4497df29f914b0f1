"""Which pages are learnt, and what of them."""

from dataclasses import replace

import numpy as np
import pytest

from pipelines.models.multitask.batches import Encoders, Source, pages_to_learn
from pipelines.models.multitask.encoders import event_encoder, profile_encoder
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


def test_pages_are_whole_though_an_item_of_them_is_unknown():
    pages = pages_to_learn(make_data(ROWS), UNTIL)

    assert list(zip(pages.start, pages.end, strict=True)) == [(0, 3), (4, 5)]
    assert pages.user_start.tolist() == [0, 3]


def test_every_known_item_before_the_end_is_a_target_once():
    data = make_data(ROWS)
    rows = data.rows(end=UNTIL)
    encoders = Encoders(event_encoder(data, rows), profile_encoder(data, rows))

    batch = Source(data, encoders, UNTIL, 5).batch(pages_to_learn(data, UNTIL))

    assert [data.item_ids[item] for item in batch.items] == ["a", "b", "c"]
    np.testing.assert_array_equal(batch.pages, [0, 0, 1])


@pytest.mark.parametrize(("repeats", "expected"), [(False, [[True, True]]), (True, [[False] * 2])])
def test_what_was_seen_competes_again_where_items_repeat(repeats, expected):
    data = make_data([("u", "a", 1, 4.0), ("u", "b", 2, 4.0), ("u", "a", 3, 4.0)], "ab")
    data = replace(data, prepared=data.prepared.model_copy(update={"repeats": repeats}))
    rows = data.rows(end=UNTIL)
    source = Source(
        data, Encoders(event_encoder(data, rows), profile_encoder(data, rows)), UNTIL, 5
    )

    assert source.seen(data.pages(np.array([2]))).tolist() == expected
