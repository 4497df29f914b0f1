"""The fitted model as a scorer for the served signatures: plain TensorFlow, no Keras, no TFRS."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from pipelines.descriptors import BinaryTask
from pipelines.models.engine import tf
from pipelines.models.multitask.batches import Encoders
from pipelines.models.multitask.calibration import coefficients
from pipelines.models.multitask.heads import Heads, Part
from pipelines.models.multitask.labels import HeadTask, Scale
from pipelines.models.multitask.memory import ALL
from pipelines.models.multitask.model import MultitaskModel
from pipelines.models.multitask.reading import Counted, Reading
from pipelines.models.multitask.towers import Inputs
from pipelines.models.serving import (
    Answer,
    Query,
    Scorer,
    StagedScorer,
    Stages,
    Tensor,
    constant,
)


class Predictor(tf.Module):
    """Raw outputs of the heads to natural units.

    Args:
        tasks: The heads' tasks.
        calibration: Slope and intercept by task.
        scale: Of the regressions' labels.
        limits: [2, heads]: lowest and highest label of the fit window.
    """

    def __init__(
        self, tasks: list[HeadTask], calibration: Mapping[str, Any], scale: Scale, limits: Any
    ) -> None:
        super().__init__()
        self.is_binary = tf.constant([isinstance(task, BinaryTask) for task in tasks], tf.bool)
        slopes, intercepts = coefficients(tasks, calibration)
        self.slopes = constant(np.array(slopes, dtype=np.float32))
        self.intercepts = constant(np.array(intercepts, dtype=np.float32))
        self.means, self.spreads = constant(scale.means), constant(scale.spreads)
        self.low, self.high = constant(limits[0]), constant(limits[1])

    def __call__(self, raw: Tensor) -> Tensor:
        """[…, heads] to [..., heads]."""
        calibrated = self.slopes * raw + self.intercepts
        values = tf.clip_by_value(self.means + self.spreads * calibrated, self.low, self.high)
        return tf.where(self.is_binary, tf.sigmoid(calibrated), values)


class Towers(tf.Module):
    """The query side's graph over the items' finished vectors: no Keras object is kept.

    Args:
        model: Fitted.
        encoders: Texts to codes.
        predictor: Raw outputs to natural units.
    """

    def __init__(self, model: MultitaskModel, encoders: Encoders, predictor: Predictor) -> None:
        super().__init__()
        counted = model.counted(ALL)
        vectors = model.candidates(tf.range(model.n_items))
        parts = model.heads.item_parts(vectors, model.candidates.numbers, counted.factors)
        self.vectors = constant(vectors.numpy())
        self.item_parts = [[constant(tensor.numpy()) for tensor in part] for part in parts]
        self.factors = constant(counted.factors.numpy())
        self.memory = constant(counted.memory.numpy())
        self.events, self.profile = encoders
        self.predictor = predictor
        self.is_retrieval = model.heads.is_retrieval
        # the graph keeps only variables: Keras objects would be written into the file by class
        self.weights = [*model.reader.variables, *model.heads.variables]
        self.read, self.heads = _graph(model)

    def reading(self, query: Query) -> Reading:
        """Of the queries."""
        inputs = Inputs(
            items=query.items,
            is_event=query.is_event,
            kinds=self.events(query.events),
            values=query.values,
            timestamps=query.timestamps,
            profile=self.profile(query.profile),
            now=query.now,
        )
        counted = Counted(self.memory, self.factors)
        return self.read(inputs, inputs.items, self.vectors, counted)

    def parts(self) -> list[Part]:
        """Of all items, for each ranking head."""
        return [Part(*part) for part in self.item_parts]

    def answer(self, of_tasks: list[Tensor]) -> Answer:
        """From log probabilities and raw outputs, [b, m] for each task."""
        heads = [
            part
            for part, is_retrieval in zip(of_tasks, self.is_retrieval, strict=True)
            if not is_retrieval
        ]
        nothing = tf.zeros([*tf.unstack(tf.shape(of_tasks[0])), 0])
        raw = tf.stack(heads, axis=2) if heads else nothing
        return Answer(tf.stack(of_tasks, axis=1), self.predictor(raw))


class MultitaskScorer(Scorer):
    """Every task's word on every item.

    Args:
        towers: Of the fitted model.
    """

    def __init__(self, towers: Towers) -> None:
        super().__init__()
        self.towers, self.vectors = towers, towers.vectors

    def answer(self, query: Query) -> Answer:
        """Log probabilities of each retrieval task, raw outputs of each head."""
        towers = self.towers
        said = towers.heads().all_items(towers.reading(query), towers.vectors, towers.parts())
        return towers.answer(
            [
                tf.nn.log_softmax(each) if is_retrieval else each
                for each, is_retrieval in zip(said, towers.is_retrieval, strict=True)
            ]
        )


class StagedMultitaskScorer(StagedScorer):
    """The heads' word on those items alone that are asked for: of a large catalogue.

    Args:
        towers: Of the fitted model.
        task_weights: The manifest's: those of its retrieval tasks make the retrieval order.
        n_candidates: Best of that order that are ranked.
    """

    def __init__(self, towers: Towers, task_weights: list[float], n_candidates: int) -> None:
        super().__init__()
        self.towers, self.vectors, self.n_candidates = towers, towers.vectors, n_candidates
        weights = [w for w, known in zip(task_weights, towers.is_retrieval, strict=True) if known]
        self.order_weights = weights if any(weights) else [1.0] * len(weights)

    def stages(self, query: Query) -> Stages:
        """The retrieval order, and what answers for given items."""
        towers, heads = self.towers, self.towers.heads()
        reading = towers.reading(query)
        rows = tf.range(tf.shape(self.vectors)[0])
        logs = [
            tf.nn.log_softmax(heads.logits(reading, number, self.vectors, rows))
            for number in range(len(self.order_weights))
        ]
        order = tf.add_n([w * each for w, each in zip(self.order_weights, logs, strict=True)])

        def answer(items: Tensor) -> Answer:
            retrieval = iter([tf.gather(each, items, batch_dims=1) for each in logs])
            raw = iter(
                [
                    head.pairs(
                        Part(*(each[:, None] for each in query_part)),
                        Part(*(tf.gather(each, items) for each in item_part)),
                    )
                    for head, query_part, item_part in zip(
                        heads.ranking, heads.query_parts(reading), towers.parts(), strict=True
                    )
                ]
            )
            return towers.answer(
                [next(retrieval if known else raw) for known in towers.is_retrieval]
            )

        return Stages(order, answer)


def _graph(model: MultitaskModel) -> tuple[Callable[..., Reading], Callable[[], Heads]]:
    """As functions, so that the module that is saved holds variables and no Keras object."""
    reader, heads = model.reader, model.heads
    return (
        lambda *read: reader(*read),  # noqa: PLW0108  # the reader itself would be saved
        lambda: heads,
    )
