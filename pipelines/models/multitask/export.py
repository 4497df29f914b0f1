"""The fitted model as a scorer for the served signatures: plain TensorFlow, no Keras, no TFRS."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from pipelines.descriptors import BinaryTask, RetrievalTask, Task
from pipelines.models.engine import tf
from pipelines.models.multitask.batches import Encoders, Scale
from pipelines.models.multitask.calibration import coefficients
from pipelines.models.multitask.heads import Part
from pipelines.models.multitask.labels import HeadTask
from pipelines.models.multitask.model import MultitaskModel
from pipelines.models.multitask.towers import Inputs
from pipelines.models.serving import Answer, Query, Scorer, Tensor, constant


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


class MultitaskScorer(Scorer):
    """The query tower's graph over the candidate tower's finished vectors.

    Args:
        model: Fitted.
        encoders: Texts to codes.
        tasks: All tasks, in the descriptor's order.
        predictor: Raw outputs to natural units.
    """

    def __init__(
        self, model: MultitaskModel, encoders: Encoders, tasks: list[Task], predictor: Predictor
    ) -> None:
        super().__init__()
        vectors = model.candidates(model.candidates.content)
        parts = [head.item_part(vectors, model.candidates.numbers) for head in model.ranking]
        self.vectors = constant(vectors.numpy())
        self.item_parts = [[constant(tensor.numpy()) for tensor in part] for part in parts]
        self.events, self.profile = encoders
        self.predictor = predictor
        self.is_retrieval = [isinstance(task, RetrievalTask) for task in tasks]
        # the graph keeps only variables: Keras objects would be written into the file by class
        parts_of_model: list[Any] = [model.queries, *model.ranking, *model.retrieval]
        self.weights = [variable for part in parts_of_model for variable in part.variables]
        self.call_towers = _towers(model)

    def answer(self, query: Query) -> Answer:
        """One row of logits per retrieval task, one of raw outputs per head."""
        inputs = Inputs(
            items=query.items,
            is_event=query.is_event,
            kinds=self.events(query.events),
            values=query.values,
            timestamps=query.timestamps,
            profile=self.profile(query.profile),
            now=query.now,
        )
        items = [Part(*part) for part in self.item_parts]
        logits, raw = self.call_towers(inputs, self.vectors, items)
        retrieval, heads = iter(logits), iter(raw)
        components = [
            tf.nn.log_softmax(next(retrieval)) if is_retrieval else next(heads)
            for is_retrieval in self.is_retrieval
        ]
        nothing = tf.zeros([*tf.unstack(tf.shape(logits[0])), 0])
        outputs = tf.stack(raw, axis=2) if raw else nothing
        return Answer(tf.stack(components, axis=1), self.predictor(outputs))


def _towers(model: MultitaskModel) -> Any:
    places = model.places

    def call(
        inputs: Inputs, vectors: Tensor, items: list[Part]
    ) -> tuple[list[Tensor], list[Tensor]]:
        numbers = model.users(inputs)
        by_task = model.queries(inputs, vectors, numbers).by_task
        logits = [
            head(by_task[place], vectors)
            for head, place in zip(model.retrieval, places.retrieval, strict=True)
        ]
        raw = [
            head.all_items(head.query_part(by_task[place], numbers), item)
            for head, place, item in zip(model.ranking, places.ranking, items, strict=True)
        ]
        return logits, raw

    return call
