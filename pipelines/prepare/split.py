"""Where time is cut. The split is global: a cut is an instant, and all users share it.

A recipe run has three windows, train < validation < test. A refresh has two: it judges on the end
of the newest partition what was learnt before. Equal timestamps stay together, after the cut, so
that no model learns from a part of a page and is asked for the rest.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pipelines.errors import TooLittleData
from pipelines.params import SplitParams

Ints = npt.NDArray[np.int64]

TRAIN, VALIDATION, TEST = "train", "validation", "test"


class Cuts(NamedTuple):
    """First instants of the windows, microseconds."""

    validation: int | None
    """None: there is no validation window."""
    test: int


def quantile_instant(timestamps: Ints, share: float) -> int:
    """The timestamp of the event before which `share` of all events lie.

    Args:
        timestamps: Microseconds, in any order, at least one.
        share: Above 0 and below 1.
    """
    ordered = np.sort(timestamps)
    return int(ordered[min(int(len(ordered) * share), len(ordered) - 1)])


def recipe_cuts(timestamps: Ints, split: SplitParams) -> Cuts:
    """The cuts of a recipe run, by shares of all events.

    Raises:
        TooLittleData: A window would be empty.
    """
    cuts = Cuts(
        quantile_instant(timestamps, split.validation_from),
        quantile_instant(timestamps, split.test_from),
    )
    _require_filled(timestamps, cuts)
    return cuts


def refresh_cuts(timestamps: Ints, newest: Ints, split: SplitParams) -> Cuts:
    """The one cut of a refresh, by the share of the newest partition's events.

    Args:
        timestamps: Of all events, microseconds.
        newest: Of the newest partition's events, microseconds.
        split: Shares.

    Raises:
        TooLittleData: Nothing lies before the cut.
    """
    cuts = Cuts(None, quantile_instant(newest, split.refresh_from))
    _require_filled(timestamps, cuts)
    return cuts


def windows(timestamps: Ints, cuts: Cuts) -> npt.NDArray[np.object_]:
    """The window of each event: `train`, `validation` or `test`."""
    first = cuts.test if cuts.validation is None else cuts.validation
    later = np.where(timestamps < cuts.test, VALIDATION, TEST)
    return np.where(timestamps < first, TRAIN, later).astype(object)


def _require_filled(timestamps: Ints, cuts: Cuts) -> None:
    expected = {TRAIN, TEST} | (set() if cuts.validation is None else {VALIDATION})
    missing = expected - set(windows(timestamps, cuts))
    if missing:
        raise TooLittleData(
            f"{len(timestamps)} events leave no {' and no '.join(sorted(missing))} window",
            hint="accept more partitions, or change the shares under `split` in params.yaml",
        )
