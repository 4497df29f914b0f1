"""The choice of the version to deploy."""

import pytest

from pipelines.contracts.release import Deployment, Entry
from pipelines.deploy.choice import candidates
from pipelines.errors import NothingToDeploy, NotShippable
from tests.unit.rollout.fake_world import make_release

V1, V2, V10 = (f"recommender@v{number}.0.0" for number in (1, 2, 10))


def make_record(live: int | None, rolled_back: str | None = None) -> Deployment:
    """A record with this champion, and a version marked as rolled back."""
    entries = [
        Entry(at="2026-01-01T00:00:00Z", epoch=1, event="rolled-back", version=version)
        for version in ([rolled_back] if rolled_back else [])
    ]
    champion = make_release(live, "blue") if live else None
    return Deployment(champion=champion, history=entries)


def test_newest_comes_first_by_number_not_by_text() -> None:
    assert candidates([V2, V10, V1], make_record(None), None) == [V10, V2, V1]


def test_only_newer_versions_than_the_champion_are_fit() -> None:
    assert candidates([V10, V2, V1], make_record(2), None) == [V10]


def test_rolled_back_version_is_left_out_but_not_the_one_between() -> None:
    assert candidates([V10, V2, V1], make_record(1, rolled_back=V10), None) == [V2]


def test_nothing_newer_is_nothing_to_do() -> None:
    with pytest.raises(NothingToDeploy, match="no version is newer"):
        candidates([V10, V2], make_record(10), None)


def test_only_a_rolled_back_version_is_nothing_to_do_and_says_how_to_insist() -> None:
    with pytest.raises(NothingToDeploy, match="--version"):
        candidates([V2, V1], make_record(1, rolled_back=V2), None)


def test_version_by_name_is_taken_though_older_or_rolled_back() -> None:
    assert candidates([V10, V2, V1], make_record(10), V1) == [V1]
    assert candidates([V10, V2, V1], make_record(1, rolled_back=V2), V2) == [V2]


def test_version_by_name_that_is_live_is_nothing_to_do() -> None:
    with pytest.raises(NothingToDeploy, match="live already"):
        candidates([V1], make_record(1), V1)


def test_no_registered_version_at_all_is_refused() -> None:
    with pytest.raises(NotShippable, match="no version is registered"):
        candidates([], make_record(None), None)
