"""How a check says what it found."""

from pipelines.contracts.model import Check

Figure = int | float | str | None
DIGITS = 6


def decided(name: str, ok: bool, value: Figure, threshold: Figure, reason: str) -> Check:
    """A check that passed or failed."""
    return _check(name, "pass" if ok else "fail", value, threshold, reason)


def undecided(name: str, value: Figure, threshold: Figure, reason: str) -> Check:
    """A check that the evidence does not decide."""
    return _check(name, "undecided", value, threshold, reason)


def not_applicable(name: str, reason: str, value: Figure = None) -> Check:
    """A check that has nothing to decide here, and why."""
    return _check(name, "not_applicable", value, None, reason)


def _check(name: str, verdict: str, value: Figure, threshold: Figure, reason: str) -> Check:
    return Check.model_validate(
        {
            "name": name,
            "value": round(value, DIGITS) if isinstance(value, float) else value,
            "threshold": round(threshold, DIGITS) if isinstance(threshold, float) else threshold,
            "verdict": verdict,
            "reason": reason,
        }
    )
