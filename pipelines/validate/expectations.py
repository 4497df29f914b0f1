"""What a partition is expected to be, as data: rules, limits, and what a failure means to people.

suites.py turns these into Great Expectations' suites, the single authority. Level *row*: unexpected
rows go to quarantine while their share stays within the limit. Level *value*: such a value counts
as missing, within the limit. Beyond the limit, and for level *table* always, the severity decides:
critical refuses the partition, anything less is a notice.
"""

from collections.abc import Sequence

from pipelines import timeline
from pipelines.contracts.data import Severity
from pipelines.descriptors import Descriptor, Entities, Feature
from pipelines.params import ValidateParams
from pipelines.validate.rules import (
    Absent,
    Expected,
    Length,
    Like,
    NoneOf,
    OneOf,
    Present,
    Rule,
    Unlike,
    Within,
)

CONTROL = r"[\x00-\x1f\x7f]"
RESERVED = r"^p1_"
BLANK_EDGE = r"^\s|\s$"
NUMBER = rf"^(?:{timeline.NUMBER})$"
NULL_WORDS = ("NA", "N/A", "null", "NULL", "None", "nan", "NaN", "-")


def interactions(descriptor: Descriptor, limits: ValidateParams) -> list[Expected]:
    """What is expected of the rows of `frames.interactions`."""
    limit = limits.max_row_failures
    return [
        *_reader(limit),
        *_ids("user_id", limits),
        *_ids("item_id", limits),
        _reserved(limit),
        Expected("event", Length(low=1), "event-missing", "the event has no kind", limit=limit),
        *_times(descriptor, limit),
        *_values(descriptor, limit),
        *_references(descriptor, limits.max_orphan_share),
        Expected(
            "is_conflict",
            OneOf((False,)),
            "event-id-conflict",
            "one event_id stands for several contents",
            limit=limit,
        ),
        _duplicate(limit),
        Expected(
            "user_events",
            Within(high=limits.max_user_events),
            "bot-like",
            f"the user has more than {limits.max_user_events} events, too many for a person",
            severity="warning",
            limit=limit,
        ),
        *_id_notices("user_id"),
        *_id_notices("item_id"),
    ]


def partition(limits: ValidateParams) -> list[Expected]:
    """What is expected of the one row of facts about a partition (`history.facts`)."""
    lookalike = "ids differ in their Unicode form only"
    return [
        _fact(
            "n_rows",
            Within(low=1),
            "no-rows",
            "no row of the partition can be accepted",
            "the checks above say why; check the export",
        ),
        _fact(
            "unit_meant",
            Absent(),
            "timestamp-unit",
            "the timestamps make sense in another unit only",
            "set interactions.timestamp_unit in the descriptor to that unit",
        ),
        _fact("n_times", Within(low=2), "timestamp-constant", "all timestamps are equal"),
        *_volumes(limits),
        *_value_facts(limits),
        _fact(
            "id_crossing",
            Within(high=limits.max_id_crossing),
            "id-drift",
            "the ids fit better with user and item swapped, by a share of rows",
            "check interactions.columns.user_id and item_id, and the file's columns",
        ),
        _fact(
            "repeats",
            Absent(),
            "partition-repeated",
            "an accepted partition has the same rows",
            "send this partition's own rows",
        ),
        *_snapshots(limits),
        *_shares(limits),
        _told("gap", 0, "partition-gap", "partitions before this one are missing", "warning"),
        _told("n_lookalikes", 0, "id-lookalike", lookalike, "info"),
    ]


def _shares(limits: ValidateParams) -> list[Expected]:
    limit, words = limits.max_id_share, "one {} makes most of the rows; share"
    return [
        _told(f"{kind}_share", limit, "one-sided", words.format(kind), "warning")
        for kind in ("user", "item")
    ]


