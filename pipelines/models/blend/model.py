"""A weighted sum of what three families say of an item, over their own files' graphs.

Each source's score of a retrieval task is standardised over the catalogue, z, and enters twice:
as z, and as sign(z) log(1 + |z|), which keeps a heavy tail from deciding alone. The weights are
those of a conditional logit over the validation window's choices (`choice.py`).
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.descriptors import RetrievalTask, Task
from pipelines.models import artifact
from pipelines.models.blend.choice import fit_weights
from pipelines.models.blend.material import Asked, choices
from pipelines.models.engine import tf
from pipelines.models.examples import PreparedData
from pipelines.models.family import Calibration, Fitted, Source
from pipelines.models.serving import Answer, Query, Recommender, Scorer, Shape, Tensor, constant
from pipelines.models.statistics import Doubles
from pipelines.params import Params

SMALLEST_SPREAD = 1e-6
FORMS = ("z", "log")
"""In which a source's score enters."""


class Sources(tf.Module):
    """Loaded files, and their scores of each retrieval task in both forms.

    Args:
        folders: Of their artifacts.
        tasks: In the descriptor's order.
    """

    def __init__(self, folders: list[Path], tasks: list[Task]) -> None:
        super().__init__()
        manifests = [artifact.check_files(folder) for folder in folders]
        self.max_history = max(manifest.max_history for manifest in manifests)
        self.loaded = [
            tf.saved_model.load(str(folder / artifact.SAVED_MODEL)) for folder in folders
        ]
        self.vectors = self.loaded[0].signatures["item_vectors"]()["item_vectors"].numpy()
        self.is_retrieval = [isinstance(task, RetrievalTask) for task in tasks]
        self.task_weights = [
            _by_task(manifest.task_weights, self.is_retrieval) for manifest in manifests
        ]

    def answers(self, asked: Asked) -> list[Answer]:
        """What each source says of all items."""
        return [Answer(*each.answer_all(*asked)) for each in self.loaded]

    def features(self, answers: list[Answer]) -> Tensor:
        """[b, retrieval tasks, n, sources * forms] float32."""
        columns = []
        for answer, weights in zip(answers, self.task_weights, strict=True):
            scores = tf.einsum("rt,btn->brn", tf.constant(weights, tf.float32), answer.components)
            z = _standardised(scores)
            columns += [z, tf.sign(z) * tf.math.log1p(tf.abs(z))]
        return tf.stack(columns, axis=-1)


class BlendScorer(Scorer):
    """The weighted sum; heads are the first source's.

    Args:
        sources: Whose graphs become part of this one.
        weights: [retrieval tasks, sources * forms].
    """

    def __init__(self, sources: Sources, weights: Doubles) -> None:
        super().__init__()
        self.sources = sources
        self.weights = constant(weights)
        self.vectors = constant(sources.vectors)

    def answer(self, query: Query) -> Answer:
        """Blended scores for the retrieval tasks, the first source's parts for the heads."""
        history = (query.item_ids, query.events, query.values, query.timestamps)
        answers = self.sources.answers((*history, query.profile, query.now))
        blended = tf.einsum("brnf,rf->brn", self.sources.features(answers), self.weights)
        retrieval = iter(tf.unstack(blended, axis=1))
        components = [
            next(retrieval) if is_retrieval else part
            for is_retrieval, part in zip(
                self.sources.is_retrieval, tf.unstack(answers[0].components, axis=1), strict=True
            )
        ]
        return Answer(tf.stack(components, axis=1), answers[0].predictions)


def fit(
    data: PreparedData,
    params: Params,
    *,
    until: int,
    calibration: Calibration | None,
    sources: Mapping[str, Source],
) -> Fitted:
    """Weighs fitted sources by the validation window, or as a former fit did."""
    own, tasks = params.blend, list(data.prepared.tasks)
    used = [sources[name] for name in own.sources]
    loaded = Sources([source.folder for source in used], tasks)
    if calibration is None:
        weights = _weights(data, params, loaded, until)
        calibration = _remembered(own.sources, used, tasks, weights)
    weights = _recalled(calibration, own.sources, tasks)
    defaults = [1.0 if is_retrieval else 0.0 for is_retrieval in loaded.is_retrieval]
    fields = len(data.prepared.profile_fields)
    shape = Shape(data.item_ids, fields, loaded.max_history, defaults)
    return Fitted(
        family="blend",
        module=Recommender(BlendScorer(loaded, weights), shape),
        max_history=loaded.max_history,
        task_weights=defaults,
        epochs=0,
        calibration=calibration,
        learning_curve=[],
        notes=(
            f"The score is a weighted sum of the standardised scores of {', '.join(own.sources)}; "
            f"predictions are those of {own.sources[0]}."
        ),
    )


def _weights(data: PreparedData, params: Params, loaded: Sources, until: int) -> Doubles:
    """[retrieval tasks, sources * forms]; without choices to learn from all weigh alike."""
    rows = []
    tasks = [task for task in data.prepared.tasks if isinstance(task, RetrievalTask)]
    for place, task in enumerate(tasks):
        chosen = choices(data, task, params, until, partial(_of_task, loaded, place))
        size = len(FORMS) * len(params.blend.sources)
        rows.append(np.ones(size) if chosen is None else fit_weights(chosen, params.blend.l2))
    weights: Doubles = np.array(rows, dtype=np.float64).round(6)
    return weights


def _of_task(loaded: Sources, place: int, asked: Asked) -> Tensor:
    return loaded.features(loaded.answers(asked))[:, place]


def _remembered(
    names: list[Any], used: list[Source], tasks: list[Task], weights: Doubles
) -> dict[str, Any]:
    retrieval = [task.name for task in tasks if isinstance(task, RetrievalTask)]
    return {
        "weights": {
            task: {
                name: dict(zip(FORMS, map(float, pair), strict=True))
                for name, pair in zip(names, row.reshape(len(names), len(FORMS)), strict=True)
            }
            for task, row in zip(retrieval, weights, strict=True)
        },
        "sources": {
            name: {"epochs": source.epochs, "calibration": dict(source.calibration)}
            for name, source in zip(names, used, strict=True)
        },
    }


def _recalled(calibration: Calibration, names: list[Any], tasks: list[Task]) -> Doubles:
    by_task = calibration["weights"]
    return np.array(
        [
            [by_task[task.name][name][form] for name in names for form in FORMS]
            for task in tasks
            if isinstance(task, RetrievalTask)
        ]
    )


def _by_task(weights: list[float], is_retrieval: list[bool]) -> list[list[float]]:
    """[retrieval tasks][tasks]: a source's default weights, without the other retrieval tasks."""
    return [
        [
            weight if place == own or not is_retrieval[place] else 0.0
            for place, weight in enumerate(weights)
        ]
        for own, is_own in enumerate(is_retrieval)
        if is_own
    ]


def _standardised(scores: Tensor) -> Tensor:
    mean = tf.reduce_mean(scores, axis=-1, keepdims=True)
    spread = tf.math.reduce_std(scores, axis=-1, keepdims=True)
    return (scores - mean) / tf.maximum(spread, SMALLEST_SPREAD)
