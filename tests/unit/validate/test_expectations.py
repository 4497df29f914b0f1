import pytest

from pipelines.descriptors import Descriptor
from pipelines.params import Params
from pipelines.validate import expectations
from pipelines.validate.rules import Expected, Within

LIMITS = Params.load().validate_
DESCRIPTOR = Descriptor.load("movielens-100k")
SUITES = {
    "interactions": expectations.interactions(DESCRIPTOR, LIMITS),
    "partition": expectations.partition(LIMITS),
    "items": expectations.entities(DESCRIPTOR.items, "item_id", LIMITS),
}


@pytest.mark.parametrize("suite", SUITES.values(), ids=SUITES)
def test_every_check_has_a_name_of_its_own_and_a_reason(suite: list[Expected]) -> None:
    assert len({expected.check for expected in suite}) == len(suite)
    assert all(expected.reason for expected in suite)


@pytest.mark.parametrize("suite", SUITES.values(), ids=SUITES)
def test_row_level_checks_have_a_limit_and_table_level_ones_have_none(
    suite: list[Expected],
) -> None:
    assert all((expected.limit > 0) == (expected.level != "table") for expected in suite)


@pytest.mark.parametrize(("is_partial", "n_checks"), [(False, 1), (True, 0)])
def test_a_user_without_a_row_is_an_orphan_unless_users_are_known_in_part(
    is_partial: bool, n_checks: int
) -> None:
    users = DESCRIPTOR.users.model_copy(update={"is_partial": is_partial})
    descriptor = DESCRIPTOR.model_copy(update={"users": users})

    suite = expectations.interactions(descriptor, LIMITS)

    assert sum(expected.slug == "orphan-user" for expected in suite) == n_checks
    assert any(expected.slug == "orphan-item" for expected in suite)


def test_limits_come_from_the_parameters_and_the_descriptor() -> None:
    by_check = {expected.check: expected for expected in SUITES["interactions"]}
    facts = {expected.check: expected for expected in SUITES["partition"]}

    assert by_check["value.value-range"].rule == Within(1.0, 5.0)
    assert by_check["value.value-range"].limit == LIMITS.max_row_failures
    assert by_check["is_item_known.orphan-item"].limit == LIMITS.max_orphan_share
    assert facts["volume_ratio.volume"].rule == Within(LIMITS.volume_low, LIMITS.volume_high)
