"""Search spaces: what is declared against what a family takes; the present setting; identity."""

import hashlib
import json
from collections.abc import Mapping
from math import remainder
from typing import Any, NamedTuple

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from pydantic import BaseModel, ValidationError

from pipelines.contracts.tune import Setting, Value
from pipelines.errors import BadParameter
from pipelines.params import ON_GRID, Params, Space

PLACE = "tune.spaces in params.yaml"
SIGNIFICANT = 4
"""Digits of a searched number: more would be noise in params.yaml."""


class SearchSpace(NamedTuple):
    """A family's declared space, checked, with the setting that is present."""

    family: str
    spaces: Mapping[str, Space]
    present: Setting

    @property
    def distributions(self) -> dict[str, BaseDistribution]:
        """What Optuna draws from."""
        return {name: _distribution(s, self.present[name]) for name, s in self.spaces.items()}

    def setting(self, drawn: Mapping[str, Any]) -> Setting:
        """What was drawn as it is tried: floats of few digits, within their range."""
        if dict(drawn) == dict(self.present):
            return dict(self.present)
        return {name: _short(drawn[name], self.spaces[name]) for name in self.spaces}


def search_space(params: Params, family: str) -> SearchSpace:
    """The space that `tune.spaces` declares for a family.

    Raises:
        BadParameter: There is none, it names a parameter that the family lacks, a bound lies
            outside of what the parameter takes, or the present value outside of the space.
    """
    section, spaces = getattr(params, family, None), params.tune.spaces.get(family)
    if not spaces or not isinstance(section, BaseModel):
        raise BadParameter(
            f"no search space is declared for {family!r}",
            where=[PLACE],
            hint=f"declared: {', '.join(params.tune.spaces)}",
        )
    present = {name: _present(section, family, name) for name in spaces}
    for name, space in spaces.items():
        for value in _ends(space):
            _require_taken(section, family, name, value)
        _require_inside(space, present[name], f"{family}.{name}")
    return SearchSpace(family, spaces, present)


def identity(params: Params, space: SearchSpace, digests: Mapping[str, str]) -> str:
    """A name for all that a value depends on beside the setting, 12 hex digits.

    Args:
        params: All parameters; of the family's own, those that are not searched count.
        space: The family's.
        digests: Of data and code.
    """
    fixed = getattr(params, space.family).model_dump(mode="json")
    for name in space.spaces:
        _put(fixed, name, None)
    facts = {
        "space": {name: one.model_dump(mode="json") for name, one in space.spaces.items()},
        "fixed": fixed,
        "fit": params.fit.model_dump(mode="json"),
        "k": params.evaluate.k,
        **digests,
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:12]


def _present(section: BaseModel, family: str, name: str) -> Value:
    value: Any = section
    for part in name.split("."):
        value = getattr(value, part) if part in _fields(value) else None
    if not isinstance(value, Value):
        raise BadParameter(
            f"{family} has no parameter {name!r} that can be searched",
            where=[f"tune.spaces.{family} in params.yaml"],
            hint=f"parameters: {', '.join(_fields(section))}; a dot leads into a nested one",
        )
    return value


def _fields(value: Any) -> list[str]:
    return list(type(value).model_fields) if isinstance(value, BaseModel) else []


def _ends(space: Space) -> list[Value]:
    if space.choices is not None:
        return list(space.choices)
    return [end for end in (space.low, space.high, _second(space)) if end is not None]


def _second(space: Space) -> int | float | None:
    """The range's second value: an integer field takes no broken step, a multiple no odd one."""
    return None if space.step is None or space.low is None else space.low + space.step


def _require_taken(section: BaseModel, family: str, name: str, value: Value) -> None:
    content = section.model_dump()
    _put(content, name, value)
    try:
        type(section).model_validate(content)
    except ValidationError as error:
        said = error.errors()[0]["msg"]
        raise BadParameter(
            f"tune.spaces.{family}.{name} reaches {value!r}, which {family} does not take",
            where=[f"tune.spaces.{family}.{name} in params.yaml"],
            hint=said[0].lower() + said[1:].replace("Input should", "it should"),
        ) from error


def _put(content: dict[str, Any], name: str, value: Any) -> None:
    *path, last = name.split(".")
    for part in path:
        content = content[part]
    content[last] = value


def _require_inside(space: Space, value: Value, name: str) -> None:
    if _is_inside(space, value):
        return
    raise BadParameter(
        f"the present {name} = {value!r} lies outside of its search space",
        where=[f"tune.spaces.{name} in params.yaml"],
        hint="widen the space: the search starts from the present setting",
    )


def _is_inside(space: Space, value: Value) -> bool:
    if space.choices is not None:
        return value in space.choices
    low, high = space.low, space.high
    if isinstance(value, bool | str) or low is None or high is None:
        return False
    beside = 0.0 if space.step is None else remainder(value - low, space.step)
    return low <= value <= high and abs(beside) <= ON_GRID


def _distribution(space: Space, present: Value) -> BaseDistribution:
    """An integer is drawn where the field holds one, whatever the range is written like."""
    if space.choices is not None:
        return CategoricalDistribution(space.choices)
    low, high = space.low, space.high
    if low is None or high is None:
        raise BadParameter("a space has neither choices nor a range", where=[PLACE])
    if isinstance(present, int):
        return IntDistribution(int(low), int(high), log=space.log, step=int(space.step or 1))
    return FloatDistribution(float(low), float(high), log=space.log, step=space.step)


def _short(value: Any, space: Space) -> Value:
    if not isinstance(value, float) or space.low is None or space.high is None:
        return value  # type: ignore[no-any-return]  # Optuna hands back what the space holds
    return min(max(float(f"{value:.{SIGNIFICANT}g}"), float(space.low)), float(space.high))
