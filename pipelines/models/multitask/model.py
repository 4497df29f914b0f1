"""The multi-task model: two towers, a retrieval task over the catalogue, ranking tasks."""

from typing import Any, NamedTuple

import tensorflow_recommenders as tfrs

from pipelines.descriptors import BinaryTask, RetrievalTask, Task
from pipelines.models.engine import tf
from pipelines.models.multitask.heads import Heads, Part
from pipelines.models.multitask.labels import HeadTask
from pipelines.models.multitask.memory import ALL
from pipelines.models.multitask.reading import Counted, Reader, Reading
from pipelines.models.multitask.towers import CandidateTower, Inputs
from pipelines.models.multitask.weighting import LossWeighting

Tensor = Any
MASKED = -1e9


class Batch(NamedTuple):
    """Pages to learn from; m = their interactions, c = the items that the softmax is over."""

    inputs: Inputs
    fold: Tensor
    """int32; whose counts are left out."""
    candidates: Tensor
    """int32 [c]; distinct rows of the catalogue."""
    chances: Tensor
    """float32 [c]; how likely each was to be drawn; 1 = for certain."""
    excluded: Tensor
    """bool [b, c]; outside a page's softmax: seen before, chosen by nobody yet, or not drawn."""
    pages: Tensor
    """int32 [m]; the page of each interaction."""
    items: Tensor
    """int32 [m]; catalogue rows."""
    targets: Tensor
    """int32 [m]; their places among the candidates."""
    positive: Tensor
    """float32 [m, retrieval tasks]."""
    labels: Tensor
    """float32 [m, heads]; standardised for regressions."""
    known: Tensor
    """float32 [m, heads]; 0 where there is no label."""


