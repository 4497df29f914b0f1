"""What a caller gets instead of an answer: RFC 9457 problem+json, one body for every refusal.

The line, drawn once: 400 cannot be parsed, 422 parsed but against the contract, 401 who, 404 no
such path, 413 size, 415 media type, 503 cannot now. Details never hold a key or a user id.
"""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

import orjson
from pydantic import BaseModel, ValidationError

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "/problems/"
MAX_VALUE_LENGTH = 64
MAX_ERRORS = 100  # listed in one answer: a megabyte of mistakes must not cost a second

KINDS: dict[str, tuple[int, str]] = {
    "malformed-json": (400, "the body is not JSON"),
    "not-finite": (400, "a number is not finite"),
    "number-out-of-range": (400, "a number is out of range"),
    "too-deep": (400, "the body is nested too deeply"),
    "duplicate-key": (400, "a key occurs twice in one object"),
    "unauthenticated": (401, "no valid API key"),
    "not-found": (404, "there is nothing at this path"),
    "method-not-allowed": (405, "this path does not take this method"),
    "request-timeout": (408, "the request came too slowly"),
    "body-too-large": (413, "the body is too large"),
    "unsupported-media-type": (415, "the body is not plain JSON"),
    "unsupported-encoding": (415, "the body is encoded"),
    "invalid-body": (422, "the body must be one JSON object"),
    "invalid-field": (422, "a field is not valid"),
    "unknown-field": (422, "a field is not known"),
    "too-long": (422, "a text is too long"),
    "too-many": (422, "a list is too long"),
    "internal": (500, "the service failed"),
    "not-ready": (503, "the service is not ready"),
    "store-unavailable": (503, "the online store cannot be read"),
    "too-slow": (503, "the answer took too long"),
}
"""Every code with its status and its title."""

_OWN_KIND = ("unknown-field", "too-long", "too-many")
_SENTENCES = {  # pydantic's kind → our code and sentence
    "missing": ("missing", "{name} is required"),
    "string_too_long": ("too-long", "{name} must have at most {max_length} characters"),
    "string_too_short": ("empty", "{name} must not be empty"),
    "too_long": ("too-many", "{name} must have at most {max_length} entries"),
    "too_short": ("too-few", "{name} must have at least {min_length} entries"),
    "finite_number": ("not-finite", "{name} must be a finite number"),
}
_WANTED = {
    "int_type": "an integer",
    "float_type": "a number",
    "bool_type": "a boolean",
    "string_type": "a text",
    "list_type": "a list",
    "dict_type": "an object",
}
_TYPE_NAMES = {
    "bool": "a boolean",
    "int": "an integer",
    "float": "a number",
    "str": "a text",
    "list": "a list",
    "dict": "an object",
    "NoneType": "null",
}


@dataclass(frozen=True)
class FieldError:
    """One field at fault: its dotted name, its JSON pointer, a code and a sentence."""

    field: str
    pointer: str
    code: str
    detail: str


@dataclass(eq=False)
class Problem(Exception):
    """A refusal; `code` is a key of KINDS."""

    code: str
    detail: str
    errors: Sequence[FieldError] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def status(self) -> int:
        """The HTTP status of this kind of problem."""
        return KINDS[self.code][0]

    def body(self, request_id: str, instance: str | None) -> bytes:
        """The JSON document.

        Args:
            request_id: As answered in X-Request-Id.
            instance: The route; None when the path is none of ours, since a path can hold an id.
        """
        status, title = KINDS[self.code]
        document = {
            "type": TYPE_PREFIX + self.code,
            "title": title,
            "status": status,
            "detail": self.detail,
            "code": self.code,
            "instance": instance,
            "request_id": request_id,
            "errors": [vars(error) for error in self.errors],
        }
        return orjson.dumps({k: v for k, v in document.items() if v is not None})


def from_validation(error: ValidationError, model: type[BaseModel]) -> Problem:
    """The fields at fault, at once, as one problem; of very many the first hundred."""
    details = error.errors(include_url=False)
    if any(not item["loc"] and item["type"] == "model_type" for item in details):
        kind = _type_name(details[0]["input"])
        return Problem("invalid-body", f"the body must be a JSON object, got {kind}")
    errors = [_field_error(item, model) for item in details[:MAX_ERRORS]]
    codes = {item.code for item in errors}
    shared = codes.pop() if len(codes) == 1 else ""
    code = shared if shared in _OWN_KIND else "invalid-field"
    more = f" (and {len(details) - 1} more)" if len(details) > 1 else ""
    return Problem(code, errors[0].detail + more, errors)


def _field_error(item: Any, model: type[BaseModel]) -> FieldError:
    place = tuple(item["loc"])
    name = _dotted(place) or "the body"
    pointer = "".join(f"/{_escaped(part)}" for part in place)
    code, detail = _explained(item, name, place, model)
    return FieldError(name, pointer, code, detail)


def _explained(
    item: Any, name: str, place: tuple[str | int, ...], model: type[BaseModel]
) -> tuple[str, str]:
    kind, context = item["type"], item.get("ctx", {})
    if kind in _SENTENCES:
        code, sentence = _SENTENCES[kind]
        return code, sentence.format(name=name, **context)
    if kind == "extra_forbidden":
        return "unknown-field", f"{name} is not a field here{_nearest(place, model)}"
    if kind in ("greater_than_equal", "less_than_equal"):
        return _out_of_bounds(item, name)
    if kind.endswith("_type"):
        wanted = _WANTED.get(kind, "an object")
        return "wrong-type", f"{name} must be {wanted}, got {_type_name(item['input'])}"
    return kind, f"{name} {item['msg']}"  # our own validators raise (code, sentence)


def _out_of_bounds(item: Any, name: str) -> tuple[str, str]:
    context, got = item["ctx"], str(item["input"])[:MAX_VALUE_LENGTH]
    if "ge" in context:
        return f"less-than-{context['ge']}", f"{name} must be at least {context['ge']}, got {got}"
    return f"greater-than-{context['le']}", f"{name} must be at most {context['le']}, got {got}"


def _type_name(value: object) -> str:
    return _TYPE_NAMES.get(type(value).__name__, "something else")


def _dotted(place: Iterable[str | int]) -> str:
    return ".".join(_shortened(str(part)) for part in place)


def _escaped(part: str | int) -> str:
    return _shortened(str(part)).replace("~", "~0").replace("/", "~1")


def _shortened(text: str) -> str:
    return text if len(text) <= MAX_VALUE_LENGTH else text[: MAX_VALUE_LENGTH - 1] + "…"


def _nearest(place: tuple[str | int, ...], model: type[BaseModel]) -> str:
    known = _fields_at(place[:-1], model)
    near = difflib.get_close_matches(str(place[-1])[:MAX_VALUE_LENGTH], known, n=1)
    return f"; did you mean {near[0]}?" if near else f"; known: {', '.join(known)}"


def _fields_at(place: tuple[str | int, ...], model: type[BaseModel]) -> list[str]:
    """The field names of the model nested at `place` (list positions do not nest)."""
    inner = model
    for part in place:
        if isinstance(part, str):
            inner = _model_in(inner.model_fields[part].annotation) or inner
    return list(inner.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_model_in(argument) for argument in get_args(annotation))
    return next((model for model in found if model is not None), None)
