"""Great Expectations' objects, built from expectations.py, and their results as findings.

The only module that imports Great Expectations. Importing it takes seconds; running it does not.
"""

import os
import re
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from pipelines.contracts.data import Check, Outcome
from pipelines.validate.rules import (
    Absent,
    Expected,
    Finding,
    Length,
    Like,
    NoneOf,
    OneOf,
    Present,
    Rule,
    Unlike,
    Within,
)

os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # raised by its own imports, none of them ours to fix
    import great_expectations as gx
    import great_expectations.expectations as gxe

RESULT_FORMAT = {
    "result_format": "COMPLETE",  # the only one with the positions of all unexpected rows
    "return_unexpected_index_query": False,
    "include_unexpected_rows": False,
}
MAX_LINES = 5
MAX_SHOWN = 3
_QUOTED = re.compile(r"""["'].*["']""", re.DOTALL)


class Suites:
    """One context with a suite, a validation definition and a checkpoint for each table."""

    def __init__(self, expected: Mapping[str, Sequence[Expected]]) -> None:
        self._expected = {table: {e.check: e for e in each} for table, each in expected.items()}
        self._context = gx.get_context(mode="ephemeral")
        self._context.variables.progress_bars = {"globally": False}
        self._source = self._context.data_sources.add_pandas("landing")
        self._checkpoints = {table: self._define(table, each) for table, each in expected.items()}

    def run(
        self,
        table: str,
        frame: pd.DataFrame,
        *,
        lines: "pd.Series[int] | None" = None,
        parameters: Mapping[str, float] | None = None,
    ) -> list[Finding]:
        """Judges a frame by its table's suite.

        Args:
            table: The suite.
            frame: Its index must be 0, 1, 2, …: results are positions.
            lines: The source line of each row.
            parameters: Values of the parameters that rules name.

        Returns:
            One finding per expectation; one that raised says so and is never passed.
        """
        result = self._checkpoints[table].run(
            batch_parameters={"dataframe": frame}, expectation_parameters=dict(parameters or {})
        )
        (outcome,) = result.run_results.values()
        entries = {e.expectation_config.meta["check"]: e.to_json_dict() for e in outcome.results}
        return [
            _finding(table, expected, entries[name], lines)
            for name, expected in self._expected[table].items()
        ]

    def _define(self, table: str, expected: Sequence[Expected]) -> Any:
        batch = self._source.add_dataframe_asset(table).add_batch_definition_whole_dataframe("all")
        suite = self._context.suites.add(
            gx.ExpectationSuite(name=table, expectations=[_expectation(e) for e in expected])
        )
        definition = self._context.validation_definitions.add(
            gx.ValidationDefinition(name=table, data=batch, suite=suite)
        )
        return self._context.checkpoints.add(
            gx.Checkpoint(
                name=table, validation_definitions=[definition], result_format=RESULT_FORMAT
            )
        )


def _expectation(expected: Expected) -> Any:
    kind, arguments = _translate(expected.rule)
    return kind(
        column=expected.column,
        mostly=1 - expected.limit,
        severity=expected.severity,
        meta={"check": expected.check, "slug": expected.slug, "level": expected.level},
        **arguments,
    )


def _translate(rule: Rule) -> tuple[Any, dict[str, Any]]:  # noqa: PLR0911 (one per rule)
    match rule:
        case Within(low, high, open_end):
            bounds = {"min_value": _bound(low), "max_value": _bound(high)}
            return gxe.ExpectColumnValuesToBeBetween, {**bounds, "strict_max": open_end}
        case Length(low, high):
            return gxe.ExpectColumnValueLengthsToBeBetween, {"min_value": low, "max_value": high}
        case OneOf(values):
            return gxe.ExpectColumnValuesToBeInSet, {"value_set": list(values)}
        case NoneOf(values):
            return gxe.ExpectColumnValuesToNotBeInSet, {"value_set": list(values)}
        case Like(pattern):
            return gxe.ExpectColumnValuesToMatchRegex, {"regex": pattern}
        case Unlike(pattern):
            return gxe.ExpectColumnValuesToNotMatchRegex, {"regex": pattern}
        case Absent():
            return gxe.ExpectColumnValuesToBeNull, {}
        case Present():
            return gxe.ExpectColumnValuesToNotBeNull, {}


def _bound(value: float | str | None) -> Any:
    return {"$PARAMETER": value} if isinstance(value, str) else value


def _finding(
    table: str, expected: Expected, entry: dict[str, Any], lines: "pd.Series[int] | None"
) -> Finding:
    result = entry["result"] or {}
    raised = _exception(entry["exception_info"])
    outcome: Outcome = "raised" if raised else "passed" if entry["success"] else "failed"
    positions = sorted(result.get("unexpected_index_list") or [])
    check = Check(
        table=table,
        check=expected.check,
        slug=expected.beyond if outcome == "failed" and expected.beyond else expected.slug,
        level=expected.level,
        severity=expected.severity,
        outcome=outcome,
        n_checked=result.get("element_count", 0) - (result.get("missing_count") or 0),
        n_unexpected=len(positions),
        limit=expected.limit if expected.level != "table" else None,
        observed=raised or _observed(expected, result),
        reason=expected.reason,
        hint=expected.hint,
        lines=[] if lines is None else [int(lines.iloc[p]) for p in positions[:MAX_LINES]],
    )
    return Finding(check, positions)


def _exception(info: dict[str, Any]) -> str:
    """What an expectation raised, or nothing: flat if it ran, nested by metric if it could not.

    What stands in quotes is left out: it may be a cell.
    """
    entries = [info] if "raised_exception" in info else list(info.values())
    messages = [
        str(entry.get("exception_message") or "an exception without a message")
        for entry in entries
        if isinstance(entry, dict) and entry.get("raised_exception")
    ]
    return _QUOTED.sub("…", messages[0])[:200] if messages else ""


def _observed(expected: Expected, result: dict[str, Any]) -> str:
    """The first unexpected values, where they say something; cells are masked by examples.py."""
    if expected.column.endswith("_id") or expected.column.startswith("is_"):
        return ""
    seen = dict.fromkeys(map(_show, result.get("partial_unexpected_list") or []))
    shown = ", ".join(list(seen)[:MAX_SHOWN])
    if shown and expected.level == "table" and isinstance(expected.rule, Within):
        return f"{shown}; {_bounds(expected.rule)}"
    return shown


def _bounds(rule: Within) -> str:
    if rule.low is None:
        return f"at most {rule.high}"
    return f"at least {rule.low}" if rule.high is None else f"{rule.low} to {rule.high}"


def _show(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)[:40]
