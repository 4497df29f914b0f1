import pytest

from services.recommender import body
from services.recommender.problems import Problem


def refusal(content: bytes) -> Problem:
    with pytest.raises(Problem) as caught:
        body.parse(content)
    return caught.value


@pytest.mark.parametrize(
    ("content", "offset"),
    [
        pytest.param(b"", 0, id="empty"),
        pytest.param(b'{"k": 1', 7, id="truncated"),
        pytest.param(b'{"k": 1} x', 9, id="trailing text"),
        pytest.param(b"{'k': 1}", 1, id="single quotes"),
        pytest.param(b'{"k": 1 /* c */}', 8, id="comment"),
        pytest.param('{"é": x}'.encode(), 7, id="after a two-byte character"),
        pytest.param(b"\xef\xbb\xbf{}", 0, id="byte order mark"),
        pytest.param('{"k": 1}'.encode("utf-16"), 0, id="UTF-16"),
        pytest.param(b'{"k": "\xff"}', 7, id="invalid UTF-8"),
        pytest.param(b'{"k": "a\nb"}', 8, id="raw newline in a text"),
    ],
)
def test_what_is_not_json_is_refused_with_its_byte_offset(content: bytes, offset: int) -> None:
    problem = refusal(content)

    assert problem.code == "malformed-json"
    assert problem.detail.endswith(f"byte {offset}")


def test_half_a_surrogate_pair_is_refused() -> None:
    assert refusal(b'{"user_id": "\\ud800"}').code == "malformed-json"


def test_a_whole_surrogate_pair_is_one_character() -> None:
    assert body.parse(b'{"user_id": "\\ud83c\\udfac"}') == {"user_id": "🎬"}


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999"])
def test_numbers_that_are_not_finite_are_refused(number: str) -> None:
    assert refusal(f'{{"value": {number}}}'.encode()).code == "not-finite"


@pytest.mark.parametrize(
    "number", ["1" + "0" * 30, "9" * 5_000, "-" + "9" * 25, "1e30"], ids=lambda text: text[:8]
)
def test_numbers_beyond_64_bits_are_refused(number: str) -> None:
    assert refusal(f'{{"k": {number}}}'.encode()).code == "number-out-of-range"


@pytest.mark.parametrize("depth", [17, 900, 1_000, 100_000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_deep_nesting_is_refused(depth: int, opening: str, closing: str) -> None:
    content = (opening * depth + "1" + closing * depth).encode()

    assert refusal(content).code == "too-deep"


def test_duplicate_keys_are_refused_at_any_depth() -> None:
    assert refusal(b'{"a": [{"k": 1, "k": 2}]}').code == "duplicate-key"


def test_good_json_is_taken_as_it_is() -> None:
    content = ' {"k": 10, "history": [{"item_id": "é", "value": -0.5, "event": null}]} '.encode()

    assert body.parse(content) == {
        "k": 10,
        "history": [{"item_id": "é", "value": -0.5, "event": None}],
    }
