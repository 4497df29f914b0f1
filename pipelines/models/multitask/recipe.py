"""The multi-task recipe: build, fit by epochs, calibrate, hand over to serving."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pipelines.descriptors import RetrievalTask
from pipelines.models.engine import tf
from pipelines.models.examples import Ints, Pages, PreparedData
from pipelines.models.family import Calibration, Fitted, OnEpoch
from pipelines.models.fitting.averaging import WeightAverage
from pipelines.models.fitting.callbacks import Aim, EarlyStopping, LogEpoch, TellEpoch, Watch
from pipelines.models.fitting.loop import Schedule, run
from pipelines.models.multitask.batches import Encoders, Source, by_fold, pages_to_learn
from pipelines.models.multitask.calibration import calibrate
from pipelines.models.multitask.encoders import event_encoder, profile_encoder
from pipelines.models.multitask.export import (
    MultitaskScorer,
    Predictor,
    StagedMultitaskScorer,
    Towers,
)
from pipelines.models.multitask.factors import LiveFactors, item_factors
from pipelines.models.multitask.features import bucket_edges, item_content, item_numbers
from pipelines.models.multitask.heads import Heads, RankingHead, RetrievalHead
from pipelines.models.multitask.labels import HeadTask, UserNumbers
from pipelines.models.multitask.memory import Memory, count, places_of, without
from pipelines.models.multitask.model import Batch, Modules, MultitaskModel
from pipelines.models.multitask.reading import Counted, Reader
from pipelines.models.multitask.sampling import Sampler
from pipelines.models.multitask.towers import CandidateTower, QueryTower, Sizes
from pipelines.models.multitask.validation import HEAD_LOSS, NDCG, Validation
from pipelines.models.multitask.weighting import LossWeighting
from pipelines.models.serving import Recommender, Scorer, Shape
from pipelines.models.statistics import decayed_counts, head_means, known_rows, most_chosen
from pipelines.params import Params
from pipelines.sections import MultitaskParams


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
    def is_large(self) -> bool:
        """Whether the catalogue is sampled, and ranked after retrieval."""
        return len(self.data.items) > self.params.full_softmax_items

    @property
    def remembered(self) -> Ints:
        """Rows of the items with item-item weights."""
        return most_chosen(self.source.counts, self.params.memory_items)

    @property
    def task_weights(self) -> list[float]:
        """The default weight of each task in the score; none of what is not learnt."""
        weights = self.params.score_weights.model_dump()
        learnt = self.params.loss_weights.model_dump()
        return [
            weights[task.kind] if learnt[task.kind] > 0 else 0.0
            for task in self.data.prepared.tasks
        ]


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
    validation = Validation(
        material.source, validation_rows, model, material.task_weights, material.is_large
    )
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
    source = Source(data, encoders, until, params.max_history, params.folds)
    return Material(data, until, source, encoders, params, on_epoch)


def _model(material: Material) -> MultitaskModel:
    data, params, until = material.data, material.params, material.until
    tasks, events = list(data.prepared.tasks), material.encoders.events
    is_warm = material.source.is_warm.astype(np.float32)
    sizes, counts = _sizes(material), _counts(material)
    remembered = places_of(material.remembered, len(data.items))
    modules = Modules(
        candidates=CandidateTower(
            item_content(data.items, dict(data.prepared.item_features)),
            item_numbers(data, until),
            is_warm,
            params.embedding_dim,
            params.id_dropout,
        ),
        reader=Reader(
            QueryTower(sizes),
            UserNumbers(material.heads, events.kinds, head_means(data, until)),
            LiveFactors(material.source.label_scale, params.factors),
            Memory(sizes, remembered),
        ),
        heads=_heads(material, is_warm),
        weighting=LossWeighting(tasks, params.loss_weights, params.weighting),
    )
    return MultitaskModel(modules, tasks, counts)


def _heads(material: Material, is_warm: npt.NDArray[np.float32]) -> Heads:
    data, params = material.data, material.params
    retrieval = [
        RetrievalHead(
            task.name, _log_share(data, task, material.until), is_warm, params.embedding_dim
        )
        for task in data.prepared.tasks
        if isinstance(task, RetrievalTask)
    ]
    ranking = [
        RankingHead(task.name, params.head_width, params.head_rank, place, len(material.heads))
        for place, task in enumerate(material.heads)
    ]
    return Heads(retrieval, ranking, list(data.prepared.tasks))


def _counts(material: Material) -> Counted:
    """What is counted, of all rows and without each fold."""
    data, params, source = material.data, material.params, material.source
    rows = known_rows(data, material.until)
    parts = without(rows, source.folds[rows], params.folds)
    labels = (source.natural - source.label_scale.means) / source.label_scale.spreads
    factors = np.stack(
        [
            item_factors(
                data.user_start[part],
                data.item_rows[part],
                labels[part],
                source.known[part],
                (len(data.items), params.factors),
            )
            for part in parts
        ]
    )
    memory = count(data, parts, material.remembered, params.memory_l2)
    return Counted(tf.constant(memory), tf.constant(factors))


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
        n_tasks=len(data.prepared.tasks),
        n_experts=params.experts,
        until=material.until,
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
    params = material.params
    pages = pages_to_learn(material.data, material.until)
    random = np.random.default_rng(seed)
    sample = next(_epoch(material, pages, np.random.default_rng(seed)))
    model.compute_loss(sample)  # builds the variables, which are averaged
    average = WeightAverage(model.trainable_variables, params.average_decay)
    schedule = Schedule(
        epochs=epochs or params.max_epochs,
        steps=len(by_fold(material.source, pages, params.batch_pages, random)),
        batches=lambda: _epoch(material, pages, random),
    )
    step = _step(model, average, params)
    watch, tell = Watch(lambda: model.figures(sample)), LogEpoch("multitask")
    if epochs is not None or not validation.has_events:
        curve = run(step, schedule, [watch, tell], "multitask")
        average.set_weights(average.get_weights())
        return curve, schedule.epochs
    aim = Aim(NDCG, True) if params.loss_weights.retrieval > 0 else Aim(HEAD_LOSS, False)
    measure = average.measured(validation.figures)
    stopping = EarlyStopping(average, measure, aim, params.patience)
    telling = TellEpoch(material.on_epoch, aim.name)
    curve = run(step, schedule, [stopping, telling, watch, tell], "multitask")
    stopping.restore()
    return curve, stopping.best_epoch


def _step(
    model: MultitaskModel, average: WeightAverage, params: MultitaskParams
) -> Callable[[Batch], dict[str, Any]]:
    """One step of the optimiser and of the average."""
    model.compile(
        optimizer=tf.keras.optimizers.AdamW(
            params.learning_rate, weight_decay=params.weight_decay, global_clipnorm=1.0
        )
    )

    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
    def step(batch: Batch) -> dict[str, Any]:
        losses = model.train_step(batch)
        average.update()
        return losses

    return step  # type: ignore[no-any-return]


def _epoch(material: Material, pages: Pages, random: np.random.Generator) -> Iterator[Batch]:
    source, params = material.source, material.params
    sampler = Sampler(material.source.counts, params.sampled_items) if material.is_large else None
    for part in by_fold(source, pages, params.batch_pages, random):
        yield source.batch(part, None if sampler is None else sampler.draw(random))


def _served(model: MultitaskModel, material: Material, calibration: Calibration) -> Recommender:
    data, source, params = material.data, material.source, material.params
    predictor = Predictor(material.heads, calibration, source.scale, _limits(material))
    towers = Towers(model, material.encoders, predictor)
    scorer: Scorer = MultitaskScorer(towers)
    if material.is_large:
        scorer = StagedMultitaskScorer(towers, material.task_weights, params.rank_candidates)
    shape = Shape(
        item_ids=data.item_ids,
        n_profile=len(data.prepared.profile_fields),
        max_history=params.max_history,
        task_weights=material.task_weights,
    )
    return Recommender(scorer, shape)


def _limits(material: Material) -> Any:
    source = material.source
    rows = known_rows(material.data, material.until)
    natural, known = source.natural[rows], source.known[rows] > 0
    low = np.where(known, natural, np.inf).min(axis=0, initial=np.inf)
    high = np.where(known, natural, -np.inf).max(axis=0, initial=-np.inf)
    return np.nan_to_num(low, posinf=0.0), np.nan_to_num(high, neginf=0.0)
