"""The validation window, live: each interaction predicted from all that came strictly before."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from pipelines.descriptors import BinaryTask, RetrievalTask
from pipelines.models.engine import tf
from pipelines.models.examples import Ints, Pages
from pipelines.models.multitask.batches import Source, cut
from pipelines.models.multitask.labels import HeadTask
from pipelines.models.multitask.model import Batch, MultitaskModel
from pipelines.models.multitask.sampling import NOTHING

NDCG = "validation_ndcg_at_10"
HEAD_LOSS = "validation_head_loss"
K = 10
BATCH_PAGES = 512
LARGEST_TABLE = 8_000_000
"""Scores that are held at a time: pages times items."""

Doubles = npt.NDArray[np.float64]


def discounted_gains(scores: npt.NDArray[np.floating], pages: Ints, items: Ints) -> Doubles:
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
        is_large: Whether the catalogue is scored by its retrieval tasks alone.
    """

    def __init__(
        self,
        source: Source,
        rows: Ints,
        model: MultitaskModel,
        task_weights: list[float],
        is_large: bool,
    ) -> None:
        self._source, self._rows = source, rows
        self._pages = source.data.pages(rows)
        self._tasks, self._task_weights = source.data.prepared.tasks, task_weights
        self._heads = [task for task in self._tasks if not isinstance(task, RetrievalTask)]
        self._loss_weights = model.weighting.of_kind
        self._is_large = is_large
        self._size = int(np.clip(LARGEST_TABLE // len(source.is_warm), 1, BATCH_PAGES))
        score = model.all_logits if is_large else model.all_items
        self._score = tf.function(score, reduce_retracing=True)
        self._chosen = tf.function(model.chosen, reduce_retracing=True)

    @property
    def has_events(self) -> bool:
        """Whether there is anything to predict."""
        return len(self._rows) > 0

    def figures(self) -> dict[str, float]:
        """What an epoch is judged by: `NDCG`, and the losses of the heads that are learnt."""
        losses = head_losses(self._heads, *self.outputs())
        learnt = {
            task.name: self._loss_weights[task.kind]
            for task in self._heads
            if self._loss_weights[task.kind] > 0
        }
        named = {f"validation_loss_{name}": losses[name] for name in learnt}
        total = sum(weight * losses[name] for name, weight in learnt.items())
        return {NDCG: self.ndcg_at_10(), **named, HEAD_LOSS: float(total)}

    def ndcg_at_10(self) -> float:
        """Mean of 1 / log2(1 + rank) where the rank is at most 10, over all interactions.

        Items that the user had seen do not compete; a target among them, or outside the
        catalogue, counts 0.
        """
        gains = 0.0
        for pages, batch in self._batches():
            scores = self._scores(batch)
            scores[self._source.seen(pages)] = -np.inf
            gains += float(discounted_gains(scores, batch.pages, batch.items).sum())
        return gains / len(self._rows)

    def outputs(self) -> tuple[Doubles, Doubles, Doubles]:
        """Raw outputs, labels and whether they are known, each [interactions, heads]."""
        raw, labels, known = [], [], []
        for _, batch in self._batches():
            raw.append(self._chosen(batch).numpy())
            labels.append(batch.labels)
            known.append(batch.known)
        nothing = np.zeros((0, len(self._source.scale.means)))
        return tuple(  # type: ignore[return-value]  # three of them
            np.concatenate([nothing, *parts]).astype(np.float64) for parts in (raw, labels, known)
        )

    def _batches(self) -> Iterator[tuple[Pages, Batch]]:
        order = np.arange(len(self._pages.start))
        for pages in cut(self._pages, self._size, order):
            yield pages, self._source.batch(pages, NOTHING)

    def _scores(self, batch: Batch) -> npt.NDArray[np.float32]:
        asked = [
            weight
            for task, weight in zip(self._tasks, self._task_weights, strict=True)
            if isinstance(task, RetrievalTask) or not self._is_large
        ]
        parts = self._score(batch.inputs)
        total: npt.NDArray[np.float32] = sum(
            np.float32(weight) * part.numpy() for weight, part in zip(asked, parts, strict=True)
        )
        return total


def head_losses(
    tasks: list[HeadTask], raw: Doubles, labels: Doubles, known: Doubles
) -> dict[str, float]:
    """Mean log loss of each binary task, mean squared error of each regression; 0 without labels.

    Args:
        tasks: Of the heads.
        raw: [m, heads]; logits, or standardised values.
        labels: [m, heads]
        known: [m, heads]; 0 where there is no label.
    """
    losses = {}
    for place, task in enumerate(tasks):
        x, y = raw[:, place], labels[:, place]
        of_binary = np.logaddexp(0.0, x) - x * y
        each = of_binary if isinstance(task, BinaryTask) else (x - y) ** 2
        counted = max(1.0, float(known[:, place].sum()))
        losses[task.name] = float((each * known[:, place]).sum() / counted)
    return losses