class CatalogueRetrieval(tfrs.tasks.Retrieval):
    """A TFRS retrieval task over given candidates instead of the items of the batch.

    A page with several positives is one soft target, uniform over them: the mean over interactions
    of log-sum-exp(logits) - logit is its cross-entropy, each page weighing as many as it holds.

    A drawn candidate stands for all that might have been drawn: its logit is corrected by the log
    of its chance (logQ; Bengio and Senecal, 2008), so that the sum in the softmax is unbiased. What
    a page chose is there for certain, drawn or not, and is not corrected.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name=name)
        self.correct = tfrs.layers.loss.SamplingProbablityCorrection()

    def call(self, logits: Tensor, batch: Batch, positive: Tensor) -> Tensor:
        """The loss per positive interaction.

        Args:
            logits: [b, c].
            batch: Its candidates and chances, and what each page leaves out.
            positive: [m].
        """
        chosen = tf.stack([batch.pages, batch.targets], axis=1)
        partition = tf.reduce_logsumexp(self._corrected(logits, batch, chosen), axis=1)
        losses = (tf.gather(partition, batch.pages) - tf.gather_nd(logits, chosen)) * positive
        return tf.math.divide_no_nan(tf.reduce_sum(losses), tf.reduce_sum(positive))

    def _corrected(self, logits: Tensor, batch: Batch, chosen: Tensor) -> Tensor:
        n_chosen = tf.scatter_nd(chosen, tf.ones_like(batch.targets), tf.shape(logits))
        chances = tf.where(n_chosen > 0, 1.0, batch.chances[None])
        return tf.where(batch.excluded, MASKED, self.correct(logits, chances))


class Encoded(NamedTuple):
    """What the towers say of a batch."""

    reading: Reading
    vectors: Tensor
    """[c, dim] of the candidates."""


class Modules(NamedTuple):
    """The parts of the model."""

    candidates: CandidateTower
    reader: Reader
    heads: Heads
    weighting: LossWeighting


class MultitaskModel(tfrs.Model):
    """Behaviour (what comes next) and interest (how much it is liked) learnt together.

    Args:
        modules: Towers and heads, and how their losses are weighed.
        tasks: All tasks, in the descriptor's order.
        counts: With a leading axis of folds; the first is what all that was counted says.
    """

    def __init__(self, modules: Modules, tasks: list[Task], counts: Counted) -> None:
        super().__init__()
        self.candidates, self.reader, self.heads, self.weighting = modules
        self.counts = counts
        self.task_names = [task.name for task in tasks]
        self.retrieval_tasks = [
            CatalogueRetrieval(name=task.name) for task in tasks if isinstance(task, RetrievalTask)
        ]
        self.head_names = [task.name for task in tasks if not isinstance(task, RetrievalTask)]
        self.ranking_tasks = [
            ranking_task(task) for task in tasks if not isinstance(task, RetrievalTask)
        ]

    @property
    def n_items(self) -> int:
        """Of the catalogue."""
        return int(self.candidates.numbers.shape[0])

    def counted(self, fold: Tensor) -> Counted:
        """What a batch of that fold may know of."""
        return Counted(*(tf.gather(each, fold) for each in self.counts))

    def encode(
        self, inputs: Inputs, candidates: Tensor, counted: Counted, training: bool = False
    ) -> Encoded:
        """Both towers, the candidates' for no other items than it must."""
        n_candidates = tf.shape(candidates)[0]
        history = tf.reshape(tf.maximum(inputs.items, 0), [-1])
        rows, places = tf.unique(tf.concat([candidates, history], axis=0))
        vectors = self.candidates(rows, training=training)
        places = tf.reshape(places[n_candidates:], tf.shape(inputs.items))
        places = tf.where(inputs.items >= 0, places, -1)
        reading = self.reader(inputs, places, vectors, counted, training=training)
        return Encoded(reading, vectors[:n_candidates])

    def losses_by_task(self, batch: Batch, training: bool) -> dict[str, Tensor]:
        """The loss of each task that is learnt, before its weight."""
        counted = self.counted(batch.fold)
        encoded = self.encode(batch.inputs, batch.candidates, counted, training)
        learnt, losses = self.weighting.declared, {}
        for number, task in enumerate(self.retrieval_tasks):
            if task.name in learnt:
                logits = self.heads.logits(
                    encoded.reading, number, encoded.vectors, batch.candidates
                )
                losses[task.name] = task(logits, batch, batch.positive[:, number])
        raw = self._of_targets(encoded, batch, counted)
        for number, name in enumerate(self.head_names):
            if name in learnt:
                labels, known = batch.labels[:, number], batch.known[:, number]
                task = self.ranking_tasks[number]
                losses[name] = labelled_loss(task, labels, raw[number], known)
        return losses

    def compute_loss(self, inputs: Batch, training: bool = False) -> Tensor:
        """The weighted sum over tasks."""
        return self.weighting(self.losses_by_task(inputs, training))

    def train_step(self, batch: Batch) -> dict[str, Tensor]:
        """One step of the optimiser; returns the loss of each task that is learnt."""
        with tf.GradientTape() as tape:
            losses = self.losses_by_task(batch, training=True)
            total = self.weighting(losses)
        variables = self.trainable_variables
        slopes = tape.gradient(total, variables)
        # what belongs to a task that is not learnt has no slope
        pairs = zip(slopes, variables, strict=True)
        self.optimizer.apply_gradients([pair for pair in pairs if pair[0] is not None])
        return losses

    def all_items(self, inputs: Inputs) -> list[Tensor]:
        """[b, n] for each task: logits, or raw outputs of a head."""
        counted, everything = self.counted(ALL), tf.range(self.n_items)
        encoded = self.encode(inputs, everything, counted)
        parts = self.heads.item_parts(encoded.vectors, self.candidates.numbers, counted.factors)
        return self.heads.all_items(encoded.reading, encoded.vectors, parts)

    def all_logits(self, inputs: Inputs) -> list[Tensor]:
        """[b, n] for each retrieval task."""
        everything = tf.range(self.n_items)
        encoded = self.encode(inputs, everything, self.counted(ALL))
        return [
            self.heads.logits(encoded.reading, number, encoded.vectors, everything)
            for number in range(len(self.retrieval_tasks))
        ]

    def chosen(self, batch: Batch) -> Tensor:
        """[m, heads] raw outputs for the interactions of a batch, from all that was counted."""
        counted = self.counted(ALL)
        encoded = self.encode(batch.inputs, batch.candidates, counted)
        raw = self._of_targets(encoded, batch, counted)
        return tf.stack(raw, axis=1) if raw else tf.zeros([tf.shape(batch.items)[0], 0])

    def figures(self, batch: Batch) -> dict[str, float]:
        """What the model has learnt about its tasks: their noise, and which experts they read."""
        named = {
            f"log_variance_{name}": float(variable)
            for name, variable in self.weighting.log_variances.items()
        }
        encoded = self.encode(batch.inputs, batch.candidates, self.counted(batch.fold))
        shares = tf.reduce_mean(encoded.reading.shares, axis=0).numpy()
        if shares.shape[1] > 1:
            for name, row in zip(self.task_names, shares, strict=True):
                named |= {f"expert_{i + 1}_of_{name}": float(x) for i, x in enumerate(row)}
        return named

    def _of_targets(self, encoded: Encoded, batch: Batch, counted: Counted) -> list[Tensor]:
        """[m] raw outputs of each head for the interactions of the batch."""
        parts = self.heads.item_parts(
            tf.gather(encoded.vectors, batch.targets),
            tf.gather(self.candidates.numbers, batch.items),
            tf.gather(counted.factors, batch.items, axis=1),
        )
        queries = self.heads.query_parts(encoded.reading)
        return [
            head.pairs(Part(*(tf.gather(each, batch.pages) for each in query)), item)
            for head, query, item in zip(self.heads.ranking, queries, parts, strict=True)
        ]


def labelled_loss(task: Any, labels: Tensor, raw: Tensor, known: Tensor) -> Tensor:
    """The mean loss of the interactions that have a label; all are [m]."""
    over_all = task(labels[:, None], raw[:, None], sample_weight=known)
    return over_all * tf.math.divide_no_nan(1.0, tf.reduce_mean(known))


def ranking_task(task: HeadTask) -> Any:
    """The TFRS task of a head, over its raw outputs."""
    if isinstance(task, BinaryTask):
        return tfrs.tasks.Ranking(loss=tf.keras.losses.BinaryCrossentropy(from_logits=True))
    return tfrs.tasks.Ranking(loss=tf.keras.losses.MeanSquaredError())
