"""Pages as batches: what a user had done, what came next, and what the softmax leaves out."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pipelines.descriptors import RegressionTask, RetrievalTask
from pipelines.models.engine import tf
from pipelines.models.examples import Ints, Pages, PreparedData
from pipelines.models.multitask.encoders import EventEncoder, ProfileEncoder
from pipelines.models.multitask.model import Batch
from pipelines.models.multitask.towers import Inputs
from pipelines.models.statistics import known_rows
from pipelines.models.tasks import is_positive, labels


class Encoders(NamedTuple):
    """Texts to codes."""

    events: EventEncoder
    profile: ProfileEncoder


class Scale(NamedTuple):
    """Mean and standard deviation of a regression's labels; 0 and 1 for a binary task."""

    means: npt.NDArray[np.float32]
    spreads: npt.NDArray[np.float32]


class Source:
    """All interactions, encoded once; batches are cut out by row numbers.

    Args:
        data: Prepared tables.
        encoders: Fitted on the fit window.
        until: Where the fit window ends, microseconds; labels are scaled by it.
        max_history: Events that a query shows.
    """

    def __init__(
        self, data: PreparedData, encoders: Encoders, until: int, max_history: int
    ) -> None:
        self.data, self.max_history = data, max_history
        self.kinds = encoders.events(tf.constant(data.events, tf.string)).numpy()
        profile = tf.constant(data.profile, tf.string, shape=data.profile.shape)
        self.profile = encoders.profile(profile).numpy()
        self.positive = np.stack(
            [
                is_positive(task.positive, data.events, data.values)
                for task in data.prepared.tasks
                if isinstance(task, RetrievalTask)
            ],
            axis=1,
        ).astype(np.float32)
        fitted = known_rows(data, until)
        self.is_warm = np.zeros(len(data.items), dtype=bool)
        self.is_warm[data.item_rows[fitted]] = True
        self.labels, self.known, self.scale = _labels(data, fitted)

    def inputs(self, rows: Ints) -> Inputs:
        """Queries at the moments of these rows, one each."""
        positions = self.data.history_rows(rows, self.max_history)
        is_event = positions >= 0
        return Inputs(
            items=np.where(is_event, self.data.item_rows[positions], -1).astype(np.int32),
            is_event=is_event,
            kinds=np.where(is_event, self.kinds[positions], 0).astype(np.int32),
            values=np.where(is_event, self.data.values[positions], np.nan).astype(np.float32),
            timestamps=np.where(is_event, self.data.timestamps[positions], 0),
            profile=self.profile[rows],
            now=self.data.timestamps[rows],
        )

    def seen(self, pages: Pages) -> npt.NDArray[np.bool_]:
        """[pages, items]: what the user had chosen strictly before and will not choose again."""
        is_seen = np.zeros((len(pages.start), len(self.is_warm)), dtype=bool)
        if self.data.prepared.repeats:
            return is_seen
        page, rows = _spread(pages.user_start, pages.start)
        items = self.data.item_rows[rows]
        is_seen[page[items >= 0], items[items >= 0]] = True
        return is_seen

    def batch(self, pages: Pages) -> Batch:
        """These pages as one batch."""
        excluded = self.seen(pages) | ~self.is_warm
        page, rows = _spread(pages.start, pages.end)
        items = self.data.item_rows[rows]
        page, rows, items = page[items >= 0], rows[items >= 0], items[items >= 0]
        excluded[page, items] = False  # what was chosen again was still to be had
        return Batch(
            inputs=self.inputs(pages.start),
            excluded=excluded,
            pages=page.astype(np.int32),
            items=items.astype(np.int32),
            positive=self.positive[rows],
            labels=self.labels[rows],
            known=self.known[rows],
        )


def pages_to_learn(data: PreparedData, until: int) -> Pages:
    """All whole pages before `until` that hold an item of the catalogue."""
    pages = data.pages(data.rows(end=until))
    is_known = np.isin(pages.start, data.page_start[known_rows(data, until)])
    return Pages(pages.user_start[is_known], pages.start[is_known], pages.end[is_known])


def cut(pages: Pages, size: int, order: Ints) -> Iterator[Pages]:
    """Parts of `size` pages in the given order; the last may be smaller."""
    for start in range(0, len(order), size):
        chosen = order[start : start + size]
        yield Pages(pages.user_start[chosen], pages.start[chosen], pages.end[chosen])


def _spread(starts: Ints, ends: Ints) -> tuple[Ints, Ints]:
    """All row numbers from each start to its end, and to which of them each belongs."""
    counts = ends - starts
    owner = np.repeat(np.arange(len(starts)), counts)
    firsts = np.repeat(starts - np.concatenate([[0], np.cumsum(counts)[:-1]]), counts)
    return owner, np.arange(len(owner)) + firsts


def _labels(
    data: PreparedData, fitted: Ints
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], Scale]:
    values, known, means, spreads = [], [], [], []
    for task in data.prepared.tasks:
        if isinstance(task, RetrievalTask):
            continue
        column, has_label = labels(task, data.events, data.values)
        mean, spread = 0.0, 1.0
        if isinstance(task, RegressionTask):
            learnt = column[fitted][has_label[fitted]]
            mean = float(learnt.mean()) if len(learnt) else 0.0
            spread = (float(learnt.std()) if len(learnt) else 0.0) or 1.0
        values.append((column - mean) / spread)
        known.append(has_label)
        means.append(mean)
        spreads.append(spread)
    shape = (len(data.timestamps), len(means))
    return (
        np.array(values, dtype=np.float32).T.reshape(shape),
        np.array(known, dtype=np.float32).T.reshape(shape),
        Scale(np.array(means, dtype=np.float32), np.array(spreads, dtype=np.float32)),
    )
