import pytest

from pipelines.contracts.model import Check, Verdict
from pipelines.errors import OnHold, Rejected
from pipelines.gate.step import enforce, require_ship
from pipelines.gate.verdict import decide


def make_checks(*verdicts: str) -> list[Check]:
    return [
        Check.model_validate(
            {"name": f"{v} {n}", "value": 1, "threshold": 2, "verdict": v, "reason": "because"}
        )
        for n, v in enumerate(verdicts)
    ]


@pytest.mark.parametrize(
    ("verdicts", "kind", "decision"),
    [
        (["pass", "not_applicable"], "recipe", "ship"),
        (["pass", "not_applicable"], "refresh", "ship"),
        (["pass", "undecided"], "recipe", "hold"),
        (["pass", "undecided"], "refresh", "ship"),
        (["pass", "fail"], "recipe", "reject"),
        (["pass", "fail"], "refresh", "reject"),
        (["undecided", "fail"], "recipe", "reject"),
        (["fail", "pass"], "recipe", "reject"),
    ],
)
def test_what_decides(verdicts, kind, decision):
    assert decide(make_checks(*verdicts), kind)[0] == decision


def test_the_reason_names_the_checks_that_decided():
    _, reason = decide(make_checks("fail", "pass", "fail"), "recipe")

    assert reason == "2 checks failed: fail 0, fail 2"


def test_a_refresh_says_what_it_left_undecided():
    _, reason = decide(make_checks("pass", "undecided"), "refresh")

    assert "undecided, which holds no refresh back: undecided 1" in reason


def make_verdict(decision: str, *verdicts: str) -> Verdict:
    return Verdict.model_validate(
        {
            "schema": 1,
            "verdict": decision,
            "kind": "recipe",
            "reason": "r",
            "winner": "cf",
            "champion": None,
            "data_version": "data/2001-01-01",
            "checks": make_checks(*verdicts),
        }
    )


@pytest.mark.parametrize("ask", [enforce, require_ship])
def test_enforcing_a_ship_does_nothing(ask):
    ask(make_verdict("ship", "pass"))


@pytest.mark.parametrize(("decision", "verdict"), [("reject", "fail"), ("hold", "undecided")])
def test_of_an_artifact_by_itself_a_hold_is_a_no(decision, verdict):
    with pytest.raises(Rejected) as caught:
        require_ship(make_verdict(decision, "pass", verdict))

    assert caught.value.exit_code == 4
    assert caught.value.where == (f"{verdict} 1: because",)


@pytest.mark.parametrize(
    ("decision", "verdict", "error", "exit_code"),
    [("reject", "fail", Rejected, 4), ("hold", "undecided", OnHold, 99)],
)
def test_enforcing_says_which_checks_decided(decision, verdict, error, exit_code):
    with pytest.raises(error) as caught:
        enforce(make_verdict(decision, "pass", verdict))

    assert caught.value.exit_code == exit_code
    assert caught.value.where == (f"{verdict} 1: because",)
