"""The multi-task model: two towers, a retrieval task over the whole catalogue, ranking tasks."""

from typing import Any, NamedTuple

import tensorflow_recommenders as tfrs

from pipelines.descriptors import BinaryTask, RetrievalTask, Task
from pipelines.models.engine import tf
from pipelines.models.multitask.heads import Part, RankingHead, RetrievalHead
from pipelines.models.multitask.labels import HeadTask, UserNumbers
from pipelines.models.multitask.towers import CandidateTower, Inputs, Queries, QueryTower
from pipelines.models.multitask.weighting import LossWeighting

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

    queries: Queries
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
    ranking: list[RankingHead]
    weighting: LossWeighting


class MultitaskModel(tfrs.Model):
    """Behaviour (what comes next) and interest (how much it is liked) learnt together.

    Args:
        modules: Towers and heads, and how their losses are weighed.
        tasks: All tasks, in the descriptor's order.
    """

    def __init__(self, modules: Modules, tasks: list[Task]) -> None:
        super().__init__()
        self.candidates, self.queries, self.users, self.retrieval, self.ranking, _ = modules
        self.weighting = modules.weighting
        self.places = places(tasks)
        self.retrieval_tasks = [CatalogueRetrieval(name=head.name) for head in self.retrieval]
        self.ranking_tasks = [
            ranking_task(task) for task in tasks if not isinstance(task, RetrievalTask)
        ]
        self.task_names = [task.name for task in tasks]

    def encode(self, inputs: Inputs, training: bool = False) -> Encoded:
        """Both towers."""
        vectors = self.candidates(self.candidates.content, training=training)
        numbers = self.users(inputs)
        return Encoded(self.queries(inputs, vectors, numbers, training=training), numbers, vectors)

    def losses_by_task(self, batch: Batch, training: bool) -> dict[str, Tensor]:
        """The loss of each task that is learnt, before its weight."""
        encoded = self.encode(batch.inputs, training)
        losses = {}
        for number, task in enumerate(self.retrieval_tasks):
            if task.name in self.weighting.declared:
                logits = self._logits(encoded, number)
                losses[task.name] = task(logits, batch, batch.positive[:, number])
        for number, task in enumerate(self.ranking_tasks):
            name = self.task_names[self.places.ranking[number]]
            if name in self.weighting.declared:
                raw = self._pairs(encoded, batch, number)
                labels, known = batch.labels[:, number], batch.known[:, number]
                losses[name] = labelled_loss(task, labels, raw, known)
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

    def all_items(self, inputs: Inputs) -> tuple[list[Tensor], list[Tensor]]:
        """[b, n] for each retrieval task, its logits, and for each head, its raw outputs."""
        encoded = self.encode(inputs)
        logits = [self._logits(encoded, number) for number in range(len(self.retrieval))]
        raw = []
        for number, head in enumerate(self.ranking):
            item = head.item_part(encoded.vectors, self.candidates.numbers)
            raw.append(head.all_items(self._query_part(encoded, number), item))
        return logits, raw

    def chosen(self, batch: Batch) -> Tensor:
        """[m, heads] raw outputs for the interactions of a batch."""
        encoded = self.encode(batch.inputs)
        raw = [self._pairs(encoded, batch, number) for number in range(len(self.ranking))]
        return tf.stack(raw, axis=1) if raw else tf.zeros([tf.shape(batch.items)[0], 0])

    def figures(self, inputs: Inputs) -> dict[str, float]:
        """What the model has learnt about its tasks: their noise, and which experts they read."""
        named = {
            f"log_variance_{name}": float(variable)
            for name, variable in self.weighting.log_variances.items()
        }
        shares = tf.reduce_mean(self.encode(inputs).queries.shares, axis=0).numpy()
        if shares.shape[1] > 1:
            for name, row in zip(self.task_names, shares, strict=True):
                named |= {f"expert_{i + 1}_of_{name}": float(x) for i, x in enumerate(row)}
        return named

    def _logits(self, encoded: Encoded, number: int) -> Tensor:
        query = encoded.queries.by_task[self.places.retrieval[number]]
        return self.retrieval[number](query, encoded.vectors)

    def _query_part(self, encoded: Encoded, number: int) -> Part:
        query = encoded.queries.by_task[self.places.ranking[number]]
        return self.ranking[number].query_part(query, encoded.numbers)

    def _pairs(self, encoded: Encoded, batch: Batch, number: int) -> Tensor:
        head = self.ranking[number]
        query = self._query_part(encoded, number)
        item = head.item_part(encoded.vectors, self.candidates.numbers)
        return head.pairs(
            Part(*(tf.gather(part, batch.pages) for part in query)),
            Part(*(tf.gather(part, batch.items) for part in item)),
        )


class Places(NamedTuple):
    """Where tasks of either sort stand among all."""

    retrieval: list[int]
    ranking: list[int]


def places(tasks: list[Task]) -> Places:
    """The places of the retrieval tasks and of the heads' tasks in the descriptor's order."""
    is_retrieval = [isinstance(task, RetrievalTask) for task in tasks]
    return Places(
        [place for place, answer in enumerate(is_retrieval) if answer],
        [place for place, answer in enumerate(is_retrieval) if not answer],
    )


def labelled_loss(task: Any, labels: Tensor, raw: Tensor, known: Tensor) -> Tensor:
    """The mean loss of the interactions that have a label; all are [m]."""
    over_all = task(labels[:, None], raw[:, None], sample_weight=known)
    return over_all * tf.math.divide_no_nan(1.0, tf.reduce_mean(known))


def ranking_task(task: HeadTask) -> Any:
    """The TFRS task of a head, over its raw outputs."""
    if isinstance(task, BinaryTask):
        return tfrs.tasks.Ranking(loss=tf.keras.losses.BinaryCrossentropy(from_logits=True))
    return tfrs.tasks.Ranking(loss=tf.keras.losses.MeanSquaredError())
