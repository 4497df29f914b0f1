import pandas as pd

from pipelines.contracts.data import Check, Example
from pipelines.identity import pseudonym
from pipelines.validate.examples import Examples
from pipelines.validate.rules import Finding
from tests.unit.validate.reports import a_check

KEY = bytes(32)
TEXT = pd.DataFrame(
    {
        "user_id": ["ann@example.org", "bob"],
        "item_id": ["i1", "ann@example.org"],
        "value": ["x" * 100, "ann@example.org"],
        "source_line": [2, 3],
        "fault": ["", "field-count"],
    }
)


def filled(check: str, *positions: int, **fields: object) -> Check:
    made = Examples(KEY, items={"i1"}, users={"ann@example.org", "bob"})
    finding = Finding(a_check(check=check, n_unexpected=len(positions), **fields), list(positions))
    return made.of([finding], TEXT)[0].check


def examples(check: str, *positions: int, **fields: object) -> list[Example]:
    return filled(check, *positions, **fields).examples


def start(user: str) -> str:
    return pseudonym(KEY, user)[:11] + "…"


def test_a_row_is_shown_with_its_line_its_known_item_and_a_pseudonym() -> None:
    (shown,) = examples("value_kind.value-type", 0)

    assert (shown.line, shown.user, shown.item) == (2, start("ann@example.org"), "i1")
    assert (shown.column, shown.value) == ("value", f"{'x' * 60}… (100 characters)")


def test_a_user_id_in_another_column_is_not_shown_either() -> None:
    (shown,) = examples("value_kind.value-type", 1)

    assert (shown.item, shown.value) == (start("ann@example.org"), start("ann@example.org"))


def test_what_was_observed_in_a_cell_is_shown_as_the_examples_show_it() -> None:
    shown = filled("value.value-range", 1, 0, observed="ann@example.org, " + "x" * 100)

    masked = start("ann@example.org")
    assert shown.observed == f"{masked}, {'x' * 60}… (100 characters)"


def test_what_was_measured_about_a_row_stays_as_it_was_observed() -> None:
    assert filled("user_events.bot-like", 1, observed="3000").observed == "3000"
    assert filled("fault.field-count", 1, observed="field-count").observed == "field-count"


def test_of_an_odd_line_no_cell_is_shown() -> None:
    (shown,) = examples("fault.field-count", 1)

    assert (shown.column, shown.value) == ("fault", "")


def test_what_is_only_information_has_no_examples() -> None:
    assert examples("user_id.id-null-word", 0, severity="info") == []
