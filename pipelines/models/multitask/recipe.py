"""The multi-task recipe: build, fit by epochs, calibrate, hand over to serving."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pipelines.descriptors import RetrievalTask, Task
from pipelines.models.engine import tf
from pipelines.models.examples import Pages, PreparedData
from pipelines.models.family import Calibration, Fitted, OnEpoch
from pipelines.models.fitting.callbacks import EarlyStopping, LogEpoch, TellEpoch
from pipelines.models.fitting.loop import Schedule, run
from pipelines.models.multitask.batches import Encoders, Source, cut, pages_to_learn
from pipelines.models.multitask.calibration import calibrate
from pipelines.models.multitask.encoders import event_encoder, profile_encoder
from pipelines.models.multitask.export import MultitaskScorer, Predictor
from pipelines.models.multitask.features import bucket_edges, item_content, item_numbers
from pipelines.models.multitask.heads import RankingHeads, RetrievalHead
from pipelines.models.multitask.labels import HeadTask, UserNumbers
from pipelines.models.multitask.model import Batch, Modules, MultitaskModel
from pipelines.models.multitask.towers import CandidateTower, QueryTower, Sizes
from pipelines.models.multitask.validation import Validation
from pipelines.models.serving import Recommender, Shape
from pipelines.models.statistics import decayed_counts, head_means, known_rows
from pipelines.params import MultitaskParams, Params

METRIC = "validation_ndcg_at_10"


@dataclass(frozen=True)
class Material:
    """What a fit works on."""

    data: PreparedData
    until: int
    source: Source
    encoders: Encoders
    params: MultitaskParams
    on_epoch: OnEpoch | None

    @property
    def heads(self) -> list[HeadTask]:
        """The binary and regression tasks."""
        return [task for task in self.data.prepared.tasks if not isinstance(task, RetrievalTask)]

    @property
    def task_weights(self) -> list[float]:
        """The default weight of each task in the score."""
        weights = self.params.score_weights.model_dump()
        return [weights[task.kind] for task in self.data.prepared.tasks]


def fit(
    data: PreparedData,
    params: Params,
    *,
    until: int,
    epochs: int | None,
    calibration: Calibration | None,
    on_epoch: OnEpoch | None = None,
) -> Fitted:
    """Fits both towers and all heads; see `models.family.fit`."""
    material = _material(data, until, params.multitask, on_epoch)
    model = _model(material)
    later = data.rows(start=until)
    validation_rows = later[np.isin(later, data.window("validation"))]
    validation = Validation(material.source, validation_rows, model, material.task_weights)
    curve, best = _learn(model, material, validation, epochs, params.fit.seed)
    if calibration is None:
        calibration = calibrate(material.heads, *validation.outputs())
    return Fitted(
        family="multitask",
        module=_served(model, material, calibration),
        max_history=material.params.max_history,
        task_weights=material.task_weights,
        epochs=best,
        calibration=calibration,
        learning_curve=curve,
        notes=(
            "The score is the log probability that an item comes next, plus each head's raw output"
            " times its task's weight."
        ),
    )


def _material(
    data: PreparedData, until: int, params: MultitaskParams, on_epoch: OnEpoch | None
) -> Material:
    rows = data.rows(end=until)
    encoders = Encoders(event_encoder(data, rows), profile_encoder(data, rows))
    source = Source(data, encoders, until, params.max_history)
    return Material(data, until, source, encoders, params, on_epoch)


def _model(material: Material) -> MultitaskModel:
    data, params, until = material.data, material.params, material.until
    is_warm = material.source.is_warm.astype(np.float32)
    candidates = CandidateTower(
        item_content(data.items, dict(data.prepared.item_features)),
        item_numbers(data, until),
        is_warm,
        params.embedding_dim,
        params.id_dropout,
    )
    retrieval = [
        RetrievalHead(task.name, _log_share(data, task, until), is_warm, params.embedding_dim)
        for task in data.prepared.tasks
        if isinstance(task, RetrievalTask)
    ]
    modules = Modules(
        candidates=candidates,
        queries=QueryTower(_sizes(material)),
        users=UserNumbers(material.heads, material.encoders.events.kinds, head_means(data, until)),
        retrieval=retrieval,
        ranking=RankingHeads(len(material.heads), params.head_width, params.head_rank),
    )
    return MultitaskModel(modules, material.heads, params.ranking_loss_weight)


def _sizes(material: Material) -> Sizes:
    data, params = material.data, material.params
    values = data.values[data.rows(end=material.until)].astype(np.float64)
    return Sizes(
        dim=params.embedding_dim,
        max_history=params.max_history,
        n_kinds=len(material.encoders.events.kinds),
        n_profile_codes=material.encoders.profile.size,
        value_edges=[float(edge) for edge in bucket_edges(values)],
        dropout=params.dropout,
        item_dropout=params.item_dropout,
    )


def _log_share(data: PreparedData, task: RetrievalTask, until: int) -> npt.NDArray[np.float32]:
    counts = decayed_counts(data, task, until, np.inf) + 1.0
    shares: npt.NDArray[np.float32] = np.log(counts / counts.sum()).astype(np.float32)
    return shares


def _learn(
    model: MultitaskModel,
    material: Material,
    validation: Validation,
    epochs: int | None,
    seed: int,
) -> tuple[list[dict[str, float]], int]:
    """The learning curve and the number of epochs that the model has now learnt."""
    params, source = material.params, material.source
    model.compile(
        optimizer=tf.keras.optimizers.AdamW(
            params.learning_rate, weight_decay=params.weight_decay, global_clipnorm=1.0
        )
    )
    pages = pages_to_learn(material.data, material.until)
    shuffle = np.random.default_rng(seed)
    schedule = Schedule(
        epochs=epochs or params.max_epochs,
        steps=-(-len(pages.start) // params.batch_pages),
        batches=lambda: _epoch(source, pages, params.batch_pages, shuffle),
    )
    step = tf.function(model.train_step, reduce_retracing=True)
    if epochs is not None or not validation.has_events:
        curve = run(step, schedule, [LogEpoch("multitask")], "multitask")
        return curve, schedule.epochs
    stopping = EarlyStopping(model, validation.ndcg_at_10, METRIC, params.patience)
    telling = TellEpoch(material.on_epoch, METRIC)
    curve = run(step, schedule, [stopping, telling, LogEpoch("multitask")], "multitask")
    stopping.restore()
    return curve, stopping.best_epoch


def _epoch(
    source: Source, pages: Pages, size: int, shuffle: np.random.Generator
) -> Iterator[Batch]:
    order = shuffle.permutation(len(pages.start))
    return (source.batch(part) for part in cut(pages, size, order))


def _served(model: MultitaskModel, material: Material, calibration: Calibration) -> Recommender:
    data, source = material.data, material.source
    tasks: list[Task] = list(data.prepared.tasks)
    predictor = Predictor(material.heads, calibration, source.scale, _limits(material))
    return Recommender(
        MultitaskScorer(model, material.encoders, tasks, predictor),
        Shape(
            item_ids=data.item_ids,
            n_profile=len(data.prepared.profile_fields),
            max_history=material.params.max_history,
            task_weights=material.task_weights,
        ),
    )


def _limits(material: Material) -> Any:
    source = material.source
    rows = known_rows(material.data, material.until)
    natural = source.labels[rows] * source.scale.spreads + source.scale.means
    known = source.known[rows] > 0
    low = np.where(known, natural, np.inf).min(axis=0, initial=np.inf)
    high = np.where(known, natural, -np.inf).max(axis=0, initial=-np.inf)
    return np.nan_to_num(low, posinf=0.0), np.nan_to_num(high, neginf=0.0)