def entities(table: Entities, id_column: str, limits: ValidateParams) -> list[Expected]:
    """What is expected of the rows of `frames.entities`."""
    limit, kind = limits.max_row_failures, id_column.removesuffix("_id")
    return [
        *_reader(limit),
        *_ids(id_column, limits),
        *([_reserved(limit)] if id_column == "user_id" else []),
        Expected(
            "is_conflict",
            OneOf((False,)),
            f"{kind}-conflict",
            f"one {kind} has several rows with different features",
            f"send one row per {kind}",
            level="table",
        ),
        _duplicate(limit),
        *(e for feature in table.features for e in _feature(feature, limits)),
    ]


def _fact(column: str, rule: Rule, slug: str, reason: str, hint: str = "") -> Expected:
    """Something about the whole partition that refuses it."""
    return Expected(column, rule, slug, reason, hint, level="table")


def _told(column: str, most: float, slug: str, reason: str, severity: Severity) -> Expected:
    """Something about the whole partition that a person is told."""
    return Expected(column, Within(high=most), slug, reason, level="table", severity=severity)


def _reader(limit: float) -> list[Expected]:
    faults = {
        "field-count": ("the line has another number of fields than the header", ""),
        "row-truncated": (
            "the last line has no end, and its last field may be cut",
            "send the file again; if it is whole, end it with a newline",
        ),
        "field-too-long": ("the line is longer than ingest.max_field_length", ""),
        "header-row": ("the header comes again among the rows", "join files without headers"),
        "quote-malformed": ("text follows a closing quote", "double the quotes inside a field"),
        "line-malformed": ("the line is no JSON object of plain values", ""),
    }
    return [
        Expected("fault", NoneOf((slug,)), slug, reason, hint, limit=limit)
        for slug, (reason, hint) in faults.items()
    ]


def _ids(column: str, limits: ValidateParams) -> list[Expected]:
    limit, longest = limits.max_row_failures, limits.max_id_length
    long = f"{column} is longer than {longest} characters"
    control = f"{column} holds a control character"
    return [
        Expected(column, Length(low=1), "id-missing", f"{column} is empty", limit=limit),
        Expected(column, Length(high=longest), "id-too-long", long, limit=limit),
        Expected(column, Unlike(CONTROL), "control-character", control, limit=limit),
    ]


def _reserved(limit: float) -> Expected:
    reason = "ids that start with p1_ are kept for pseudonyms"
    return Expected("user_id", Unlike(RESERVED), "id-reserved", reason, limit=limit)


def _duplicate(limit: float) -> Expected:
    return Expected(
        "copies",
        Within(high=0),
        "duplicate",
        "the row is a copy of an earlier one; the first is kept",
        "check whether the source sends rows twice",
        severity="warning",
        limit=limit,
    )


def _times(descriptor: Descriptor, limit: float) -> list[Expected]:
    unit = descriptor.interactions.timestamp_unit
    return [
        Expected(
            "is_time",
            OneOf((True,)),
            "timestamp-type",
            f"the timestamp cannot be read as {unit}",
            "check interactions.timestamp_unit; a time as text needs a zone",
            limit=limit,
        ),
        Expected(
            "timestamp",
            Within(timeline.FIRST_US, timeline.LAST_US),
            "timestamp-implausible",
            "the timestamp is before 1970-01-02 or after 2199",
            limit=limit,
        ),
        Expected(
            "timestamp",
            Within("start_us", "end_us", open_end=True),
            "wrong-partition",
            "the timestamp lies outside the partition",
            "land such rows with their own KEY",
            limit=limit,
        ),
        Expected(
            "timestamp",
            Within(high="future_us", open_end=True),
            "timestamp-future",
            "the timestamp is later than the partition's end, or than now",
            limit=limit,
        ),
    ]


def _values(descriptor: Descriptor, limit: float) -> list[Expected]:
    table = descriptor.interactions
    is_needed = bool(table.event and table.columns.value)  # one kind of event, and it has a value
    kinds = ("number", "not-finite") if is_needed else ("number", "not-finite", "missing")
    expected = [
        Expected("value_kind", OneOf(kinds), "value-type", "the value is no number", limit=limit),
        Expected(
            "value_kind",
            NoneOf(("not-finite",)),
            "value-not-finite",
            "the value is NaN or infinite",
            limit=limit,
        ),
    ]
    if table.value_scale:
        low, high = table.value_scale.minimum, table.value_scale.maximum
        reason = f"the value lies outside {low:g} to {high:g}"
        hint = "if the scale has changed, set interactions.value_scale in the descriptor"
        rule = Within(low, high)
        expected.append(Expected("value", rule, "value-range", reason, hint, limit=limit))
    return expected


