"""Each protocol's tables: all families, and the winner against each of the others."""

from collections.abc import Sequence

from pipelines.contracts.model import Metrics
from pipelines.evaluate.markup import Row, difference, estimate, label, note, section, size, table
from pipelines.evaluate.measuring import LIVE, RETRIEVAL_ORDER, WINDOW
from pipelines.evaluate.pairs import between, reading

ONE_RELEVANT = ("hr", "ndcg", "mrr")
MANY_RELEVANT = ("hr", "precision", "recall", "ndcg", "map", "mrr")
CATALOGUE = ("coverage", "gini", "novelty", "diversity", "popularity_lift")


def live(metrics: Metrics, winner: str, k: int) -> str:
    """The headline protocol."""
    return section(
        f"Test window, <code>{LIVE}</code>",
        note(
            "Each event is predicted from all that its user had done strictly before it, as the "
            "endpoint does. Events of cold items and of users without a history are in; an item "
            "that a model does not know is a miss. Equal scores stand in an order of chance."
        ),
        families(metrics, LIVE, winner, _names(ONE_RELEVANT, k)),
        families(metrics, LIVE, winner, _names(CATALOGUE, k)),
        against(metrics, LIVE, winner),
        everybody(metrics, LIVE, k),
    )


def window(metrics: Metrics, winner: str, k: int) -> str:
    """One slate per user."""
    return section(
        f"Test window, <code>{WINDOW}</code>",
        note(
            "One slate per user at the window's first instant; all that the user chose in the "
            "window is looked for in it. The models are those of <code>live</code>, which learnt "
            "nothing after the fit window. n counts users."
        ),
        families(metrics, WINDOW, winner, _names(MANY_RELEVANT, k)),
        families(metrics, WINDOW, winner, _names(CATALOGUE, k)),
        against(metrics, WINDOW, winner),
        everybody(metrics, WINDOW, k),
    )


def reranking(metrics: Metrics, k: int) -> str:
    """What the other tasks add to the retrieval order; empty where nothing is re-ranked."""
    rows = []
    for family in metrics.test[LIVE]:
        name = RETRIEVAL_ORDER.format(family=family)
        gaps = between(metrics, LIVE, family, name)
        if gaps:
            rows.append(Row(f"{family} minus {name}", [difference(gap) for gap in gaps.values()]))
    head = ["pair", *(label(name) for name in _names(ONE_RELEVANT, k))]
    return section(
        "Retrieval order against the served order",
        table("The same artifact with all weights but retrieval's at 0", head, rows),
        note(
            "The served order weighs every task. Where the interval holds 0, re-ranking changes "
            "what is shown, not how often it is chosen."
        )
        if rows
        else "",
    )


def families(metrics: Metrics, protocol: str, winner: str, names: Sequence[str]) -> str:
    """A row per family; each column says how many interactions and users it counts."""
    figures = metrics.test[protocol]
    sizes = {name: next((f[name] for f in figures.values() if name in f), None) for name in names}
    shown = {name: size_ for name, size_ in sizes.items() if size_ is not None}
    head = ["family", *(f"{label(name)}<br/>{size(n)}" for name, n in shown.items())]
    rows = [
        Row(family, [estimate(known.get(name)) for name in shown], family == winner)
        for family, known in figures.items()
    ]
    what = ", ".join(label(name) for name in shown)
    return table(f"{what}, <code>{protocol}</code>", head, rows) if shown else ""


def against(metrics: Metrics, protocol: str, winner: str) -> str:
    """The winner minus each of the others, of the same users."""
    rows: list[Row] = []
    names: list[str] = []
    for other in metrics.test[protocol]:
        gaps = between(metrics, protocol, winner, other)
        if gaps:
            names = list(gaps)
            headline = next(gap for name, gap in gaps.items() if name.startswith("ndcg"))
            cells = [*(difference(gap) for gap in gaps.values()), reading(headline)]
            rows.append(Row(f"{winner} minus {other}", cells))
    head = ["pair", *(label(name) for name in names), "by NDCG"]
    return table(f"The winner, paired by user, <code>{protocol}</code>", head, rows)


def everybody(metrics: Metrics, protocol: str, k: int) -> str:
    """All pairs, folded away."""
    metric = f"ndcg_at_{k}"
    rows = [
        Row(pair, [difference(gaps[metric]), reading(gaps[metric])])
        for pair, gaps in metrics.paired[protocol].items()
    ]
    head = ["pair", label(metric), "the first is"]
    folded = table(f"All pairs, <code>{protocol}</code>", head, rows)
    return f"<details>\n<summary>All pairs</summary>\n{folded}\n</details>" if folded else ""


def _names(metrics: Sequence[str], k: int) -> list[str]:
    return [f"{metric}_at_{k}" for metric in metrics]
