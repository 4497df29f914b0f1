"""The three parts of an error, and the one exit code and the one slug of each class."""

import re

import pytest

from pipelines import errors
from pipelines.errors import LockHeld, TandemError, places, shorten

CATEGORIES = {
    errors.UsageError: 2,
    errors.InputRefused: 3,
    errors.CheckFailed: 4,
    errors.EnvironmentFault: 5,
    errors.NothingToDo: 99,
}
CLASSES = [
    value
    for value in vars(errors).values()
    if isinstance(value, type) and issubclass(value, TandemError)
]


def test_an_error_renders_what_happened_where_and_how_to_fix_it() -> None:
    error = LockHeld("another process is at it", where=["var/locks/deploy"], hint="wait for it")

    assert error.render() == (
        "error: another process is at it\nwhere: var/locks/deploy\nhint: wait for it"
    )


def test_an_error_leaves_out_the_parts_that_it_does_not_have() -> None:
    assert TandemError("it broke").render() == "error: it broke"


def test_an_error_shows_the_first_three_places_and_counts_the_others() -> None:
    assert places([f"row {row}" for row in range(12)]) == "row 0, row 1, row 2 and 9 more"


def test_a_long_value_is_cut_with_an_ellipsis() -> None:
    assert shorten("x" * 20, limit=5) == "xxxx…"
    assert shorten("x" * 5, limit=5) == "xxxxx"


def test_the_record_of_an_error_has_every_place_and_the_exit_code() -> None:
    error = LockHeld("held", where=["a", "b", "c", "d"], hint="wait")

    assert error.record() == {
        "code": "lock-held",
        "message": "held",
        "where": ["a", "b", "c", "d"],
        "hint": "wait",
        "exit_code": 5,
    }


@pytest.mark.parametrize(("category", "exit_code"), CATEGORIES.items())
def test_all_errors_of_a_category_end_with_its_exit_code(
    category: type[TandemError], exit_code: int
) -> None:
    codes = {error.exit_code for error in CLASSES if issubclass(error, category)}

    assert codes == {exit_code}


def test_every_slug_exists_once_and_is_kebab_case() -> None:
    slugs = [error.code for error in CLASSES]

    assert len(slugs) == len(set(slugs))
    assert [slug for slug in slugs if not re.fullmatch(r"[a-z]+(-[a-z]+)*", slug)] == []
