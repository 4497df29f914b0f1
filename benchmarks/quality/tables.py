"""The result as Markdown: every contender, then what the targets ask for."""

from collections.abc import Mapping, Sequence
from typing import Any

HEAD = (
    "contender",
    "live HR@10",
    "live NDCG@10",
    "no history, HR@10",
    "last NDCG@10",
    "window NDCG@10",
    "RMSE",
    "AUC",
    "coverage@10",
    "cold items, HR@50",
)
PLACES = (
    ("live", "hr_at_10"),
    ("live", "ndcg_at_10"),
    ("live, by history", "history:0", "hr_at_10"),
    ("last", "ndcg_at_10"),
    ("window", "ndcg_at_10"),
    ("live", "rating_rmse"),
    ("live", "like_auc"),
    ("live", "coverage_at_10"),
    ("cold items", "hr_at_50"),
)


def markdown(result: Mapping[str, Any]) -> str:
    """Both tables, with what they are about."""
    rows = [
        f"| {name} | " + " | ".join(_cell(measured, place) for place in PLACES) + " |"
        for name, measured in result["contenders"].items()
    ]
    pairs = [
        f"| {pair} | " + "; ".join(_interval(gap) for gap in gaps) + " |"
        for pair, gaps in result["paired"].items()
    ]
    return "\n".join(
        [
            f"{result['n_events']:,} events of {result['n_users']} users in the test window. Of "
            "several seeds the mean, from the least to the most; `last` and `window` are of the "
            f"first. {result['n_cold']} events are with items unseen in training, of which 50 "
            f"items at random hold {result['cold_chance']:.3f}. A blend's predictions are those of "
            "its first source.",
            "",
            "| " + " | ".join(HEAD) + " |",
            "|---" * len(HEAD) + "|",
            *rows,
            "",
            "| paired difference on live, NDCG@10 unless named | each seed, 95 % interval |",
            "|---|---|",
            *pairs,
            "",
        ]
    )


def _cell(measured: Sequence[Mapping[str, Any]], place: Sequence[str]) -> str:
    found = [_at(figures, place) for figures in measured]
    values = [value for value in found if value is not None]
    if not values:
        return "-"
    mean = f"{sum(values) / len(values):.3f}"
    return mean if len(values) == 1 else f"{mean} ({min(values):.3f} … {max(values):.3f})"


def _at(figures: Mapping[str, Any], place: Sequence[str]) -> float | None:
    found: Any = figures
    for part in place:
        found = found.get(part) if isinstance(found, Mapping) else None
    value = found.get("value") if isinstance(found, Mapping) else found
    return None if value is None else float(value)


def _interval(gap: Mapping[str, float]) -> str:
    return f"{gap['difference']:+.4f} ({gap['low']:+.4f} … {gap['high']:+.4f})"
