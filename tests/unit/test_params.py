"""params.yaml is strict: what is wrong is named, with what is allowed."""

from pathlib import Path

import pytest

from pipelines.errors import BadParameter
from pipelines.params import Params

SHIPPED = Path(__file__).parents[2] / "params.yaml"


@pytest.fixture
def edited(tmp_path: Path) -> Path:
    path = tmp_path / "params.yaml"
    path.write_text(SHIPPED.read_text(encoding="utf-8"), encoding="utf-8")
    return path


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_the_shipped_file_is_valid_and_frozen() -> None:
    params = Params.load(SHIPPED)

    with pytest.raises(Exception, match="frozen"):
        params.cf.l2 = 1.0  # type: ignore[misc]  # the very thing that must not work


def test_an_unknown_key_is_refused_by_its_full_name_with_the_nearest_known_one(
    edited: Path,
) -> None:
    replace(edited, "half_life_days:", "halflife_days:")

    with pytest.raises(BadParameter) as refused:
        Params.load(edited)

    text = refused.value.render()
    assert "popularity.half" in text
    assert str(edited) in text
    assert refused.value.exit_code == 2


def test_a_typing_mistake_in_a_key_is_answered_with_the_key_that_was_meant(edited: Path) -> None:
    replace(edited, "families:", "family_names: [cf]\nfamilies:")
    replace(edited, "\nfit:\n", "\nfit:\n  sed: 1\n")

    with pytest.raises(BadParameter) as refused:
        Params.load(edited)

    assert "did you mean seed?" in refused.value.render()


@pytest.mark.parametrize(
    ("override", "key", "allowed"),
    [
        pytest.param("split.test_from=1.5", "split.test_from", "less than 1", id="range"),
        pytest.param("families=[ease]", "families.0", "'popularity', 'cf'", id="enumeration"),
        pytest.param("families=[]", "families", "at least 1", id="empty list"),
        pytest.param("fit.seed=seven", "fit.seed", "integer", id="text for a number"),
        pytest.param("fit.seed=7.5", "fit.seed", "integer", id="fraction for a count"),
        pytest.param("up.airflow=no", "up.airflow", "boolean", id="YAML 1.1's no is a text"),
        pytest.param("cf.l2=.nan", "cf.l2", "finite", id="NaN"),
        pytest.param("cf.l2=.inf", "cf.l2", "finite", id="infinity"),
        pytest.param("up.gateway_port=80", "up.gateway_port", "1024", id="privileged port"),
        pytest.param("cf.l2=", "cf.l2", "number", id="nothing"),
    ],
)
def test_a_value_that_is_not_allowed_is_refused_with_what_is(
    override: str, key: str, allowed: str
) -> None:
    with pytest.raises(BadParameter) as refused:
        Params.load(SHIPPED, [override])

    assert key in refused.value.message
    assert allowed in refused.value.render()


def test_an_override_replaces_one_value_and_no_other() -> None:
    shipped = Params.load(SHIPPED)

    params = Params.load(SHIPPED, ["cf.l2=3.5"])

    assert params.cf.l2 == 3.5
    assert params.model_copy(update={"cf": shipped.cf}) == shipped


@pytest.mark.parametrize(
    "override",
    [
        pytest.param("cf.l3=1.0", id="unknown key"),
        pytest.param("nothing.l2=1.0", id="unknown section"),
        pytest.param("dataset.name=x", id="a value is no section"),
        pytest.param("cf.l2", id="no equals sign"),
        pytest.param("=1", id="no key"),
        pytest.param("cf.l2=[1", id="broken YAML"),
    ],
)
def test_an_override_that_means_nothing_is_refused(override: str) -> None:
    with pytest.raises(BadParameter):
        Params.load(SHIPPED, [override])


def test_a_missing_key_is_named(edited: Path) -> None:
    replace(edited, "dataset: movielens-100k", "")

    with pytest.raises(BadParameter, match="dataset is missing"):
        Params.load(edited)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"a: [1", id="broken YAML"),
        pytest.param(b"- a\n- b\n", id="a list"),
        pytest.param(b"", id="empty"),
        pytest.param(b"a: 1\na: 2\n", id="a key twice"),
        pytest.param(b"\xff\xfe\x00", id="not UTF-8"),
    ],
)
def test_a_file_that_is_no_mapping_in_yaml_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "params.yaml"
    path.write_bytes(content)

    with pytest.raises(BadParameter) as refused:
        Params.load(path)

    assert str(path) in refused.value.render()


@pytest.mark.parametrize("name", ["missing.yaml", "."])
def test_a_path_without_a_file_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadParameter):
        Params.load(tmp_path / name)


def test_no_yaml_tag_makes_an_object(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text("dataset: !!python/object/apply:os.getcwd []\n")

    with pytest.raises(BadParameter):
        Params.load(path)
