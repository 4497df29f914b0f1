"""From answers to figures: metrics with intervals, paired differences and slices."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pipelines.contracts.model import Difference, Estimates, UserGains
from pipelines.descriptors import BinaryTask, RegressionTask, RetrievalTask
from pipelines.measures.bootstrap import DIGITS, Bootstrap, Statistic
from pipelines.measures.metrics import catalogue, prediction, ranking
from pipelines.measures.protocols import Answers
from pipelines.measures.slices import ITEM_SLICE, fit_counts, slices
from pipelines.models.examples import Ints, PreparedData
from pipelines.models.item_features import item_features
from pipelines.models.tasks import labels
from pipelines.params import Params

Doubles = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

RANKING = {"hr": ranking.hit, "ndcg": ranking.ndcg, "mrr": ranking.reciprocal}


def _of_weights(metric: Callable[[Doubles, Doubles, Doubles], float]) -> "Prediction":
    return lambda labels, predictions: partial(metric, labels, predictions)


Prediction = Callable[[Doubles, Doubles], Statistic]
"""A metric of labels and predictions, ready to be asked with weights."""
BINARY: dict[str, Prediction] = {
    "auc": prediction.auc_of,
    "log_loss": _of_weights(prediction.log_loss),
    "calibration_error": _of_weights(prediction.calibration_error),
}
REGRESSION: dict[str, Prediction] = {"rmse": _of_weights(prediction.rmse)}


@dataclass(frozen=True)
class Window:
    """The interactions that figures are about, with their resamples.

    Args:
        data: Prepared tables.
        rows: Rows of the window, ascending.
        k: Length of a slate.
        samples: Bootstrap resamples.
        seed: Of the resamples.
    """

    data: PreparedData
    rows: Ints
    k: int
    samples: int
    seed: int

    @classmethod
    def of(cls, data: PreparedData, rows: Ints, params: Params) -> "Window":
        """These interactions, measured as params.yaml says."""
        settings = params.evaluate
        return cls(data, rows, settings.k, settings.bootstrap_samples, params.fit.seed)

    @cached_property
    def users(self) -> Ints:
        """[interactions] one code per user."""
        return self.data.user_start[self.rows]

    @cached_property
    def bootstrap(self) -> Bootstrap:
        """Resamples of the window's users; the same for every model."""
        return self.resamples(self.users)

    def resamples(self, users: Ints) -> Bootstrap:
        """Resamples of other interactions' users."""
        return Bootstrap(users, self.samples, self.seed)

    @cached_property
    def features(self) -> Doubles:
        """[items, features] what is known of the items, every field alike."""
        return item_features(self.data.items, self.data.prepared.item_features)

    @property
    def headline(self) -> str:
        """The metric that decides."""
        return f"ndcg_at_{self.k}"

    def gains(self, ranks: Ints) -> Doubles:
        """[interactions] what each adds to the headline metric."""
        return ranking.ndcg(ranks, self.k)


def estimates(answers: Answers, window: Window) -> Estimates:
    """All metrics of one model on the window."""
    return {
        **_ranking(answers.ranks, window.bootstrap, window.k),
        **catalogue_estimates(answers.slates, answers.page_rows, window),
        **_prediction(answers, window),
    }


def sliced(answers: Answers, window: Window) -> dict[str, Estimates]:
    """Ranking metrics by slice."""
    return {
        name: _ranking(answers.ranks[inside], window.resamples(window.users[inside]), window.k)
        for name, inside in window_slices(window).items()
    }


def window_slices(window: Window) -> dict[str, Bools]:
    """By name, which of the window's interactions are in the slice."""
    return slices(window.data, window.rows)


