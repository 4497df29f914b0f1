"""The multi-task model: two towers, a retrieval task over the whole catalogue, ranking tasks."""

from typing import Any, NamedTuple

import tensorflow_recommenders as tfrs

from pipelines.descriptors import BinaryTask
from pipelines.models.engine import tf
from pipelines.models.multitask.heads import RankingHeads, RetrievalHead
from pipelines.models.multitask.labels import HeadTask, UserNumbers
from pipelines.models.multitask.towers import CandidateTower, Inputs, QueryTower

Tensor = Any
MASKED = -1e9


class Batch(NamedTuple):
    """Pages to learn from; m = their interactions."""

    inputs: Inputs
    excluded: Tensor
    """bool [b, n]; items outside the softmax: seen before, or chosen by nobody yet."""
    pages: Tensor
    """int32 [m]; the page of each interaction."""
    items: Tensor
    """int32 [m]; catalogue rows."""
    positive: Tensor
    """float32 [m, retrieval tasks]."""
    labels: Tensor
    """float32 [m, heads]; standardised for regressions."""
    known: Tensor
    """float32 [m, heads]; 0 where there is no label."""


class Encoded(NamedTuple):
    """What the towers say of a batch."""

    queries: Tensor
    """[b, dim]"""
    numbers: Tensor
    """[b, numbers] of the users."""
    vectors: Tensor
    """[n, dim]"""


class CatalogueRetrieval(tfrs.tasks.Retrieval):
    """A TFRS retrieval task with a full softmax instead of one over the batch.

    A page with several positives is one soft target, uniform over them: the mean over interactions
    of log-sum-exp(logits) - logit is its cross-entropy, each page weighing as many as it holds.
    """

    def call(self, logits: Tensor, batch: Batch, positive: Tensor) -> Tensor:
        """The loss per positive interaction.

        Args:
            logits: [b, n].
            batch: Whose softmax leaves out what it excludes.
            positive: [m].
        """
        partition = tf.reduce_logsumexp(tf.where(batch.excluded, MASKED, logits), axis=1)
        chosen = tf.gather_nd(logits, tf.stack([batch.pages, batch.items], axis=1))
        losses = (tf.gather(partition, batch.pages) - chosen) * positive
        return tf.math.divide_no_nan(tf.reduce_sum(losses), tf.reduce_sum(positive))


class Modules(NamedTuple):
    """The parts of the model."""

    candidates: CandidateTower
    queries: QueryTower
    users: UserNumbers
    retrieval: list[RetrievalHead]
    ranking: RankingHeads


class MultitaskModel(tfrs.Model):
    """Behaviour (what comes next) and interest (how much it is liked) learnt together.

    Args:
        modules: Towers and heads.
        tasks: The heads' tasks.
        loss_weight: Of a ranking task; a retrieval task weighs 1.
    """

    def __init__(self, modules: Modules, tasks: list[HeadTask], loss_weight: float) -> None:
        super().__init__()
        self.candidates, self.queries, self.users, self.retrieval, self.ranking = modules
        self.loss_weight = loss_weight
        self.head_names = [task.name for task in tasks]
        self.retrieval_tasks = [CatalogueRetrieval(name=head.name) for head in self.retrieval]
        self.ranking_tasks = [ranking_task(task) for task in tasks]

    def encode(self, inputs: Inputs, training: bool) -> Encoded:
        """Both towers."""
        vectors = self.candidates(self.candidates.content, training=training)
        numbers = self.users(inputs)
        return Encoded(self.queries(inputs, vectors, numbers, training=training), numbers, vectors)

    def losses_by_task(self, batch: Batch, training: bool) -> dict[str, Tensor]:
        """The unweighted loss of each task."""
        encoded = self.encode(batch.inputs, training)
        losses = {}
        for place, (head, task) in enumerate(
            zip(self.retrieval, self.retrieval_tasks, strict=True)
        ):
            logits = head(encoded.queries, encoded.vectors)
            losses[head.name] = task(logits, batch, batch.positive[:, place])
        raw = self._pairs(encoded, batch)
        for place, (name, task) in enumerate(zip(self.head_names, self.ranking_tasks, strict=True)):
            known = batch.known[:, place]
            losses[name] = labelled_loss(task, batch.labels[:, place], raw[:, place], known)
        return losses

    def compute_loss(self, inputs: Batch, training: bool = False) -> Tensor:
        """The weighted sum over tasks."""
        return self._total(self.losses_by_task(inputs, training))

    def train_step(self, batch: Batch) -> dict[str, Tensor]:
        """One step of the optimiser; returns the loss of each task."""
        with tf.GradientTape() as tape:
            losses = self.losses_by_task(batch, training=True)
            total = self._total(losses)
        variables = self.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(total, variables), variables, strict=True))
        return losses

    def all_items(self, inputs: Inputs) -> tuple[list[Tensor], Tensor]:
        """Logits [b, n] of each retrieval task and raw outputs [b, n, heads] of the heads."""
        encoded = self.encode(inputs, training=False)
        logits = [head(encoded.queries, encoded.vectors) for head in self.retrieval]
        query = self.ranking.query_part(encoded.queries, encoded.numbers)
        item = self.ranking.item_part(encoded.vectors, self.candidates.numbers)
        return logits, self.ranking.all_items(query, item)

    def _total(self, losses: dict[str, Tensor]) -> Tensor:
        heads = set(self.head_names)
        return sum(self.loss_weight * v if k in heads else v for k, v in losses.items())

    def _pairs(self, encoded: Encoded, batch: Batch) -> Tensor:
        query = self.ranking.query_part(encoded.queries, encoded.numbers)
        item = self.ranking.item_part(encoded.vectors, self.candidates.numbers)
        queries = tf.nest.map_structure(lambda part: tf.gather(part, batch.pages), query)
        items = tf.nest.map_structure(lambda part: tf.gather(part, batch.items), item)
        return self.ranking.pairs(queries, items)


def labelled_loss(task: Any, labels: Tensor, raw: Tensor, known: Tensor) -> Tensor:
    """The mean loss of the interactions that have a label; all are [m]."""
    over_all = task(labels[:, None], raw[:, None], sample_weight=known)
    return over_all * tf.math.divide_no_nan(1.0, tf.reduce_mean(known))


def ranking_task(task: HeadTask) -> Any:
    """The TFRS task of a head, over its raw outputs."""
    if isinstance(task, BinaryTask):
        return tfrs.tasks.Ranking(loss=tf.keras.losses.BinaryCrossentropy(from_logits=True))
    return tfrs.tasks.Ranking(loss=tf.keras.losses.MeanSquaredError())
