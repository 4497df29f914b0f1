"""What a user disliked says something else than what they liked: the same item, another slate.

Everybody starts with one of two openers. Who liked theirs goes on with what its fans choose; who
did not goes on with what its critics choose. Only the value of the event tells the two apart.
"""

import numpy as np
import pytest

from pipelines.models.artifact import open_artifact, write
from pipelines.models.examples import Histories, Queries
from pipelines.models.family import fit
from tests.unit.models.small_data import DAY_US, make_data
from tests.world import world_params

OPENERS = ("one", "two")
LIKED, DISLIKED = 5.0, 1.0
USERS = 240
UNTIL = (USERS + 1) * DAY_US
ITEMS = sorted([*OPENERS, *(f"{who} of {o}" for o in OPENERS for who in ("critics", "fans"))])


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    rows = []
    for user in range(USERS):
        opener, is_liked = OPENERS[user % 2], user % 4 < 2
        then = f"{'fans' if is_liked else 'critics'} of {opener}"
        value = LIKED if is_liked else DISLIKED
        first = (user + 1) * DAY_US
        rows += [(f"{user:03}", opener, first, value), (f"{user:03}", then, first + 1, 3.0)]
    data = make_data(rows, items=ITEMS, cut=UNTIL)
    folder = tmp_path_factory.mktemp("artifact") / "multitask"
    fitted = fit("multitask", data, world_params(), until=UNTIL, epochs=10, calibration=None)
    write(folder, fitted, data, world_params(), UNTIL - 1)
    return open_artifact(folder)


@pytest.mark.parametrize("opener", OPENERS)
@pytest.mark.parametrize(("value", "who"), [(LIKED, "fans"), (DISLIKED, "critics")])
def test_value_of_an_event_decides_what_comes_next(model, opener, value, who):
    """Would catch a model that reads which items were chosen, and not how they were received."""
    histories = Histories(
        item_ids=np.array([[opener]], dtype=object),
        events=np.array([["rating"]], dtype=object),
        values=np.array([[value]], dtype=np.float32),
        timestamps=np.array([[UNTIL]]),
    )
    query = Queries(histories, np.array([["30"]], dtype=object), np.array([UNTIL + 1]))

    slate = model.recommend(query, np.array([[item not in OPENERS for item in ITEMS]]), 1)

    assert slate.item_ids[0, 0] == f"{who} of {opener}"