def catalogue_estimates(slates: Ints, rows: Ints, window: Window) -> Estimates:
    """What the slates do to the catalogue; `n_events` counts requests.

    Args:
        slates: [requests, k] rows of the data's catalogue; -1 = empty.
        rows: [requests] an interaction of each request's user.
        window: What figures are about.
    """
    k, counts = window.k, fit_counts(window.data)
    requests = window.resamples(window.data.user_start[rows])
    exposures = catalogue.exposure(slates, len(counts))
    figures = {
        f"coverage_at_{k}": requests.fixed(catalogue.coverage(exposures)),
        f"gini_at_{k}": requests.fixed(catalogue.gini(exposures)),
        f"novelty_at_{k}": requests.mean(catalogue.mean_of(catalogue.novelty(counts), slates)),
    }
    if counts.any():
        lifts = catalogue.mean_of(catalogue.popularity_lift(counts), slates)
        figures[f"popularity_lift_at_{k}"] = requests.mean(lifts)
    differ = catalogue.diversity(window.features, slates)
    known = np.isfinite(differ)
    if known.any():
        described = window.resamples(window.data.user_start[rows[known]])
        figures[f"diversity_at_{k}"] = described.mean(differ[known])
    return figures


def user_gains(ranks: Ints, window: Window) -> UserGains:
    """The headline metric summed by user: enough to compare two models by an interval later."""
    _, codes, counts = np.unique(window.users, return_inverse=True, return_counts=True)
    sums = np.bincount(codes, window.gains(ranks))
    return UserGains(
        n_events=[int(count) for count in counts], gains=[round(float(s), DIGITS) for s in sums]
    )


def compare(ours: UserGains, theirs: UserGains, samples: int, seed: int) -> Difference:
    """The paired difference of the headline metric, ours minus theirs, of the same users."""
    counts = np.array(ours.n_events)
    users = np.repeat(np.arange(len(counts)), counts)
    values, others = (np.repeat(np.array(side.gains) / counts, counts) for side in (ours, theirs))
    return Bootstrap(users, samples, seed).difference(values, others)


def user_slices(window: Window) -> dict[str, Bools]:
    """Those slices that are groups of users or of their moments, and not of items."""
    return {
        name: inside
        for name, inside in window_slices(window).items()
        if not name.startswith(ITEM_SLICE)
    }


def paired(ranks: Mapping[str, Ints], window: Window) -> dict[str, dict[str, Difference]]:
    """All pairs of models: "A-B" to metric to the paired difference."""
    names = list(ranks)
    pairs = [(a, b) for place, a in enumerate(names) for b in names[place + 1 :]]
    return {f"{a}-{b}": difference(ranks[a], ranks[b], window) for a, b in pairs}


def difference(ours: Ints, theirs: Ints, window: Window) -> dict[str, Difference]:
    """By metric, the paired difference of two models, ours minus theirs."""
    return {
        f"{metric}_at_{window.k}": window.bootstrap.difference(
            of(ours, window.k), of(theirs, window.k)
        )
        for metric, of in RANKING.items()
    }


def _ranking(ranks: Ints, bootstrap: Bootstrap, k: int) -> Estimates:
    return {f"{name}_at_{k}": bootstrap.mean(of(ranks, k)) for name, of in RANKING.items()}


class Labelled(NamedTuple):
    """What was predicted of a head where its label is known and the model knows the item."""

    task: BinaryTask | RegressionTask
    inside: Bools
    """[interactions] of the window that these are."""
    labels: Doubles
    predictions: Doubles


def labelled(answers: Answers, window: Window) -> Iterator[Labelled]:
    """By head; one that nothing is known of is left out."""
    data = window.data
    events, values = data.events[answers.rows], data.values[answers.rows]
    tasks = [task for task in data.prepared.tasks if not isinstance(task, RetrievalTask)]
    for column, task in enumerate(tasks):
        wanted, known = labels(task, events, values)
        predicted = answers.predictions[:, column].astype(np.float64)
        inside = known & np.isfinite(predicted)
        if inside.any():
            yield Labelled(task, inside, wanted[inside].astype(np.float64), predicted[inside])


def _prediction(answers: Answers, window: Window) -> Estimates:
    figures = Estimates()
    for head in labelled(answers, window):
        resamples = window.resamples(window.users[head.inside])
        metrics = BINARY if isinstance(head.task, BinaryTask) else REGRESSION
        for name, metric in metrics.items():
            of = metric(head.labels, head.predictions)
            figures[f"{head.task.name}_{name}"] = resamples.statistic(of)
    return figures
