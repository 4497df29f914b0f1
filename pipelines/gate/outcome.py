"""How a check says what it found."""

import math

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
            "value": _told(value),
            "threshold": _told(threshold),
            "verdict": verdict,
            "reason": reason,
        }
    )


def _told(figure: Figure) -> Figure:
    """A broken model gives broken figures: NaN and infinity are told as words."""
    if not isinstance(figure, float):
        return figure
    return round(figure, DIGITS) if math.isfinite(figure) else str(figure)
