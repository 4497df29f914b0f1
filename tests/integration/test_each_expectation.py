"""Without one expectation exactly its corruption passes: none is idle, none does another's work."""

from collections.abc import Mapping, Sequence

import pandas as pd
import pytest
from ruamel.yaml import YAML

from pipelines import timeline
from pipelines.descriptors import Descriptor, Entities
from pipelines.params import Params
from pipelines.validate import decision, expectations, frames
from pipelines.validate.rules import Expected, Finding
from pipelines.validate.suites import Suites
from tests.integration.bad_files import LAST, ROWS, WHEN
from tests.integration.tiny_weeks import DESCRIPTOR

LIMITS = Params.load().validate_
BOUNDS = timeline.period(LAST, "week")
PARAMETERS = {
    "start_us": BOUNDS.start_us,
    "end_us": BOUNDS.end_us,
    "future_us": BOUNDS.start_us + 5 * 86_400_000_000,  # now, under a wall clock
}
FAULTS = ("field-count", "row-truncated", "field-too-long", "header-row", "quote-malformed")
LONG = "x" * 257

# --- for each critical check a change that it alone, or it beside others, must find

ROW: dict[str, dict[str, str]] = {
    **{f"fault.{slug}": {"fault": slug} for slug in (*FAULTS, "line-malformed")},
    "user_id.id-missing": {"user_id": ""},
    "user_id.id-too-long": {"user_id": LONG},
    "user_id.control-character": {"user_id": "u\x07"},
    "user_id.id-reserved": {"user_id": "p1_a"},
    "item_id.id-missing": {"item_id": ""},
    "item_id.id-too-long": {"item_id": LONG},
    "item_id.control-character": {"item_id": "i\n"},
    "event.event-missing": {"event": ""},
    "is_time.timestamp-type": {"timestamp": "soon"},
    "timestamp.timestamp-implausible": {"timestamp": "0"},
    "timestamp.wrong-partition": {"timestamp": str(BOUNDS.start_us // 1_000_000 - 1)},
    "timestamp.timestamp-future": {"timestamp": str(BOUNDS.end_us // 1_000_000 - 1)},
    "value_kind.value-type": {"value": "four"},
    "value_kind.value-not-finite": {"value": "inf"},
    "value.value-range": {"value": "9"},
    "is_item_known.orphan-item": {"item_id": "i99"},
    "is_user_known.orphan-user": {"user_id": "u99"},
    "is_conflict.event-id-conflict": {"event_id": "e0"},
}
FACT: dict[str, object] = {
    "n_rows.no-rows": 0,
    "unit_meant.timestamp-unit": "milliseconds",
    "n_times.timestamp-constant": 1,
    "volume_ratio.volume": 0.1,
    "active_users_ratio.volume": 0.1,
    "active_items_ratio.volume": 10.0,
    "amended_ratio.volume": 0.5,
    "comma_share.number-format": 1.0,
    "value_shift.value-scale-changed": 2.0,
    "value_spread.value-scale-changed": 10.0,
    "id_crossing.id-drift": 1.0,
    "repeats.partition-repeated": "2001-01-01",
    "items_ratio.reference-incomplete": 0.5,
    "users_ratio.reference-incomplete": 0.5,
}
ENTITY: dict[str, dict[str, str]] = {
    **{f"fault.{slug}": {"fault": slug} for slug in (*FAULTS, "line-malformed")},
    "id.id-missing": {"id": ""},
    "id.id-too-long": {"id": LONG},
    "id.control-character": {"id": "i\x00"},
    "id.id-reserved": {"id": "p1_a"},
    "is_conflict.conflict": {"id": "known", "number": "1"},
    "number.feature-type": {"number": "V"},
}


DESCRIBED = Descriptor.model_validate(YAML(typ="safe").load(DESCRIPTOR))


def suite(table: str) -> list[Expected]:
    if table == "interactions":
        return expectations.interactions(DESCRIBED, LIMITS)
    if table == "partition":
        return expectations.partition(LIMITS)
    return expectations.entities(entity_table(table), id_column(table), LIMITS)


def entity_table(table: str) -> Entities:
    assert DESCRIBED.users
    return DESCRIBED.items if table == "items" else DESCRIBED.users


def id_column(table: str) -> str:
    return "item_id" if table == "items" else "user_id"


def critical(table: str) -> list[str]:
    return [e.check for e in suite(table) if e.severity == "critical"]


# --- a clean table, and under it one row for each corruption


def interactions() -> pd.DataFrame:
    clean = [
        {"user_id": u, "item_id": i, "value": v, "timestamp": t, "event_id": f"e{n}"}
        for n, (u, i, v, t) in enumerate(ROWS)
        if int(t) * 1_000_000 < PARAMETERS["future_us"]
    ]
    base = {"event": "rating", "fault": ""}
    plain = {"user_id": "u00", "item_id": "i00", "value": "3", "timestamp": WHEN}
    bad = [{**plain, "event_id": f"x{n}", **change} for n, change in enumerate(ROW.values())]
    text = pd.DataFrame([base | row for row in [*clean, *bad]], dtype="str")
    items, users = {row[1] for row in ROWS} | {"i00"}, {row[0] for row in ROWS} | {"u00"}
    return frames.interactions(text, DESCRIBED.interactions, items, users)


def entities(table: str) -> pd.DataFrame:
    """Rows of items or users; `id` and `number` stand for the table's own columns."""
    described, column = entity_table(table), id_column(table)
    number = next(f.name for f in described.features if f.kind == "number")
    names = {"id": column, "number": number}
    base = {feature.name: "7" for feature in described.features} | {"fault": ""}
    clean = [{**base, column: f"x{n}"} for n in range(80)] + [{**base, column: "known"}]
    bad = [
        {**base, column: f"y{n}"} | {names.get(k, k): v for k, v in change.items()}
        for n, change in enumerate(corruptions(table).values())
    ]
    text = pd.DataFrame([*clean, *bad], dtype="str")
    return frames.entities(text, described, column)


def corruptions(table: str) -> Mapping[str, Mapping[str, str]]:
    """By check, in the order of the bad rows."""
    if table == "interactions":
        return ROW
    kind = id_column(table).removesuffix("_id")
    number = next(f.name for f in entity_table(table).features if f.kind == "number")
    named = {
        f"{id_column(table)}.{name.partition('.')[2]}" if name.startswith("id.") else name: change
        for name, change in ENTITY.items()
        if name != "id.id-reserved" or table == "users"
    }
    named[f"is_conflict.{kind}-conflict"] = named.pop("is_conflict.conflict")
    named[f"{number}.feature-type"] = named.pop("number.feature-type")
    return named


def judged(table: str, expected: Sequence[Expected], frame: pd.DataFrame) -> list[Finding]:
    parameters = PARAMETERS if table == "interactions" else None
    return Suites({table: expected}).run(table, frame, parameters=parameters)


def found(findings: Sequence[Finding]) -> dict[str, list[int]]:
    """Unexpected positions by critical check."""
    return {
        f.check.check: f.positions
        for f in findings
        if f.check.severity == "critical" and f.positions
    }


@pytest.mark.parametrize("table", ["interactions", "items", "users"])
def test_every_critical_check_of_rows_has_a_corruption_that_it_alone_finds(table: str) -> None:
    """The fault it would catch: a check that never fires, or that another one makes idle."""
    frame = interactions() if table == "interactions" else entities(table)
    bad = dict(
        zip(
            corruptions(table), range(len(frame) - len(corruptions(table)), len(frame)), strict=True
        )
    )
    whole = judged(table, suite(table), frame)

    assert set(bad) == set(critical(table))
    assert [check for check, position in bad.items() if position not in found(whole)[check]] == []
    for check in bad:
        rest = judged(table, [e for e in suite(table) if e.check != check], frame)
        assert found(rest) == {c: p for c, p in found(whole).items() if c != check}


@pytest.mark.parametrize("check", critical("partition"))
def test_a_partition_is_refused_for_each_of_its_facts_and_without_the_check_is_not(
    check: str,
) -> None:
    column, _, slug = check.partition(".")
    facts = dict.fromkeys([name.partition(".")[0] for name in FACT]) | {"n_rows": 120}
    told = {e.column: None for e in suite("partition") if e.severity != "critical"}
    frame = pd.DataFrame({k: [v] for k, v in (facts | told | {column: FACT[check]}).items()})

    with_it = [f.check for f in judged("partition", suite("partition"), frame)]
    others = [e for e in suite("partition") if e.check != check]
    without = [f.check for f in judged("partition", others, frame)]

    assert decision.decide(with_it, []) == "REJECT"
    assert [c.slug for c in decision.fatal(with_it)] == [slug]
    assert decision.decide(without, []) == "ACCEPT"


def test_every_critical_fact_has_a_corruption() -> None:
    assert set(FACT) == set(critical("partition"))
