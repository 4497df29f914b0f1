"""Reports and checks to build tests from: a clean accepted partition, one thing changed."""

from pipelines.contracts.data import Check, PartitionReport, Rows


def a_report(**changes: object) -> PartitionReport:
    rows = Rows(read=200, accepted=200, quarantined=0, dropped=0)
    clean = PartitionReport(
        dataset="tiny",
        key="1998-03-02",
        decision="ACCEPT",
        tag="data/1998-03-02",
        revision=1,
        sequence=1,
        accepted_at="2026-01-01T00:00:00Z",
        period_start="1998-03-02T00:00:00Z",
        period_end="1998-03-09T00:00:00Z",
        first_event=None,
        last_event=None,
        rows_read=200,
        rows=200,
        quarantined=0,
        dropped=0,
        users=10,
        items=20,
        value_mean=3.5,
        value_sd=1.0,
        value_histogram=[],
        tables={"interactions": rows},
        landing_revision=1,
        landing_digest="a" * 64,
        source_digest="b" * 64,
        content_digest="c" * 64,
        checks=[],
        notices=[],
    )
    return clean.model_copy(update=changes)


def a_check(**changes: object) -> Check:
    passed = Check(
        table="interactions",
        check="value.value-range",
        slug="value-range",
        level="row",
        severity="critical",
        outcome="passed",
        n_checked=200,
        n_unexpected=0,
        limit=0.1,
        observed="",
        reason="the value lies outside 1 to 5",
        hint="",
        lines=[],
    )
    return passed.model_copy(update=changes)
