"""The result as people read it: a line for each bad model, and the false alarms."""

from collections.abc import Mapping, Sequence
from typing import Any

INTRODUCTION = """# What the gate refuses

Written by `make bench-gate`. Each bad model is made from an honest artifact by a script that knows
the artifact contract alone, and its manifest lies: digests, dates and golden answers are made to
fit. It then goes through `tandem gate`. Several ways to make one kind of bad model share a number.
A model counts as refused when the check that is named for it says no; others may say no, too.
Afterwards `champion.json`, the artifacts and the last verdict are compared with what they were
before.
"""
FALSE_ALARMS = """## False alarms

How often the gate's comparisons (champion, slices, tasks) are wrong about models that are as good
as the champion. *Retrains* are fits of the winner's recipe with other seeds. *Pairs* are half of
the test window's users, and for each user a coin decides which of two retrains speaks for the
challenger: both sides are equally good by construction. *Better* means that it ships, with the
whole 95 % interval of the difference above 0. Bounds are one-sided, 95 % (Clopper and Pearson); the
goal for pairs is {goal:.0%} each.
"""


def page(result: Mapping[str, Any]) -> str:
    """The whole page."""
    parts = [INTRODUCTION, table(result["mutants"]), ""]
    alarms = result.get("false_alarms")
    if alarms:
        parts += [FALSE_ALARMS.format(goal=alarms["goal"]), _alarms(alarms), ""]
    return "\n".join(parts)


def table(mutants: Sequence[Mapping[str, Any]]) -> str:
    """Markdown: what was judged, what the gate said, by which checks."""
    bad = [mutant for mutant in mutants if mutant["row"]]
    lines = ["| | bad model | how it is made | verdict | by |", "|--:|---|---|---|---|"]
    lines += [_line(mutant) for mutant in sorted(bad, key=lambda mutant: int(mutant["row"]))]
    refused = sum(bool(mutant["as_wanted"]) for mutant in bad)
    return "\n".join([*lines, "", f"{refused} of {len(bad)} refused by the named check."])


def _line(mutant: Mapping[str, Any]) -> str:
    named = ", ".join(f"`{name}`" for name in mutant["named"][:2])
    by = named or "**not by the named check**"
    return f"| {mutant['row']} | {mutant['name']} | {mutant['how']} | {mutant['verdict']} | {by} |"


def _alarms(alarms: Mapping[str, Any]) -> str:
    lines = [
        "| trial | run | n | refused | at most | shipped as better | at most | held |",
        "|---|---|--:|--:|--:|--:|--:|--:|",
    ]
    for trial in ("retrains", "pairs"):
        for kind, told in alarms[trial].items():
            bounds = [f"{told[name]:.1%}" for name in ("refused_upper", "better_upper")]
            lines.append(
                f"| {trial} | {kind} | {told['n']} | {told['refused']} | {bounds[0]} "
                f"| {told['better']} | {bounds[1]} | {told['held']} |"
            )
    return "\n".join(lines)
