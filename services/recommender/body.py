"""From bytes to one JSON value, strictly: nothing that two parsers could read differently.

RFC 8259 JSON in UTF-8 without a byte order mark; NaN, infinities, numbers beyond 64 bits, lone
surrogates and duplicate keys are refused, and so is what nests deeper than any body of ours.
"""

import json
import math
import re
from typing import Any, NoReturn

from services.recommender.problems import Problem

MAX_BYTES = 1 << 20  # as the gateway
MAX_DEPTH = 16
MAX_NUMBER = 2.0**63
MAX_DIGITS = 20
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def parse(body: bytes) -> Any:
    """The JSON value in a body.

    Raises:
        Problem: malformed-json (with the byte offset), not-finite, number-out-of-range,
            duplicate-key or too-deep.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Problem("malformed-json", f"invalid UTF-8 at byte {error.start}") from error
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        offset = len(text[: error.pos].encode())
        raise Problem("malformed-json", f"not JSON at byte {offset}") from error
    except RecursionError as error:
        raise _too_deep() from error
    if _is_deeper(value, MAX_DEPTH):
        raise _too_deep()
    if _SURROGATE.search(body):
        _refuse_lone_surrogates(value)
    return value


def _too_deep() -> Problem:
    return Problem("too-deep", f"the body is nested more than {MAX_DEPTH} deep")


def _is_deeper(value: object, limit: int) -> bool:
    if isinstance(value, dict):
        children = list(value.values())
    elif isinstance(value, list):
        children = value
    else:
        return False
    return limit == 0 or any(_is_deeper(child, limit - 1) for child in children)


def _refuse_lone_surrogates(value: object) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise Problem("malformed-json", "a text holds half a surrogate pair") from error


def _constant(name: str) -> NoReturn:
    raise Problem("not-finite", f"{name} is not a JSON number")


def _integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS or abs(value := int(digits)) >= MAX_NUMBER:
        raise Problem("number-out-of-range", f"an integer of {len(digits)} digits is too large")
    return value


def _float(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise Problem("not-finite", "a number is infinite as a double")
    if abs(value) >= MAX_NUMBER:
        raise Problem("number-out-of-range", "a number is beyond 2^63")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        raise Problem("duplicate-key", "a key occurs twice in one object")
    return result


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique, parse_constant=_constant, parse_int=_integer, parse_float=_float
)
