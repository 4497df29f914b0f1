import numpy as np
import pytest

from pipelines.errors import TooLittleData
from pipelines.params import SplitParams
from pipelines.prepare.split import (
    Cuts,
    quantile_instant,
    recipe_cuts,
    refresh_cuts,
    windows,
)

SHARES = SplitParams(validation_from=0.6, test_from=0.8, refresh_from=0.5)


def test_cut_is_the_timestamp_before_which_the_share_of_events_lies():
    timestamps = np.array([70, 10, 90, 30, 50, 20, 80, 40, 60, 100])

    assert quantile_instant(timestamps, 0.8) == 90  # eight of ten lie before it


def test_equal_timestamps_stay_together_after_the_cut():
    # the sixth of ten events is the middle one of three at 5: all three belong to validation
    timestamps = np.array([1, 2, 3, 4, 5, 5, 5, 6, 7, 8])

    cuts = recipe_cuts(timestamps, SHARES)

    assert cuts == Cuts(validation=5, test=7)
    assert list(windows(timestamps, cuts)) == ["train"] * 4 + ["validation"] * 4 + ["test"] * 2


def test_refresh_cuts_the_newest_partition_alone():
    old, newest = np.arange(100), np.array([200, 201, 202, 203])

    cuts = refresh_cuts(np.concatenate([old, newest]), newest, SHARES)

    assert cuts == Cuts(validation=None, test=202)
    assert list(windows(newest, cuts)) == ["train", "train", "test", "test"]


@pytest.mark.parametrize(
    "timestamps",
    [pytest.param([5, 5, 5, 5], id="one instant"), pytest.param([1, 2], id="two events")],
)
def test_a_window_without_events_is_refused(timestamps):
    with pytest.raises(TooLittleData, match=r"leave no"):
        recipe_cuts(np.array(timestamps), SHARES)


def test_refresh_with_nothing_before_the_newest_partition_is_refused():
    newest = np.array([7, 7, 7])

    with pytest.raises(TooLittleData, match="no train window"):
        refresh_cuts(newest, newest, SHARES)
