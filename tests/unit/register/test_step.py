"""Which verdicts may be registered."""

import pytest

from pipelines.contracts.model import Check, Decision, Verdict
from pipelines.errors import OnHold, Rejected
from pipelines.register.step import require_ship


def make_verdict(decision: Decision, *checks: Check) -> Verdict:
    return Verdict(
        verdict=decision,
        kind="recipe",
        reason="because",
        winner="cf",
        champion=None,
        data_version="data/1998-03-09",
        checks=list(checks),
    )


def make_check(name: str, *, failed: bool) -> Check:
    verdict = "fail" if failed else "pass"
    return Check.model_validate(
        {"name": name, "value": 0.1, "threshold": 0.2, "verdict": verdict, "reason": "too low"}
    )


def test_ship_may_be_registered() -> None:
    require_ship(make_verdict("ship"))


def test_hold_is_nothing_to_do_and_says_why() -> None:
    with pytest.raises(OnHold, match="because"):
        require_ship(make_verdict("hold"))


def test_reject_names_the_checks_that_failed_and_no_others() -> None:
    checks = make_check("loads", failed=False), make_check("beats popularity", failed=True)

    with pytest.raises(Rejected) as refused:
        require_ship(make_verdict("reject", *checks))

    assert refused.value.where == ("beats popularity: too low",)
