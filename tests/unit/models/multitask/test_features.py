"""Item content by kind."""

import numpy as np
import pandas as pd

from pipelines.models.multitask.features import bucket_edges, item_content


def test_few_distinct_values_get_a_range_each():
    assert bucket_edges(np.array([1.0, 5.0, 5.0, np.nan])).tolist() == [3.0]


def test_many_distinct_values_get_ranges_of_equal_size():
    edges = bucket_edges(np.arange(1600.0))

    counts = np.bincount(np.searchsorted(edges, np.arange(1600.0)))
    assert len(counts) == 16
    assert counts.min() >= 99


def test_tags_share_a_weight_of_one_and_rare_ones_are_left_out():
    genres = [["drama", "war"], ["drama"], ["drama"], ["war"], ["war"], ["unique"], [], None]

    content = item_content(pd.DataFrame({"genres": genres}), {"genres": "tags"})

    known = [[0.5, 0.5], [1, 0], [1, 0], [0, 1], [0, 1]]
    assert content.tolist() == [*known, [0, 0], [0, 0], [0, 0]]


def test_missing_number_has_its_own_range():
    items = pd.DataFrame({"year": np.array([1990.0, 1995.0, np.nan], dtype=np.float32)})

    content = item_content(items, {"year": "number"})

    assert content.tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1]]


def test_texts_are_left_out_and_nothing_at_all_is_allowed():
    items = pd.DataFrame({"title": ["a", "b"]})

    assert item_content(items, {"title": "text"}).shape == (2, 0)
