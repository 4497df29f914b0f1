"""The card of an artifact: what a person should know before relying on it."""

import json
from typing import Any

from pipelines.models.examples import PreparedData
from pipelines.models.family import Fitted
from pipelines.storage import micros_to_rfc3339


def card(fitted: Fitted, data: PreparedData, params: dict[str, Any], fit_until: int) -> str:
    """Markdown; equal fits give equal text."""
    prepared = data.prepared
    tasks = "\n".join(
        f"- `{task.name}` ({task.kind}), weight {weight:g} in the score"
        for task, weight in zip(prepared.tasks, fitted.task_weights, strict=True)
    )
    numbers = json.dumps(params[fitted.family], sort_keys=True)
    return f"""# {fitted.family} on {prepared.dataset}

{fitted.notes}

- data version: `{prepared.data_version}`
- learnt from: interactions up to {micros_to_rfc3339(fit_until)}
- catalogue: {len(data.item_ids)} items
- reads: the newest {fitted.max_history} events of a history; profile {_names(data)}
- epochs: {fitted.epochs}
- parameters: `{numbers}`
- calibration: `{json.dumps(fitted.calibration, sort_keys=True)}`

## Tasks

{tasks}

## Use and limits

It orders the items of this catalogue for one request. It holds no person: all that it knows of
somebody comes in with the request. A score has no unit and orders one slate; predictions are
in natural units. What it was measured at is in `reports/`, beside the commit that holds it.
"""


def _names(data: PreparedData) -> str:
    return ", ".join(f"`{field}`" for field in data.prepared.profile_fields) or "none"
