"""What every family answers on the test window, and the figures that follow from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipelines import storage
from pipelines.contracts.model import ARTIFACTS, Difference, Estimates, Metrics
from pipelines.cost import measure
from pipelines.measures.protocols import Answers, Questions, UserAnswers, live, window
from pipelines.measures.retrieval_order import RetrievalOrder, is_reranked
from pipelines.measures.scores import Window, difference, estimates, paired, sliced
from pipelines.measures.user_scores import user_estimates, user_paired, user_sliced
from pipelines.models import artifact

LIVE, WINDOW = "live", "window"
RETRIEVAL_ORDER = "{family} (retrieval order)"


@dataclass(frozen=True)
class Asked:
    """One family's answers."""

    live: Answers
    window: UserAnswers
    retrieval_order: Answers | None
    """To `live` without re-ranking; None where nothing is re-ranked."""


def ask(family: str, test: Window, batch: int) -> Asked:
    """Asks `artifacts/FAMILY`, through the served signatures.

    Args:
        family: Which.
        test: The test window.
        batch: Requests per call.
    """
    with measure(f"evaluate.{family}"):
        model = artifact.open_artifact(Path(ARTIFACTS / family))
        asked = Questions(test.data, test.rows, test.k, batch)
        reranked = is_reranked(model.manifest)
        unranked = RetrievalOrder(model)
        return Asked(
            live(model, asked, f"{family} on test"),
            window(model, asked, f"{family} on test, window"),
            live(unranked, asked, f"{family} on test, retrieval order") if reranked else None,
        )


def metrics(asked: Mapping[str, Asked], test: Window) -> Metrics:
    """All figures by protocol, family and metric, and paired."""
    lives = {family: answers.live for family, answers in asked.items()}
    by_user = {family: a.window for family, a in asked.items() if len(a.window.rows)}
    unranked, gains = _retrieval_order(asked, test)
    pairs = paired({family: answers.ranks for family, answers in lives.items()}, test)
    return Metrics(
        schema=1,
        cut=storage.micros_to_rfc3339(test.data.prepared.test_cut),
        test={
            LIVE: {family: estimates(a, test) for family, a in lives.items()} | unranked,
            WINDOW: {family: user_estimates(a, test) for family, a in by_user.items()},
        },
        paired={LIVE: pairs | gains, WINDOW: user_paired(by_user, test)},
        slices={
            LIVE: {family: sliced(a, test) for family, a in lives.items()},
            WINDOW: {family: user_sliced(a, test) for family, a in by_user.items()},
        },
    )


def _retrieval_order(
    asked: Mapping[str, Asked], test: Window
) -> tuple[dict[str, Estimates], dict[str, dict[str, Difference]]]:
    """Figures without re-ranking, by a name of their own, and what re-ranking adds to them."""
    figures, gains = {}, {}
    for family, answers in asked.items():
        if answers.retrieval_order is not None:
            name = RETRIEVAL_ORDER.format(family=family)
            figures[name] = estimates(answers.retrieval_order, test)
            ours, theirs = answers.live.ranks, answers.retrieval_order.ranks
            gains[f"{family}-{name}"] = difference(ours, theirs, test)
    return figures, gains
