"""Our metrics against a published table: SAR on MovieLens-100K, of the Recommenders project.

    python -m benchmarks.published     # in a clone that has data/prepared; ends with 4 on a miss

Their protocol, with our metric functions: of each user's events a random 75 % are learnt from, the
rest is looked for in one slate of 10, seen items left out. The split leaks time (a model learns
from what happened after the moments that it predicts), so that its figures say nothing about a
recommender at work: they are here to show that our metrics mean what theirs mean. They published
one split; ours are several, and the published figure must lie within their spread.

Source: github.com/recommenders-team/recommenders, README, table of `examples/06_benchmarks`;
formulas: `recommenders/models/sar/sar_singlenode.py`.
"""

import sys
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from benchmarks import record
from pipelines.contracts.model import PREPARED
from pipelines.measures.metrics import slate
from pipelines.models.examples import Ints, PreparedData

PUBLISHED = {"map": 0.110591, "ndcg": 0.382461, "precision": 0.330753, "recall": 0.176385}
METRICS = {
    "map": slate.average_precision,
    "ndcg": slate.ndcg,
    "precision": slate.precision,
    "recall": slate.recall,
}
K = 10
TRAIN_SHARE = 0.75
HALF_LIFE_US = 30 * 86_400_000_000
SEEDS = range(20)
MAX_DEVIATIONS = 3.0
"""Of the published figure from the mean of our splits, in standard deviations of one split."""
MISSED = 4

Doubles = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


class Ratings(NamedTuple):
    """Events as arrays, [events] each."""

    users: Ints
    """0 to users - 1"""
    items: Ints
    """0 to items - 1"""
    values: Doubles
    timestamps: Ints
    """Microseconds."""

    def take(self, rows: Bools) -> "Ratings":
        """Some of them."""
        return Ratings(self.users[rows], self.items[rows], self.values[rows], self.timestamps[rows])


def main() -> int:
    """Measures and keeps the result; says whether the published figures are met."""
    data = PreparedData.load(PREPARED)
    ratings = _ratings(data)
    figures = [measure(ratings, len(data.items), seed) for seed in SEEDS]
    rows = {name: _row(name, [figure[name] for figure in figures]) for name in PUBLISHED}
    missed = [name for name, row in rows.items() if abs(row["deviations"]) > MAX_DEVIATIONS]
    record.keep("published", {"sar": rows, "splits": len(SEEDS), "k": K, "missed": missed})
    return MISSED if missed else 0


def measure(ratings: Ratings, n_items: int, seed: int) -> dict[str, float]:
    """SAR's figures on one random split."""
    learnt = split(ratings.users, seed)
    train, test = ratings.take(learnt), ratings.take(~learnt)
    n_users = int(ratings.users.max()) + 1
    scores = sar_scores(train, n_users, n_items)
    scores[train.users, train.items] = -np.inf
    best = np.argsort(-scores, axis=1, kind="stable")[:, :K]
    wanted = np.zeros((n_users, n_items), dtype=bool)
    wanted[test.users, test.items] = True
    relevant = wanted.sum(axis=1)
    asked = relevant > 0
    hits = np.take_along_axis(wanted, best, axis=1)[asked]
    return {name: float(of(hits, relevant[asked]).mean()) for name, of in METRICS.items()}


def split(users: Ints, seed: int) -> Bools:
    """[events]: which are learnt from, a random 75 % of each user's."""
    order = np.lexsort((np.random.default_rng(seed).random(len(users)), users))
    starts, counts = np.unique(users[order], return_index=True, return_counts=True)[1:]
    places = np.arange(len(users)) - np.repeat(starts, counts) + 1
    learnt = np.empty(len(users), dtype=bool)
    learnt[order] = places <= TRAIN_SHARE * np.repeat(counts, counts)
    return learnt


def sar_scores(train: Ratings, n_users: int, n_items: int) -> Doubles:
    """[users, items]: affinity times similarity (Simple Algorithm for Recommendation).

    affinity_ui = value * 2^(-age / 30 days), age until the newest event learnt from;
    similarity_ij = c_ij / (c_ii + c_jj - c_ij), c_ij = users who chose both (Jaccard).
    """
    chosen, affinity = np.zeros((n_users, n_items)), np.zeros((n_users, n_items))
    chosen[train.users, train.items] = 1
    ages = (train.timestamps.max() - train.timestamps) / HALF_LIFE_US
    affinity[train.users, train.items] = train.values * np.exp2(-ages)
    together = chosen.T @ chosen
    often = np.diag(together)
    either = often[:, None] + often[None, :] - together
    scores: Doubles = affinity @ np.divide(together, either, where=either > 0, out=together * 0)
    return scores


def _ratings(data: PreparedData) -> Ratings:
    users = np.unique(data.user_start, return_inverse=True)[1]
    return Ratings(users, data.item_rows, data.values.astype(np.float64), data.timestamps)


def _row(name: str, figures: list[float]) -> dict[str, Any]:
    mean, spread = float(np.mean(figures)), float(np.std(figures, ddof=1))
    return {
        "published": PUBLISHED[name],
        "mean": round(mean, 6),
        "standard_deviation": round(spread, 6),
        "low": round(min(figures), 6),
        "high": round(max(figures), 6),
        "deviations": round((PUBLISHED[name] - mean) / spread, 2),
    }


if __name__ == "__main__":
    sys.exit(main())
