"""Sequence rules: which items came soon after those of the history, the soonest counting most.

"SR" of Ludewig and Jannach, "Evaluation of session-based recommendation algorithms" (2018), with
two departures: what stands in a page follows what came strictly before it and never its siblings,
and the weight falls by half-lives instead of by 1 / steps.
"""

from collections.abc import Iterator

import numpy as np
from scipy import sparse

from pipelines.descriptors import RetrievalTask
from pipelines.models.closed_form import fitted
from pipelines.models.examples import PreparedData
from pipelines.models.family import Calibration, Fitted
from pipelines.models.neighbourhood import (
    NeighbourhoodScorer,
    blocks_of,
    chosen_by,
    learn,
    nearest_of,
)
from pipelines.models.statistics import known_rows, positive_rows
from pipelines.models.tasks import is_positive
from pipelines.params import Params
from pipelines.sections import SequenceParams


def fit(
    data: PreparedData,
    params: Params,
    *,
    until: int,
    epochs: int | None,  # noqa: ARG001  one call for all families; this one has no epochs
    calibration: Calibration | None,  # noqa: ARG001  means of labels need none
) -> Fitted:
    """Counts what followed what; predictions are the items' mean labels."""
    own, n_items = params.sequence, len(data.items)
    learnt = learn(
        data,
        own,
        until,
        lambda task: nearest_of(rules(data, task, own, until), n_items, own),
        lambda task: chosen_by(data, positive_rows(data, task, until)),
    )
    scorer = NeighbourhoodScorer(learnt, own.half_life_events)
    notes = (
        "The score is a sum over the history of how often an item came soon after each event; "
        "without a history, recent popularity."
    )
    return fitted("sequence", scorer, data, own.max_history, notes)


def rules(
    data: PreparedData, task: RetrievalTask, params: SequenceParams, until: int
) -> Iterator[sparse.csr_array]:
    """Blocks of [items, items]: how much of an item's choices the other one followed.

        followed / (how often the first was chosen + shrinkage)

    where a choice with a events between counts 2^(-a / `rule_half_life_events`) in `followed`.

    Args:
        data: Prepared tables.
        task: Its positives are what follows and what is followed.
        params: Steps, half-life and shrinkage.
        until: The fit window ends before this instant, microseconds.
    """
    followed = _followed(data, task, params, until)
    sources = data.item_rows[positive_rows(data, task, until)]
    counts = np.bincount(sources, minlength=len(data.items)) + params.shrinkage
    scaled = (sparse.diags_array(1.0 / np.maximum(counts, 1.0)) @ followed).tocsr()
    for block in blocks_of(len(counts)):
        yield scaled[block]


def _followed(
    data: PreparedData, task: RetrievalTask, params: SequenceParams, until: int
) -> sparse.csr_array:
    is_target = np.zeros(len(data.timestamps), dtype=bool)
    is_target[known_rows(data, until)] = True
    is_target &= is_positive(task.positive, data.events, data.values)
    targets, n_items = np.flatnonzero(is_target), len(data.items)
    total = sparse.csr_array((n_items, n_items))
    for step in range(params.max_steps):
        sources = data.page_start[targets] - 1 - step
        inside = sources >= data.user_start[targets]
        rows, followers = sources[inside], targets[inside]
        inside = is_target[rows]
        pairs = data.item_rows[rows[inside]], data.item_rows[followers[inside]]
        if not data.prepared.repeats:
            is_other = pairs[0] != pairs[1]
            pairs = pairs[0][is_other], pairs[1][is_other]
        weight = 2.0 ** (-step / params.rule_half_life_events)
        ones = np.full(len(pairs[0]), weight)
        total = total + sparse.csr_array((ones, pairs), shape=total.shape)
    return total
