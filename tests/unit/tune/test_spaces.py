from typing import Any

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from pipelines.errors import BadParameter
from pipelines.params import Params
from pipelines.tune.spaces import identity, search_space

DIGESTS = {"data": "d", "code": "c"}


def make_params(family: str, spaces: dict[str, dict[str, Any]], **changes: Any) -> Params:
    content = Params.load().model_dump(by_alias=True)
    content["tune"]["spaces"] = {family: spaces}
    for key, value in changes.items():
        section, name = key.split("__")
        content[section][name] = value
    return Params.model_validate(content)


@pytest.mark.parametrize("family", Params.load().families)
def test_every_family_declares_a_space_that_it_takes(family: str) -> None:
    space = search_space(Params.load(), family)

    assert space.present
    assert space.setting(space.present) == space.present


def test_a_space_is_drawn_from_as_it_is_declared() -> None:
    spaces = {
        "l2": {"low": 1, "high": 2000, "log": True},
        "max_history": {"low": 20, "high": 200, "step": 20},
        "half_life_events": {"choices": [5.0, 10.0]},
    }

    drawn = search_space(make_params("cf", spaces), "cf").distributions

    assert drawn == {
        "l2": FloatDistribution(1.0, 2000.0, log=True),
        "max_history": IntDistribution(20, 200, step=20),
        "half_life_events": CategoricalDistribution([5.0, 10.0]),
    }


@pytest.mark.parametrize(
    ("spaces", "words"),
    [
        pytest.param({"l3": {"low": 1.0, "high": 2.0}}, "l3", id="unknown parameter"),
        pytest.param({"l2.deep": {"low": 1.0, "high": 2.0}}, "l2.deep", id="nothing nested there"),
        pytest.param({"l2": {"low": -1.0, "high": 900.0}}, r"reaches -1\.0", id="low"),
        pytest.param({"max_history": {"low": 1, "high": 200.5}}, r"reaches 200\.5", id="high"),
        pytest.param(
            {"max_history": {"low": 50, "high": 100, "step": 12.5}}, r"reaches 62\.5", id="step"
        ),
        pytest.param({"l2": {"choices": [800.0, "much"]}}, "reaches 'much'", id="choice"),
        pytest.param({"l2": {"low": 1.0, "high": 799.0}}, "outside", id="present above"),
        pytest.param({"l2": {"choices": [1.0, 2.0]}}, "outside", id="present not chosen"),
        pytest.param(
            {"max_history": {"low": 10, "high": 190, "step": 60}}, "outside", id="present off step"
        ),
    ],
)
def test_a_space_that_the_family_does_not_take_is_refused(
    spaces: dict[str, dict[str, Any]], words: str
) -> None:
    with pytest.raises(BadParameter, match=words) as raised:
        search_space(make_params("cf", spaces), "cf")

    assert raised.value.hint


def test_a_bound_is_held_against_the_fields_own_rule() -> None:
    spaces = {"embedding_dim": {"low": 32, "high": 64, "step": 2}}

    with pytest.raises(BadParameter, match="reaches 34"):
        search_space(make_params("multitask", spaces), "multitask")


@pytest.mark.parametrize("family", ["cf", "split", "dataset", "nobody"])
def test_a_family_without_a_space_is_refused(family: str) -> None:
    params = make_params("popularity", {"half_life_days": {"low": 1.0, "high": 90.0}})

    with pytest.raises(BadParameter, match=family):
        search_space(params, family)


@pytest.mark.parametrize(
    "space",
    [
        {},
        {"low": 1.0},
        {"low": 2.0, "high": 1.0},
        {"low": 1.0, "high": 2.0, "choices": [1.0, 2.0]},
        {"choices": [1.0]},
        {"low": 0.0, "high": 1.0, "log": True},
        {"low": 1.0, "high": 2.0, "log": True, "step": 0.5},
        {"low": 1.0, "high": 2.0, "step": 0.3},
        {"low": 1.0, "high": 2.0, "step": 0},
    ],
    ids=str,
)
def test_a_space_that_makes_no_sense_is_refused(space: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"tune\.spaces\.cf\.l2"):
        make_params("cf", {"l2": space})


def test_a_drawn_number_is_short_and_stays_within_its_range() -> None:
    space = search_space(make_params("cf", {"l2": {"low": 0.12354, "high": 987654.3}}), "cf")

    assert space.setting({"l2": 1234.5678}) == {"l2": 1235.0}
    assert space.setting({"l2": 0.12354}) == {"l2": 0.12354}
    assert space.setting({"l2": 987654.3}) == {"l2": 987654.3}


def test_the_present_setting_is_tried_with_all_its_digits() -> None:
    params = make_params("cf", {"l2": {"low": 1.0, "high": 2000.0}}, cf__l2=123.456789)

    space = search_space(params, "cf")

    assert space.setting(space.present) == {"l2": 123.456789}


L2 = {"l2": {"low": 1.0, "high": 2000.0}}


@pytest.mark.parametrize(
    ("spaces", "changes", "digests"),
    [
        pytest.param(L2, {}, {"data": "other", "code": "c"}, id="data"),
        pytest.param(L2, {}, {"data": "d", "code": "other"}, id="code"),
        pytest.param(L2, {"cf__max_history": 7}, DIGESTS, id="a parameter that is not searched"),
        pytest.param(L2, {"fit__seed": 8}, DIGESTS, id="the fit's seed"),
        pytest.param(L2, {"evaluate__k": 5}, DIGESTS, id="k"),
        pytest.param({"l2": {"low": 1.0, "high": 3000.0}}, {}, DIGESTS, id="space"),
    ],
)
def test_what_a_value_depends_on_makes_another_study(
    spaces: dict[str, Any], changes: dict[str, Any], digests: dict[str, str]
) -> None:
    base = make_params("cf", L2)
    other = make_params("cf", spaces, **changes)

    assert identity(base, search_space(base, "cf"), DIGESTS) != identity(
        other, search_space(other, "cf"), digests
    )


def test_another_present_setting_goes_on_with_the_same_study() -> None:
    base, other = make_params("cf", L2), make_params("cf", L2, cf__l2=5.0, gate__margin=0.2)

    assert identity(base, search_space(base, "cf"), DIGESTS) == identity(
        other, search_space(other, "cf"), DIGESTS
    )
