"""Pages as batches: what a user had done, what came next, and what the softmax leaves out."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pipelines.descriptors import BinaryTask, RetrievalTask
from pipelines.models.engine import tf
from pipelines.models.examples import Floats, Ints, Pages, PreparedData
from pipelines.models.multitask.encoders import EventEncoder, ProfileEncoder
from pipelines.models.multitask.labels import Scale
from pipelines.models.multitask.memory import deal
from pipelines.models.multitask.model import Batch
from pipelines.models.multitask.sampling import Drawn
from pipelines.models.multitask.towers import Inputs
from pipelines.models.statistics import known_rows
from pipelines.models.tasks import is_positive, labels


class Encoders(NamedTuple):
    """Texts to codes."""

    events: EventEncoder
    profile: ProfileEncoder


class Source:
    """All interactions, encoded once; batches are cut out by row numbers.

    Args:
        data: Prepared tables.
        encoders: Fitted on the fit window.
        until: Where the fit window ends, microseconds; labels are scaled by it.
        max_history: Events that a query shows.
        n_folds: That users are dealt into.
    """

    def __init__(
        self,
        data: PreparedData,
        encoders: Encoders,
        until: int,
        max_history: int,
        n_folds: int,
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
        self.counts = np.bincount(data.item_rows[fitted], minlength=len(data.items)).astype(float)
        self.is_warm = self.counts > 0
        natural, self.known = _labels(data)
        self.label_scale = _spreads(natural[fitted], self.known[fitted])
        is_binary = [
            isinstance(task, BinaryTask) for task in data.prepared.tasks if task.kind != "retrieval"
        ]
        self.scale = Scale(
            np.where(is_binary, 0.0, self.label_scale.means).astype(np.float32),
            np.where(is_binary, 1.0, self.label_scale.spreads).astype(np.float32),
        )
        self.labels = (natural - self.scale.means) / self.scale.spreads
        self.natural = natural
        self.folds = deal(data, n_folds)

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

    def batch(self, pages: Pages, drawn: Drawn | None = None) -> Batch:
        """These pages, all of users of one fold, as one batch.

        Args:
            pages: What to learn.
            drawn: What stands for the catalogue; None = the whole of it.
        """
        if drawn is None:
            drawn = Drawn(np.flatnonzero(self.is_warm), np.ones(int(self.is_warm.sum())))
        page, rows = _spread(pages.start, pages.end)
        page, rows = page[self.data.item_rows[rows] >= 0], rows[self.data.item_rows[rows] >= 0]
        items = self.data.item_rows[rows]
        candidates = np.union1d(drawn.rows, items)
        chances = np.ones(len(candidates))
        at = np.searchsorted(candidates, drawn.rows)
        chances[at] = drawn.chances
        is_drawn = np.zeros(len(candidates), dtype=bool)
        is_drawn[at] = True
        targets = np.searchsorted(candidates, items)
        return Batch(
            inputs=self.inputs(pages.start),
            fold=np.int32(self.folds[pages.start[0]]),
            candidates=candidates.astype(np.int32),
            chances=chances.astype(np.float32),
            excluded=self._excluded(pages, candidates, is_drawn, (page, targets)),
            pages=page.astype(np.int32),
            items=items.astype(np.int32),
            targets=targets.astype(np.int32),
            positive=self.positive[rows],
            labels=self.labels[rows],
            known=self.known[rows],
        )

    def _excluded(
        self,
        pages: Pages,
        candidates: Ints,
        is_drawn: npt.NDArray[np.bool_],
        chosen: tuple[Ints, Ints],
    ) -> npt.NDArray[np.bool_]:
        excluded = np.repeat(~is_drawn[None], len(pages.start), axis=0)
        if not self.data.prepared.repeats:
            page, rows = _spread(pages.user_start, pages.start)
            items = self.data.item_rows[rows]
            places = np.minimum(np.searchsorted(candidates, items), len(candidates) - 1)
            is_candidate = candidates[places] == items
            excluded[page[is_candidate], places[is_candidate]] = True
        excluded[chosen] = False  # what was chosen was to be had
        return excluded


def pages_to_learn(data: PreparedData, until: int) -> Pages:
    """All whole pages before `until` that hold an item of the catalogue."""
    pages = data.pages(data.rows(end=until))
    is_known = np.isin(pages.start, data.page_start[known_rows(data, until)])
    return Pages(pages.user_start[is_known], pages.start[is_known], pages.end[is_known])


def by_fold(source: Source, pages: Pages, size: int, random: np.random.Generator) -> list[Pages]:
    """Parts of at most `size` pages, each of users of one fold, in a random order."""
    folds = source.folds[pages.start]
    parts: list[Pages] = []
    for fold in np.unique(folds):
        order = random.permutation(np.flatnonzero(folds == fold))
        parts.extend(cut(pages, size, order))
    return [parts[place] for place in random.permutation(len(parts))]


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


def _labels(data: PreparedData) -> tuple[Floats, Floats]:
    """Labels in natural units and whether they are known, both [interactions, heads]."""
    found = [
        labels(task, data.events, data.values)
        for task in data.prepared.tasks
        if not isinstance(task, RetrievalTask)
    ]
    shape = (len(data.timestamps), len(found))
    return (
        np.array([each.values for each in found], dtype=np.float32).T.reshape(shape),
        np.array([each.known for each in found], dtype=np.float32).T.reshape(shape),
    )


def _spreads(natural: Floats, known: Floats) -> Scale:
    """Mean and standard deviation of each head's labels; 0 and 1 where there are none."""
    counted = np.maximum(known.sum(axis=0), 1.0)
    means = (natural * known).sum(axis=0, dtype=np.float64) / counted
    variances = ((natural - means) ** 2 * known).sum(axis=0, dtype=np.float64) / counted
    spreads = np.where(variances > 0, np.sqrt(variances), 1.0)
    return Scale(means.astype(np.float32), spreads.astype(np.float32))
