from pathlib import Path

import pytest

from pipelines.errors import BadParameter
from pipelines.params import Params
from pipelines.tune.edits import annotated, edited, yaml_text

TEXT = """\
# on top
cf: # not a section's own words
  l2:   800.0 # beside

  weights: {tags: 1.0, text: 0.1}   # of two
families: [cf, content] # all
"""


def test_only_the_characters_of_a_value_change() -> None:
    new = edited(TEXT, {"cf.l2": "12.5", "cf.weights.text": "0.75", "families": "[cf]"})

    assert new == TEXT.replace("800.0", "12.5").replace("0.1}", "0.75}").replace(
        "[cf, content]", "[cf]"
    )


@pytest.mark.parametrize("key", ["cf.l3", "cf.l2.deep", "l2", "cf"])
def test_a_key_that_has_no_value_is_refused(key: str) -> None:
    with pytest.raises(BadParameter, match=key):
        edited(TEXT, {key: "1"})


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.00001, "0.00001"),
        (3.0, "3.0"),
        (50, "50"),
        (True, "true"),
        ("ease", "ease"),
        ("true", '"true"'),
        ("a: b", '"a: b"'),
    ],
)
def test_a_value_is_read_back_as_it_was(value: object, text: str) -> None:
    from ruamel.yaml import YAML

    assert yaml_text(value) == text
    assert YAML(typ="safe", pure=True).load(text) == value
    assert type(YAML(typ="safe", pure=True).load(text)) is type(value)


def test_a_tuned_section_says_where_its_values_are_from() -> None:
    new = annotated(TEXT, "cf", "on data/1")

    assert new == TEXT.replace("cf: # not", "cf: # tuned on data/1; not")


def test_a_later_search_takes_the_place_of_the_earlier_ones_words() -> None:
    once = annotated(TEXT, "cf", "on data/1")

    assert annotated(once, "cf", "on data/2") == annotated(TEXT, "cf", "on data/2")
    assert annotated("cf:\n  l2: 1\n", "cf", "on data/1") == "cf: # tuned on data/1\n  l2: 1\n"


def test_our_own_params_file_survives_an_edit_of_every_searched_parameter(tmp_path: Path) -> None:
    text, params = Path("params.yaml").read_text(), Params.load()
    values = {
        f"{family}.{name}": space.choices[0] if space.choices else space.low
        for family, spaces in params.tune.spaces.items()
        for name, space in spaces.items()
    }
    file = tmp_path / "params.yaml"

    file.write_text(edited(text, {key: yaml_text(value) for key, value in values.items()}))

    assert Params.load(file) == Params.load(
        Path("params.yaml"), [f"{key}={yaml_text(value)}" for key, value in values.items()]
    )
    assert file.read_text().count("#") == text.count("#")
