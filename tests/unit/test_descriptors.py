from pathlib import Path

import pytest
from pydantic import ValidationError

from pipelines.descriptors import Descriptor
from pipelines.errors import BadParameter, UnknownDataset
from pipelines.yaml_records import read_yaml

DATASETS = Path(__file__).parents[2] / "datasets"


def test_movielens_100k_learns_three_tasks_and_keeps_no_zip_code() -> None:
    descriptor = Descriptor.load("movielens-100k", DATASETS)

    assert [task.name for task in descriptor.tasks] == ["watch", "like", "rating"]
    assert descriptor.heads == ["like", "rating"]
    assert descriptor.item_features == {"title": "text", "year": "number", "genres": "tags"}
    assert descriptor.profile_fields == {
        "age": "number",
        "gender": "category",
        "occupation": "category",
    }


def test_completejourney_is_bought_again_and_knows_some_of_its_households() -> None:
    descriptor = Descriptor.load("completejourney", DATASETS)

    assert descriptor.repeats
    assert descriptor.users is not None
    assert descriptor.users.is_partial
    assert [(task.name, task.kind) for task in descriptor.tasks] == [
        ("purchase", "retrieval"),
        ("several", "binary"),
    ]
    assert not Descriptor.load("movielens-100k", DATASETS).repeats


def test_an_unknown_data_set_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UnknownDataset) as refused:
        Descriptor.load("movielens-100m", DATASETS)

    assert "movielens-100k" in refused.value.hint


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("grain: week", "grain: decade", "grain"),
        ("clock: replay", "clocks: replay", "did you mean clock?"),
        ("  event: rating # ", "  # ", "event"),
        ("minimum: 1.0", "minimum: 9.0", "minimum must be below maximum"),
        (
            "kind: retrieval, positive: {event: rating}",
            "kind: regression, label: value",
            "retrieval",
        ),
        ("requirement: recbole==1.2.1", "requirement: recbole", "requirement"),
        ("name: year, kind", "name: title, kind", "distinct"),
        ("name: year, kind", "name: copies, kind", "none of copies, fault, is_conflict"),
    ],
)
def test_a_descriptor_that_makes_no_sense_is_refused_by_key(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    text = (DATASETS / "movielens-100k.yaml").read_text()
    (tmp_path / "odd.yaml").write_text(text.replace(old, new, 1))

    with pytest.raises(BadParameter) as refused:
        Descriptor.load("odd", tmp_path)

    assert said in refused.value.render()
    assert "odd.yaml" in refused.value.where[0]


def described(**changes: object) -> dict[str, object]:
    content = read_yaml(DATASETS / "movielens-100k.yaml")
    for place, value in changes.items():
        *path, last = place.split("__")
        part = content
        for name in path:
            part = part[name]
        part[last] = value
    return content


@pytest.mark.parametrize(
    "changes",
    [
        {"interactions__format": {"delimiter": "::"}},
        {"interactions__timezone": "Europe/Atlantis"},
        {"interactions__query": "SELECT 1"},
        {"source": {"kind": "sql", "url_variable": "SHOP_URL"}},
        {"source": {"kind": "sql", "url_variable": "postgresql://u:secret@h/d"}},
        {"limits": {"Volume Low": 0.1}},
        {"items__is_partial": True},
    ],
    ids=[
        "quoted-colons",
        "zone",
        "path-and-query",
        "sql-with-path",
        "url-in-file",
        "limit-name",
        "some-items",
    ],
)
def test_a_description_that_makes_no_sense_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Descriptor.model_validate(described(**changes))
