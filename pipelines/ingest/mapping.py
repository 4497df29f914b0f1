"""From a source's columns to canonical ones: which position holds what, and what is missing."""

import csv
import difflib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pipelines.contracts.data import Notice, TableName
from pipelines.descriptors import Descriptor, Entities, Interactions, Table, TextFormat
from pipelines.errors import (
    ColumnsDuplicate,
    ColumnsMissing,
    DelimiterMismatch,
    HeaderMissing,
    shorten,
)

DELIMITERS = (",", "\t", ";", "|", "::")
DELIMITER_NAMES = {"\t": "a tab"}
_NUMERIC = re.compile(r"\s*[+-]?\d[\d.]*\s*")


@dataclass(frozen=True)
class Wanted:
    """The canonical columns to look for, by the source's names or by their own."""

    required: Mapping[str, str]
    """Source name by canonical name."""
    optional: Sequence[str] = ()
    """Canonical names that are taken where they stand."""
    ignored: Sequence[str] = ()
    """Source names that are known and not kept."""
    constants: Mapping[str, str] = field(default_factory=dict)
    """Values of canonical columns that the source does not have."""


@dataclass(frozen=True)
class Match:
    """Where each canonical column stands in a header."""

    positions: Mapping[str, int]
    notices: list[Notice]


def wanted_interactions(table: Interactions) -> Wanted:
    """What the interactions table must and may have."""
    required = dict(table.columns.items())
    optional = [name for name in ("event", "event_id") if name not in required]
    constants = {"event": table.event} if table.event else {}
    return Wanted(required, optional, table.ignored, constants)


def wanted_entities(table: Entities, id_column: str) -> Wanted:
    """What an items or users table must have."""
    features = {feature.name: feature.column for feature in table.features}
    return Wanted({id_column: table.id, **features}, (), table.ignored)


def tables_of(descriptor: Descriptor) -> dict[TableName, tuple[Table, Wanted]]:
    """Every table of a descriptor with the columns wanted of it."""
    tables: dict[TableName, tuple[Table, Wanted]] = {
        "interactions": (descriptor.interactions, wanted_interactions(descriptor.interactions)),
        "items": (descriptor.items, wanted_entities(descriptor.items, "item_id")),
    }
    if descriptor.users:
        tables["users"] = (descriptor.users, wanted_entities(descriptor.users, "user_id"))
    return tables


def match(header: Sequence[str], wanted: Wanted, name: str) -> Match:
    """Finds the wanted columns; case and blanks around a name do not matter while unique.

    Args:
        header: The names of the first line.
        wanted: The canonical columns and their source names.
        name: The source's name, for messages.

    Raises:
        ColumnsDuplicate, ColumnsMissing, HeaderMissing: As their names say.
    """
    _check_distinct(header, name)
    folded = {_fold(column): position for position, column in enumerate(header)}
    positions: dict[str, int] = {}
    for canonical, source in wanted.required.items():
        found = folded.get(_fold(source), folded.get(canonical))
        if found is not None:
            positions[canonical] = found
    missing = {c: s for c, s in wanted.required.items() if c not in positions}
    if missing:
        raise _missing(header, missing, found_any=bool(positions), name=name)
    positions |= {extra: folded[extra] for extra in wanted.optional if extra in folded}
    return Match(positions, _notices(header, wanted, positions))


def choose_format(first_line: str, formats: Sequence[TextFormat], wanted: Wanted) -> TextFormat:
    """The first format under which the header has the wanted columns; else the first of all."""
    for form in formats:
        if _matches(_split(first_line, form.delimiter, form.quoted), wanted):
            return form
    return formats[0]


def check_delimiter(first_line: str, form: TextFormat, wanted: Wanted, name: str) -> None:
    """Refuses a file whose header would fit with another delimiter.

    Raises:
        DelimiterMismatch: It would; both delimiters are named.
    """
    if _matches(_split(first_line, form.delimiter, form.quoted), wanted):
        return
    for other in DELIMITERS:
        if other != form.delimiter and _matches(_split(first_line, other, form.quoted), wanted):
            hint = f"set `format.delimiter` of this table to {other!r} in the descriptor"
            raise DelimiterMismatch(
                f"the columns are delimited by {_spell(other)}, not by {_spell(form.delimiter)}",
                where=[f"{name}, line 1"],
                hint=hint
                if len(other) == 1
                else "write the file with a delimiter of one character",
            )


def _split(line: str, delimiter: str, quoted: bool) -> list[str]:
    if len(delimiter) > 1 or not quoted:
        return line.split(delimiter)
    return next(csv.reader([line], delimiter=delimiter), [])


def _matches(header: Sequence[str], wanted: Wanted) -> bool:
    names = {_fold(column) for column in header}
    return all(_fold(s) in names or c in names for c, s in wanted.required.items())


def _spell(delimiter: str) -> str:
    return DELIMITER_NAMES.get(delimiter, f"`{delimiter}`")


def _fold(column: str) -> str:
    return column.strip().casefold()


def _check_distinct(header: Sequence[str], name: str) -> None:
    counts = Counter(_fold(column) for column in header)
    repeated = [column for column in header if counts[_fold(column)] > 1]
    if repeated:
        raise ColumnsDuplicate(
            f"{len(repeated)} columns have the same name but for case and blanks: "
            + ", ".join(shorten(column, 40) for column in repeated[:4]),
            where=[f"{name}, line 1"],
            hint="rename or drop all but one of them",
        )


def _missing(
    header: Sequence[str], missing: Mapping[str, str], *, found_any: bool, name: str
) -> ColumnsMissing | HeaderMissing:
    where = [f"{name}, line 1"]
    n_numbers = sum(bool(_NUMERIC.fullmatch(column)) for column in header)
    if not found_any and n_numbers:
        expected = ", ".join(missing.values())
        # the values themselves may be user ids
        return HeaderMissing(
            f"the first line holds data, not names: {n_numbers} of {len(header)} are numbers",
            where=where,
            hint=f"put a line with the column names on top: {expected}",
        )
    near = [_near(header, canonical, source) for canonical, source in missing.items()]
    shown = ", ".join(shorten(column, 40) for column in header[:8])
    return ColumnsMissing(
        f"{len(missing)} columns are missing: {', '.join(missing.values())}",
        where=where,
        hint="; ".join(filter(None, near)) or f"the file has {shown}",
    )


def _near(header: Sequence[str], canonical: str, source: str) -> str:
    by_fold = {_fold(column): column for column in header}
    found = difflib.get_close_matches(_fold(source), by_fold, n=1, cutoff=0.5)
    found = found or difflib.get_close_matches(canonical, by_fold, n=1, cutoff=0.5)
    if not found:
        return ""
    name = shorten(by_fold[found[0]], 40)
    return f"is {name} meant for {source}? rename it, or map {canonical} to it"


def _notices(header: Sequence[str], wanted: Wanted, positions: Mapping[str, int]) -> list[Notice]:
    used, ignored = set(positions.values()), {_fold(column) for column in wanted.ignored}
    new = [c for p, c in enumerate(header) if p not in used and _fold(c) not in ignored]
    respelled = [
        header[p] for c, p in positions.items() if header[p] not in (c, wanted.required.get(c))
    ]
    notices = []
    if new:
        text = f"not known and not kept: {', '.join(shorten(column, 40) for column in new[:8])}"
        notices.append(Notice(slug="columns-new", text=text))
    if respelled:
        text = f"taken although spelled otherwise: {', '.join(respelled[:8])}"
        notices.append(Notice(slug="columns-respelled", text=text))
    return notices
