from pathlib import Path

import numpy as np
import pytest

from pipelines.errors import NoValidation
from pipelines.models.examples import PreparedData
from pipelines.storage import tree_digest
from pipelines.tune.windows import without_test
from tests.world import World, make_world


@pytest.fixture(scope="module")
def data() -> PreparedData:
    return make_world().data


def test_no_event_of_the_test_window_is_left(data: PreparedData) -> None:
    cut = without_test(data)

    assert len(cut.window("test")) == 0
    assert cut.timestamps.max() < data.prepared.test_cut
    assert cut.prepared.newest_event == cut.timestamps.max()
    assert cut.prepared.counts.test == 0
    assert len(cut.interactions) == len(data.window("train")) + len(data.window("validation"))


def test_every_validation_event_keeps_its_history(data: PreparedData) -> None:
    cut = without_test(data)

    before = data.histories(data.window("validation"), 50)
    after = cut.histories(cut.window("validation"), 50)

    assert np.array_equal(before.item_ids[:, -after.item_ids.shape[1] :], after.item_ids)
    assert np.array_equal(before.timestamps[:, -after.item_ids.shape[1] :], after.timestamps)
    assert after.item_ids.dtype == before.item_ids.dtype
    assert (after.item_ids != "").any()


def test_a_destroyed_test_window_leaves_equal_files(data: PreparedData, tmp_path: Path) -> None:
    is_test = data.interactions["window"] == "test"
    frame = data.interactions.copy()
    frame.loc[is_test, ["value", "item"]] = [5.0, 0]
    frame.loc[is_test, "item_id"] = data.item_ids[0]
    ruined = PreparedData(data.prepared, frame, data.items)
    folders = [tmp_path / "whole", tmp_path / "ruined"]

    for one, folder in zip((data, ruined), folders, strict=True):
        World(without_test(one), np.zeros(0)).write(folder)

    assert tree_digest(folders[0]) == tree_digest(folders[1])


def test_the_data_of_a_refresh_are_refused(data: PreparedData) -> None:
    frame = data.interactions.assign(window="train")

    with pytest.raises(NoValidation):
        without_test(PreparedData(data.prepared, frame, data.items))
