"""What counts as one and the same answer."""

import numpy as np
import pytest

from pipelines.gate.steadiness import unsteady
from pipelines.models.artifact import Slates
from tests.unit.small_tables import make_data, make_manifest

ITEMS = ["1", "2", "3", "4"]
ROWS = [("a", 1, "1", 5.0), ("b", 2, "2", 4.0), ("c", 3, "3", 2.0)]
K = 3


class Wavering:
    """Scores 3, 2, 2 and one prediction; `change` is told how it was asked and edits the slate.

    Args:
        change: Of (ids [k], scores [k], predictions [k, 1]); called for the rows that waver.
        wavers: Of (number of the call, requests in it): whether this call's answers are changed.
    """

    def __init__(self, change, wavers):
        self.manifest = make_manifest(ITEMS)
        self.change, self.wavers, self.calls = change, wavers, 0

    def recommend(self, queries, allow, k):
        n_rows = len(queries.now)
        ids = np.tile(np.array(ITEMS[:k], dtype=object), (n_rows, 1))
        scores = np.tile(np.array([3.0, 2.0, 2.0], dtype=np.float32), (n_rows, 1))
        predictions = np.tile(np.array([[0.5], [0.25], [np.nan]], np.float32), (n_rows, 1, 1))
        self.calls += 1
        if self.wavers(self.calls, n_rows):
            self.change(ids[0], scores[0], predictions[0])
        return Slates(ids, scores, predictions)

    def rank(self, queries, item_ids):
        raise NotImplementedError


def changed(change, wavers):
    data = make_data(ROWS, ITEMS, validation_cut=None, test_cut=10)
    return unsteady(Wavering(change, wavers), data, np.array([0, 1, 2]), K)


def other_score(ids, scores, predictions):
    scores[0] += 0.01


def other_prediction(ids, scores, predictions):
    predictions[1] += 0.01


def other_item(ids, scores, predictions):
    ids[0] = "4"


def ties_changed_places(ids, scores, predictions):
    ids[1:], predictions[1:] = ids[:0:-1].copy(), predictions[:0:-1].copy()


def in_the_second_call(call, n_rows):
    return call == 2


def alone(call, n_rows):
    return n_rows == 1


@pytest.mark.parametrize("change", [other_score, other_prediction, other_item])
@pytest.mark.parametrize(("wavers", "expected"), [(in_the_second_call, 1), (alone, 3)])
def test_another_answer_the_second_time_or_alone_is_unstable(change, wavers, expected):
    assert changed(change, wavers) == expected


@pytest.mark.parametrize("wavers", [in_the_second_call, alone])
def test_items_with_equal_scores_may_change_places(wavers):
    assert changed(ties_changed_places, wavers) == 0


def test_one_and_the_same_answer_is_stable():
    assert changed(other_item, lambda call, n_rows: False) == 0
