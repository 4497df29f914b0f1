"""One landed partition, judged: its tables through the suites, to a report and accepted tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from pipelines import storage, timeline
from pipelines.contracts.data import LandingManifest, PartitionReport, TableName
from pipelines.descriptors import Descriptor, Entities
from pipelines.params import ValidateParams
from pipelines.validate import acceptance, decision, expectations, frames, history, quarantine
from pipelines.validate.decision import Sorted
from pipelines.validate.examples import Examples
from pipelines.validate.rules import Finding
from pipelines.validate.suites import Suites

ID_COLUMNS: dict[TableName, str] = {"items": "item_id", "users": "user_id"}


@dataclass(frozen=True)
class Landing:
    """A landed partition, read."""

    manifest: LandingManifest
    tables: dict[TableName, pd.DataFrame]


@dataclass(frozen=True)
class Judgement:
    """What was decided about a partition, and what will be written if it is accepted."""

    report: PartitionReport
    tables: dict[TableName, pd.DataFrame]
    """Accepted rows; empty unless the partition is accepted."""
    refused: list[dict[str, object]]
    """Rows for the quarantine."""

    @property
    def is_accepted(self) -> bool:
        """Whether the decision is one of the two ACCEPTs."""
        return self.report.decision in ("ACCEPT", "ACCEPT_WITH_QUARANTINE")

    def with_report(self, report: PartitionReport) -> "Judgement":
        """The same with another report."""
        return replace(self, report=report)


@dataclass(frozen=True)
class _Table:
    """A table of the partition after its suite."""

    judged: pd.DataFrame
    findings: list[Finding]
    rows: Sorted


@dataclass(frozen=True)
class _Case:
    """A landed partition after its suites, before it is compared with the past."""

    landing: Landing
    tables: dict[TableName, _Table]
    known: dict[TableName, set[str]]
    """Ids that each snapshot keeps."""
    content_digest: str


class Judge:
    """Judges partitions of one data set; snapshots that come again are judged once."""

    def __init__(self, descriptor: Descriptor, limits: ValidateParams, key: bytes) -> None:
        self._descriptor, self._limits, self._key = descriptor, limits, key
        self._entities: dict[TableName, Entities] = {"items": descriptor.items}
        if descriptor.users:
            self._entities["users"] = descriptor.users
        self._suites = Suites(
            {
                "interactions": expectations.interactions(descriptor, limits),
                "partition": expectations.partition(limits),
            }
            | {
                name: expectations.entities(table, ID_COLUMNS[name], limits)
                for name, table in self._entities.items()
            }
        )
        self._snapshots: dict[tuple[TableName, str], _Table] = {}

    def judge(
        self, landing: Landing, accepted: Sequence[PartitionReport], now_us: int
    ) -> Judgement:
        """Judges one partition against its suites and the past.

        Args:
            landing: The partition.
            accepted: Reports of the accepted partitions.
            now_us: The wall clock, for `clock: wall`.
        """
        tables = {name: self._snapshot(name, landing) for name in self._entities}
        known = {name: _kept_ids(tables[name], ID_COLUMNS[name]) for name in tables}
        tables["interactions"] = self._interactions(landing, known, now_us)
        case = _Case(landing, tables, known, self._content_digest(landing))
        findings = self._suites.run("partition", self._facts(case, accepted))
        report = self._report(case, findings)
        if report.decision in ("REJECT", "ERROR"):
            return Judgement(report, {}, [])
        refused = [
            entry
            for name in landing.tables
            for entry in quarantine.entries(name, landing.tables[name], tables[name].rows)
        ]
        return self._accept(report, tables, refused)

    def _snapshot(self, name: TableName, landing: Landing) -> _Table:
        cached = (name, landing.manifest.tables[name].sha256)
        if cached not in self._snapshots:
            text = landing.tables[name]
            judged = frames.entities(text, self._entities[name], ID_COLUMNS[name])
            findings = self._suites.run(name, judged, lines=text["source_line"])
            rows = decision.sort_rows(findings, len(text))
            self._snapshots[cached] = _Table(judged, findings, rows)
        return self._snapshots[cached]

    def _interactions(
        self, landing: Landing, known: Mapping[TableName, set[str]], now_us: int
    ) -> _Table:
        text = landing.tables["interactions"]
        judged = frames.interactions(
            text, self._descriptor.interactions, known["items"], known.get("users")
        )
        span = timeline.period(landing.manifest.key, self._descriptor.grain)
        future_us = span.end_us
        if self._descriptor.clock == "wall":
            future_us = min(future_us, now_us + self._limits.max_future_seconds * 1_000_000)
        bounds = {"start_us": span.start_us, "end_us": span.end_us, "future_us": future_us}
        findings = self._suites.run(
            "interactions", judged, lines=text["source_line"], parameters=bounds
        )
        return _Table(judged, findings, decision.sort_rows(findings, len(text)))

    def _facts(self, case: _Case, accepted: Sequence[PartitionReport]) -> pd.DataFrame:
        manifest, limits = case.landing.manifest, self._limits
        past = history.trailing(accepted, manifest.key, limits.history_window)
        judged = case.tables["interactions"].judged
        kept = {name: table.rows.counts.accepted for name, table in case.tables.items()}
        facts: dict[str, object] = {
            "n_rows": _acceptable(case.tables["interactions"]),
            "id_crossing": frames.id_crossing(judged, case.known["items"], case.known.get("users")),
            "n_lookalikes": frames.lookalikes(judged["user_id"])
            + frames.lookalikes(judged["item_id"]),
            "repeats": history.repeated(case.content_digest, manifest.key, accepted)
            if len(judged) >= limits.min_rows
            else None,
            "amended_ratio": history.amended_ratio(
                kept["interactions"], manifest.key, manifest.digest, accepted
            ),
            "gap": history.gap(manifest.key, past, self._descriptor.grain),
            "items_ratio": history.snapshot_ratio(kept["items"], "items", past),
            "users_ratio": history.snapshot_ratio(kept["users"], "users", past)
            if "users" in kept
            else None,
        }
        facts |= history.facts(judged, self._descriptor.interactions, past, limits)
        return pd.DataFrame({name: [value] for name, value in facts.items()})

    def _examples(self, case: _Case) -> Examples:
        texts = case.landing.tables
        users = set(texts["interactions"]["user_id"])
        if "users" in texts:
            users |= set(texts["users"]["user_id"])
        return Examples(self._key, case.known["items"], users)

    def _content_digest(self, landing: Landing) -> str:
        text = landing.tables["interactions"]
        return history.content_digest(acceptance.pseudonyms(text["user_id"], self._key), text)

    def _report(self, case: _Case, facts: list[Finding]) -> PartitionReport:
        manifest, texts = case.landing.manifest, case.landing.tables
        shown = self._examples(case)
        checks = [finding.check for finding in facts]
        for name, text in texts.items():
            checks += [f.check for f in shown.of(case.tables[name].findings, text)]
        counts = {name: case.tables[name].rows.counts for name in texts}
        verdict = decision.decide(checks, list(counts.values()))
        span = timeline.period(manifest.key, self._descriptor.grain)
        rows = counts["interactions"]
        return PartitionReport(
            dataset=manifest.dataset,
            key=manifest.key,
            decision=verdict,
            tag=None,
            revision=None,
            sequence=None,
            accepted_at=None,
            period_start=storage.micros_to_rfc3339(span.start_us),
            period_end=storage.micros_to_rfc3339(span.end_us),
            first_event=None,
            last_event=None,
            rows_read=rows.read,
            rows=0,
            quarantined=0,
            dropped=0,
            users=0,
            items=0,
            value_mean=None,
            value_sd=None,
            value_histogram=[],
            tables=counts,
            landing_revision=manifest.revision,
            landing_digest=manifest.digest,
            source_digest=manifest.source_digest,
            content_digest=case.content_digest,
            checks=checks,
            notices=[*manifest.notices, *decision.notices(checks)],
        )

    def _accept(
        self,
        report: PartitionReport,
        tables: dict[TableName, _Table],
        refused: list[dict[str, object]],
    ) -> Judgement:
        frame = acceptance.interactions(
            tables["interactions"].judged, tables["interactions"].rows, self._key
        )
        accepted: dict[TableName, pd.DataFrame] = {"interactions": frame}
        for name, table in self._entities.items():
            typed = acceptance.entities(
                tables[name].judged, tables[name].rows, table, ID_COLUMNS[name]
            )
            if name == "users":
                typed["user_id"] = acceptance.pseudonyms(typed["user_id"], self._key)
                typed = typed.sort_values("user_id", ignore_index=True)
            accepted[name] = typed
        values = history.Values.of(
            frame["value"].to_numpy(dtype=np.float64), self._descriptor.interactions.value_scale
        )
        counts = report.tables["interactions"]
        measured = {
            "first_event": _instant(frame["timestamp"].iloc[0]),
            "last_event": _instant(frame["timestamp"].iloc[-1]),
            "rows": counts.accepted,
            "quarantined": counts.quarantined,
            "dropped": counts.dropped,
            "users": int(frame["user_id"].nunique()),
            "items": int(frame["item_id"].nunique()),
            "value_mean": values.mean,
            "value_sd": values.sd,
            "value_histogram": values.histogram,
        }
        return Judgement(report.model_copy(update=measured), accepted, refused)


def _acceptable(table: _Table) -> int | None:
    """Rows that would be accepted; None where a check has refused the partition already."""
    if any(decision.is_fatal(finding.check) for finding in table.findings):
        return None
    return table.rows.counts.accepted


def _kept_ids(table: _Table, column: str) -> set[str]:
    return set(table.judged[column].drop(index=list(table.rows.refused)))


def _instant(moment: pd.Timestamp) -> str:
    return storage.rfc3339(moment.to_pydatetime())
