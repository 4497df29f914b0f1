import pytest

from pipelines.contracts.model import Decision
from pipelines.contracts.state import Version
from pipelines.errors import NothingToPackage, NotShippable
from pipelines.package.step import newest_shippable, release_of, require_ship


def make_version(number: int, verdict: Decision = "ship") -> Version:
    return Version(
        version=f"recommender@v{number}.0.0",
        commit=f"{number:040x}",
        run=f"run-{number}",
        family="cf",
        model_digest=f"{number:064x}",
        judged_digest="f" * 64,
        data_version="data/1998-03-30",
        partition="1998-03-30",
        judged_fit_until="1998-03-05T22:15:04Z",
        trained_until="1998-04-05T23:58:41Z",
        verdict=verdict,
        kind="recipe",
    )


def test_the_newest_version_that_may_ship_is_packaged() -> None:
    newest_first = [make_version(11, "hold"), make_version(10), make_version(9)]

    assert newest_shippable(newest_first).version == "recommender@v10.0.0"


@pytest.mark.parametrize(
    "found", [[], [make_version(1, "hold")]], ids=["nothing registered", "nothing shippable"]
)
def test_there_is_nothing_to_package_without_a_ship(found: list[Version]) -> None:
    with pytest.raises(NothingToPackage) as caught:
        newest_shippable(found)

    assert caught.value.exit_code == 99


@pytest.mark.parametrize("verdict", ["hold", "reject"])
def test_a_named_version_that_may_not_ship_is_refused(verdict: Decision) -> None:
    with pytest.raises(NotShippable, match=f"v7.0.0 is {verdict}") as caught:
        require_ship(make_version(7, verdict))

    assert caught.value.exit_code == 4


def test_a_release_names_bento_and_model_by_the_version() -> None:
    version = make_version(3)

    release = release_of(version, [{"name": "watch", "kind": "retrieval"}])

    assert release.bento == release.model == "recommender:v3.0.0"
    assert release.model_digest == version.model_digest
    assert release.commit == version.commit
    assert release.tasks == [{"name": "watch", "kind": "retrieval"}]
