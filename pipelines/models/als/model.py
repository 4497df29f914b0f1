"""The expected preference for an item, plus a popularity prior; heads are factorised labels."""

from pipelines.descriptors import RetrievalTask, Task
from pipelines.models.als.factors import ImplicitFoldIn, item_factors
from pipelines.models.als.labels import LabelHeads, fit_heads
from pipelines.models.closed_form import fitted
from pipelines.models.engine import tf
from pipelines.models.examples import PreparedData
from pipelines.models.family import Calibration, Fitted
from pipelines.models.neighbourhood import chosen_by
from pipelines.models.serving import (
    Answer,
    Explanation,
    LinearScorer,
    Query,
    Tensor,
    constant,
    of_history,
)
from pipelines.models.statistics import Doubles, head_means, positive_rows, recent_priors
from pipelines.params import Params


class AlsScorer(LinearScorer):
    """Preferences for the retrieval tasks, live labels for the heads.

    Args:
        tasks: In the descriptor's order.
        fold_ins: Of each retrieval task.
        priors: [tasks, items]; what is added for a retrieval task: recent popularity.
        heads: Of the other tasks.
    """

    def __init__(
        self,
        tasks: list[Task],
        fold_ins: list[ImplicitFoldIn],
        priors: Doubles,
        heads: LabelHeads,
    ) -> None:
        super().__init__()
        self.is_retrieval = [isinstance(task, RetrievalTask) for task in tasks]
        self.fold_ins = fold_ins
        self.priors = constant(priors)
        self.heads = heads
        self.vectors = tf.Variable(
            tf.concat([each.vectors for each in fold_ins], axis=1), trainable=False
        )

    def answer(self, query: Query) -> Answer:
        """The user's part is solved from the history, for each task."""
        components, predictions = self.heads.answer(query)
        preferences, others = iter(self.fold_ins), iter(components)
        columns = [
            next(preferences).preferences(query) + prior if is_retrieval else next(others)
            for is_retrieval, prior in zip(self.is_retrieval, tf.unstack(self.priors), strict=True)
        ]
        shape = tf.shape(columns[0])
        nothing = tf.zeros([shape[0], shape[1], 0])
        natural = tf.stack(predictions, axis=2) if predictions else nothing
        return Answer(tf.stack(columns, axis=1), natural)

    def explain(self, query: Query, items: Tensor, weights: Tensor) -> Explanation:
        """Each event's part: given what is solved for, all scores are sums over the history."""
        parts, rest = map(iter, self.heads.contributions(query, items))
        preferences = iter(self.fold_ins)
        history, base = tf.zeros(tf.shape(query.items)), tf.zeros(tf.shape(items))
        for number, is_retrieval in enumerate(self.is_retrieval):
            own = next(preferences).contributions(query, items) if is_retrieval else next(parts)
            left = tf.gather(self.priors[number], items) if is_retrieval else next(rest)
            history += weights[:, number, None] * own
            base += weights[:, number] * left
        return of_history(query, history, base)


def fit(
    data: PreparedData,
    params: Params,
    *,
    until: int,
    epochs: int | None,  # noqa: ARG001  rounds are a parameter; nothing is stopped early
    calibration: Calibration | None,  # noqa: ARG001  fitted within the fit window
) -> Fitted:
    """Factorises who chose what, and the labels."""
    own, tasks = params.als, list(data.prepared.tasks)
    fold_ins = [
        ImplicitFoldIn(
            item_factors(chosen_by(data, positive_rows(data, task, until)), own, params.fit.seed),
            own,
        )
        for task in tasks
        if isinstance(task, RetrievalTask)
    ]
    priors = recent_priors(data, head_means(data, until).means, until, own)
    scorer = AlsScorer(tasks, fold_ins, priors, fit_heads(data, params, until))
    notes = (
        "The score is the preference that implicit ALS expects of the history, folded in live; "
        "predictions are of a factorisation of the labels, folded in live, too."
    )
    return fitted("als", scorer, data, own.max_history, notes)
