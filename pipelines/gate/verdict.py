"""From checks to a verdict; pure.

Any failed check rejects. In a recipe run what the evidence does not decide holds, because "the
interval includes 0" is no proof of anything. In a refresh, which judges the same recipe on new
data, undecided comparisons are shown and the other checks decide.
"""

from collections.abc import Sequence

from pipelines.contracts.model import Check, Decision, Kind


def decide(checks: Sequence[Check], kind: Kind) -> tuple[Decision, str]:
    """The verdict and one sentence about what decided it."""
    failed = [check.name for check in checks if check.verdict == "fail"]
    open_ones = [check.name for check in checks if check.verdict == "undecided"]
    passed = sum(check.verdict == "pass" for check in checks)
    if failed:
        return "reject", f"{_count(failed, 'failed')}: {', '.join(failed)}"
    if open_ones and kind == "recipe":
        return "hold", f"{_count(open_ones, 'undecided')}: {', '.join(open_ones)}"
    rest = f"; undecided, which holds no refresh back: {', '.join(open_ones)}" if open_ones else ""
    return "ship", f"all {passed} checks that decide passed{rest}"


def _count(names: Sequence[str], what: str) -> str:
    return f"{len(names)} check{'s' if len(names) > 1 else ''} {what}"
