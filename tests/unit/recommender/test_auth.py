import pytest

from services.recommender.auth import ApiKey
from services.recommender.problems import Problem

KEY = "tk_0123456789abcdef"


@pytest.mark.parametrize("header", [f"Bearer {KEY}", f"bearer {KEY}", f"BEARER  {KEY} "])
def test_the_right_key_passes(header: str) -> None:
    ApiKey(KEY).check(header)


@pytest.mark.parametrize(
    "header",
    [None, "", KEY, "Bearer", "Bearer ", f"Basic {KEY}", f"Bearer {KEY}x", "Bearer \udcff"],
    ids=str,
)
def test_anything_else_is_unauthenticated_with_a_challenge(header: str | None) -> None:
    with pytest.raises(Problem) as caught:
        ApiKey(KEY).check(header)

    assert caught.value.status == 401
    assert caught.value.headers["WWW-Authenticate"].startswith("Bearer")


def test_an_empty_key_opens_nothing() -> None:
    with pytest.raises(ValueError, match="empty"):
        ApiKey("")
