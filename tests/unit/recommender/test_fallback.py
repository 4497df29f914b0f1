import pytest

from services.recommender import fallback


@pytest.mark.parametrize(
    ("is_named", "is_known", "has_history", "expected"),
    [
        pytest.param(True, True, True, None, id="known user with history"),
        pytest.param(True, True, False, "no-history", id="known user without history"),
        pytest.param(True, False, True, "history-only", id="stranger who brought a history"),
        pytest.param(True, False, False, "unknown-user", id="stranger"),
        pytest.param(False, False, True, None, id="nobody named, history given"),
        pytest.param(False, False, False, "no-history", id="nobody named, nothing given"),
    ],
)
def test_an_answer_says_why_it_is_less_than_personal(
    is_named: bool, is_known: bool, has_history: bool, expected: str | None
) -> None:
    reason = fallback.reason(is_named=is_named, is_known=is_known, has_history=has_history)

    assert reason == expected
