"""The report's first page: who won and by what, what the test window says, what is not shown."""

from collections.abc import Iterator, Mapping, Sequence

from pipelines import storage
from pipelines.contracts.model import (
    BASELINES,
    POPULARITY,
    Difference,
    Metrics,
    Prepared,
    TrainReport,
    Winner,
)
from pipelines.evaluate.findings import Findings
from pipelines.evaluate.markup import Row, difference, estimate, items, label, note, section, table
from pipelines.evaluate.markup import text as plain
from pipelines.evaluate.measuring import LIVE, WINDOW
from pipelines.evaluate.naming import value
from pipelines.evaluate.pairs import between, reading

FEW_USERS = 50
"""A group of fewer users is listed as too small to say anything of."""


def verdict(winner: Winner, metrics: Metrics, findings: Findings, k: int) -> str:
    """The answer in a few sentences, each with its interval."""
    metric = f"ndcg_at_{k}"
    rivals = [family for family in (findings.rival, POPULARITY) if family is not None]
    rivals = [family for family in dict.fromkeys(rivals) if family != winner.family]
    said = [
        _sentence(metrics, protocol, winner.family, rival, metric)
        for protocol in (LIVE, WINDOW)
        for rival in rivals
    ]
    figure = metrics.test[LIVE][winner.family][metric]
    return section(
        f"{plain(winner.family)} is the recipe that the gate judges",
        '<div class="verdict">',
        f"<p>Chosen by {plain(winner.chosen_by)}.</p>",
        f"<p>On the test window, read once after the choice, it reaches {label(metric)} "
        f"{estimate(figure)} on <code>{LIVE}</code> ({figure.n_events} events of "
        f"{figure.n_users} users).</p>",
        items([sentence for sentence in said if sentence]),
        "</div>",
        "<h3>What is not shown</h3>",
        items(list(_not_shown(winner.family, metrics, metric))),
        note(
            "Intervals are of 95 % each, by resampling users. "
            "One in twenty errs by chance: a single one far down this page decides nothing. "
            "An interval that holds 0 shows neither a difference nor equality. Whether this recipe "
            "ships is the gate's answer, in gate.json."
        ),
    )


def facts(winner: Winner, prepared: Prepared, metrics: Metrics) -> str:
    """What was evaluated, on what."""
    counts = prepared.counts
    told = {
        "Kind of run": prepared.kind,
        "Data": f"{prepared.dataset}, {prepared.data_version}",
        "Events": f"{counts.train} train, {counts.validation} validation, {counts.test} test",
        "Users, items": f"{counts.users}, {counts.items}",
        "Test window": f"from {metrics.cut}",
        "Judged model": f"learnt until {storage.micros_to_rfc3339(winner.fit_until)}",
    }
    entries = [f"{name}: {plain(value_)}" for name, value_ in told.items()]
    digest = f"Artifact: <code>{plain(winner.artifact_digest)}</code>"
    return section("What was evaluated", items([*entries, digest]))


def validation(
    winner: Winner, reports: Sequence[TrainReport], gaps: Mapping[str, Difference], k: int
) -> str:
    """What the choice was made from; nothing in a refresh."""
    metric = f"ndcg_at_{k}"
    known = sorted(
        (report for report in reports if report.validation), key=lambda r: -value(r, metric)
    )
    rows = [
        Row(
            report.family,
            [
                "baseline" if report.family in BASELINES else "challenger",
                estimate((report.validation or {}).get(metric)),
                difference(gaps.get(report.family)),
            ],
            report.family == winner.family,
        )
        for report in known
    ]
    head = ["family", "kind", label(metric), "minus the best baseline"]
    caption = f"Validation window, <code>{LIVE}</code>, the best first"
    return section("What the winner was chosen from", table(caption, head, rows))


def _sentence(metrics: Metrics, protocol: str, ours: str, theirs: str, metric: str) -> str:
    gap = between(metrics, protocol, ours, theirs).get(metric)
    if gap is None:
        return ""
    return (
        f"<code>{protocol}</code>: {plain(ours)} minus {plain(theirs)} {difference(gap)}, "
        f"{gap.n_users} users: <strong>{reading(gap)}</strong>"
    )


def _not_shown(winner: str, metrics: Metrics, metric: str) -> Iterator[str]:
    for protocol in metrics.paired:
        others = [family for family in metrics.test[protocol] if family != winner]
        gaps = {other: between(metrics, protocol, winner, other).get(metric) for other in others}
        open_ = [other for other, gap in gaps.items() if gap and gap.low <= 0 <= gap.high]
        if open_:
            yield (
                f"On <code>{protocol}</code> that {plain(winner)} differs from "
                f"{plain(', '.join(open_))}."
            )
    small = [
        name
        for name, figures in metrics.slices[LIVE].get(winner, {}).items()
        if figures[metric].n_users < FEW_USERS
    ]
    if small:
        yield (
            f"Anything about {len(small)} of the slices, of fewer than {FEW_USERS} users each: "
            f"{plain(', '.join(small))}."
        )
    yield (
        "What people would do with these slates: they are judged by what was chosen without them, "
        "so that an item which nobody had found counts as a miss."
    )
