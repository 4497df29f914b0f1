"""The result as people read it: one line per bad model."""

from collections.abc import Mapping, Sequence
from typing import Any


def table(mutants: Sequence[Mapping[str, Any]]) -> str:
    """Markdown: what was judged, what the gate said, by which checks."""
    bad = [mutant for mutant in mutants if mutant["row"]]
    lines = ["| | bad model | how it is made | verdict | by |", "|--:|---|---|---|---|"]
    lines += [_line(mutant) for mutant in sorted(bad, key=lambda mutant: int(mutant["row"]))]
    refused = sum(bool(mutant["as_wanted"]) for mutant in bad)
    return "\n".join([*lines, "", f"{refused}/{len(bad)} refused by the named check."])


def _line(mutant: Mapping[str, Any]) -> str:
    named = ", ".join(f"`{name}`" for name in mutant["named"][:2])
    by = named or "**not by the named check**"
    return f"| {mutant['row']} | {mutant['name']} | {mutant['how']} | {mutant['verdict']} | {by} |"
