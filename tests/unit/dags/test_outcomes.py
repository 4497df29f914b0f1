import pytest

from tandem_dags.outcomes import Outcome, explain, outcome


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (0, Outcome.DONE),
        (1, Outcome.FAIL),
        (2, Outcome.FAIL),
        (3, Outcome.FAIL),
        (4, Outcome.FAIL),
        (5, Outcome.RETRY),
        (99, Outcome.SKIP),
        (127, Outcome.FAIL),
        (128 + 9, Outcome.RETRY),
        (-15, Outcome.RETRY),
    ],
)
def test_only_what_another_try_may_heal_is_tried_again(code: int, expected: Outcome) -> None:
    assert outcome(code) is expected


def test_explanation_names_command_meaning_and_the_last_error_block() -> None:
    output = ["reading", "error: old", "trying again", "error: bad rows", "where: rows.csv"]

    text = explain(3, ["run", "step", "r", "validate"], output)

    assert text.splitlines() == [
        "tandem run step r validate ended with 3, the input was refused",
        "error: bad rows",
        "where: rows.csv",
    ]


def test_explanation_of_a_kill_names_the_signal() -> None:
    assert "was killed by signal 9" in explain(137, ["deploy"], ["starting green"])


def test_explanation_of_a_skip_is_what_the_command_said() -> None:
    assert explain(99, ["package"], ["building", "error: no version may ship"]) == (
        "error: no version may ship"
    )
