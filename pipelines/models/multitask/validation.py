"""The validation window, live: each interaction predicted from all that came strictly before."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from pipelines.descriptors import RetrievalTask
from pipelines.models.engine import tf
from pipelines.models.examples import Ints, Pages
from pipelines.models.multitask.batches import Source, cut
from pipelines.models.multitask.model import Batch, MultitaskModel

K = 10
BATCH_PAGES = 512

Doubles = npt.NDArray[np.float64]


def discounted_gains(scores: Doubles, pages: Ints, items: Ints) -> Doubles:
    """[interactions]: 1 / log2(1 + rank) where the rank is at most K, else 0.

    What ties with a target, and what is NaN, stands before it: equal scores find nothing.

    Args:
        scores: [pages, items]; -inf = does not compete.
        pages: [interactions] row of each one's page.
        items: [interactions] column of each one's item.
    """
    targets = scores[pages, items]
    ranks = (~(scores[pages] < targets[:, None])).sum(axis=1)
    gains: Doubles = ((ranks <= K) & np.isfinite(targets)) / np.log2(1.0 + ranks)
    return gains


class Validation:
    """Scores a model that is being fitted.

    Args:
        source: Encoded interactions.
        rows: The interactions to predict.
        model: As it is when asked.
        task_weights: Of the score, in the descriptor's order.
    """

    def __init__(
        self, source: Source, rows: Ints, model: MultitaskModel, task_weights: list[float]
    ) -> None:
        self._source, self._rows = source, rows
        self._pages = source.data.pages(rows)
        self._tasks, self._task_weights = source.data.prepared.tasks, task_weights
        self._all_items = tf.function(model.all_items, reduce_retracing=True)

    @property
    def has_events(self) -> bool:
        """Whether there is anything to predict."""
        return len(self._rows) > 0

    def ndcg_at_10(self) -> float:
        """Mean of 1 / log2(1 + rank) where the rank is at most 10, over all interactions.

        Items that the user had seen do not compete; a target among them, or outside the
        catalogue, counts 0.
        """
        gains = 0.0
        for pages, batch in self._batches():
            logits, raw = self._all_items(batch.inputs)
            scores = self._score(logits, raw)
            scores[self._source.seen(pages)] = -np.inf
            gains += float(discounted_gains(scores, batch.pages, batch.items).sum())
        return gains / len(self._rows)

    def outputs(self) -> tuple[Doubles, Doubles, Doubles]:
        """Raw outputs, labels and whether they are known, each [interactions, heads]."""
        raw, labels, known = [], [], []
        for _, batch in self._batches():
            outputs = self._all_items(batch.inputs)[1].numpy()
            raw.append(outputs[batch.pages, batch.items])
            labels.append(batch.labels)
            known.append(batch.known)
        nothing = np.zeros((0, len(self._source.scale.means)))
        return tuple(  # type: ignore[return-value]  # three of them
            np.concatenate([nothing, *parts]).astype(np.float64) for parts in (raw, labels, known)
        )

    def _batches(self) -> Iterator[tuple[Pages, Batch]]:
        order = np.arange(len(self._pages.start))
        for pages in cut(self._pages, BATCH_PAGES, order):
            yield pages, self._source.batch(pages)

    def _score(self, logits: Any, raw: Any) -> Doubles:
        parts, heads = iter(logits), iter(np.moveaxis(raw.numpy(), 2, 0))
        score = np.zeros(logits[0].shape)
        for task, weight in zip(self._tasks, self._task_weights, strict=True):
            score += weight * (
                next(parts).numpy() if isinstance(task, RetrievalTask) else next(heads)
            )
        return score
