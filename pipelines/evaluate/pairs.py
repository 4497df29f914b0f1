"""Paired differences looked up in either direction, and what an interval says in words."""

from pipelines.contracts.model import Difference, Metrics


def between(metrics: Metrics, protocol: str, ours: str, theirs: str) -> dict[str, Difference]:
    """By metric, ours minus theirs; empty where the pair was not measured."""
    pairs = metrics.paired[protocol]
    turned = pairs.get(f"{theirs}-{ours}", {})
    return pairs.get(f"{ours}-{theirs}") or {name: _turned(gap) for name, gap in turned.items()}


def reading(gap: Difference) -> str:
    """What the interval shows; one that holds 0 shows neither a difference nor equality."""
    if gap.low > 0:
        return "better"
    return "worse" if gap.high < 0 else "not told apart"


def _turned(gap: Difference) -> Difference:
    return Difference(difference=-gap.difference, low=-gap.high, high=-gap.low, n_users=gap.n_users)