def _references(descriptor: Descriptor, limit: float) -> list[Expected]:
    is_complete = descriptor.users is not None and not descriptor.users.is_partial
    kinds = ["item"] + (["user"] if is_complete else [])
    return [
        Expected(
            f"is_{kind}_known",
            OneOf((True,)),
            f"orphan-{kind}",
            f"the {kind} is not in the {kind}s table",
            f"send the complete {kind}s with the interactions",
            limit=limit,
            beyond="reference-incomplete",
        )
        for kind in kinds
    ]


def _id_notices(column: str) -> list[Expected]:
    null = f"a {column} looks like a missing value; it is taken as an id"
    blank = f"a {column} starts or ends with a blank; it is taken as it is"
    return [
        Expected(column, NoneOf(NULL_WORDS), "id-null-word", null, level="table", severity="info"),
        Expected(column, Unlike(BLANK_EDGE), "id-blanks", blank, level="table", severity="info"),
    ]


def _volumes(limits: ValidateParams) -> list[Expected]:
    return [
        *(
            _fact(
                f"{column}_ratio",
                Within(limits.volume_low, limits.volume_high),
                "volume",
                f"there are too few or too many {what}, times the least or the most of the last "
                "partitions",
                "if that is meant, widen validate.volume_low or validate.volume_high",
            )
            for column, what in (
                ("volume", "rows"),
                ("active_users", "users"),
                ("active_items", "items"),
            )
        ),
        _fact(
            "amended_ratio",
            Within(low=1 - limits.max_amendment_loss),
            "volume",
            "too many rows of the accepted revision are gone; share left",
            "send the whole partition; if the loss is meant, raise validate.max_amendment_loss",
        ),
    ]


def _value_facts(limits: ValidateParams) -> list[Expected]:
    return [
        _fact(
            "comma_share",
            Within(high=limits.max_row_failures),
            "number-format",
            "values are written with a decimal comma; share of rows",
            'set `interactions.decimal: ","` in the descriptor',
        ),
        _fact(
            "value_shift",
            Within(high=limits.max_value_shift),
            "value-scale-changed",
            "the mean is too far from the range of earlier ones, in standard deviations",
            "check the scale of the values, and whether it is upside down",
        ),
        _fact(
            "value_spread",
            Within(limits.min_value_spread, limits.max_value_spread),
            "value-scale-changed",
            "the standard deviation, times the earlier one, is too small or too large",
            "check the scale of the values, and whether they are constant",
        ),
        _told(
            "value_psi",
            limits.max_value_psi,
            "value-drift",
            "the distribution of values has shifted; stability index",
            "warning",
        ),
    ]


def _snapshots(limits: ValidateParams) -> list[Expected]:
    names: Sequence[str] = ("items", "users")
    return [
        _fact(
            f"{name}_ratio",
            Within(low=1 - limits.max_snapshot_loss),
            "reference-incomplete",
            f"too many {name} of the last snapshot are gone; share left",
            f"send the complete {name}",
        )
        for name in names
    ]


def _feature(feature: Feature, limits: ValidateParams) -> list[Expected]:
    missing = Expected(
        feature.name,
        Present(),
        "feature-missing",
        f"{feature.name} is missing in more than {limits.max_missing_share:.0%} of the rows",
        level="value",
        severity="warning",
        limit=limits.max_missing_share,
    )
    if feature.kind != "number":
        return [missing]
    reason = f"{feature.name} is no number; it counts as missing"
    number = Expected(
        feature.name,
        Like(NUMBER),
        "feature-type",
        reason,
        "check the column and its kind in the descriptor",
        level="value",
        limit=limits.max_row_failures,
    )
    return [missing, number]
