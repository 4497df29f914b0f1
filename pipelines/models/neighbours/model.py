"""Item-item nearest neighbours: what was chosen by those who chose what the history holds.

Sarwar, Karypis, Konstan and Riedl, "Item-based collaborative filtering recommendation algorithms"
(2001); shrinkage after Bell and Koren (2007); uneven exponents of the two counts after Aiolli,
"Efficient top-n recommendation for very large scale binary rated datasets" (2013).
"""

from collections.abc import Iterator

import numpy as np
from scipy import sparse

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
from pipelines.models.statistics import positive_rows
from pipelines.params import Params
from pipelines.sections import NeighboursParams


def fit(
    data: PreparedData,
    params: Params,
    *,
    until: int,
    epochs: int | None,  # noqa: ARG001  one call for all families; this one has no epochs
    calibration: Calibration | None,  # noqa: ARG001  means of labels need none
) -> Fitted:
    """Counts who chose both; predictions are the items' mean labels."""
    own, n_items = params.neighbours, len(data.items)
    chosen = {
        task.name: chosen_by(data, positive_rows(data, task, until))
        for task in data.prepared.tasks
        if task.kind == "retrieval"
    }
    learnt = learn(
        data,
        own,
        until,
        lambda task: nearest_of(
            similarities(chosen[task.name], own, data.prepared.repeats), n_items, own
        ),
        lambda task: chosen[task.name],
    )
    scorer = NeighbourhoodScorer(learnt, own.half_life_events)
    notes = (
        "The score is a sum over the history of similarities to the items nearest to each event; "
        "without a history, recent popularity."
    )
    return fitted("neighbours", scorer, data, own.max_history, notes)


def similarities(
    chosen: sparse.csr_array, params: NeighboursParams, repeats: bool
) -> Iterator[sparse.csr_array]:
    """Blocks of [items, items], from an item of the history to those that may follow.

        together / (count of the one^(1 - e) * count of the other^e + shrinkage)

    where somebody who chose n items counts n^-`user_exponent` in `together`.

    Args:
        chosen: [users, items]
        params: Exponents and shrinkage.
        repeats: Whether an item may follow itself.
    """
    counts = np.asarray(chosen.sum(axis=0)).ravel()
    breadth = np.asarray(chosen.sum(axis=1)).ravel()
    weighted = (sparse.diags_array(breadth**-params.user_exponent) @ chosen).tocsr()
    by_item = chosen.tocsc()
    for block in blocks_of(len(counts)):
        together = (by_item[:, block].T @ weighted).tocoo()
        sources, targets = together.row + block.start, together.col
        scale = counts[sources] ** (1 - params.target_exponent)
        scale = scale * counts[targets] ** params.target_exponent + params.shrinkage
        values = together.data / scale * (repeats | (sources != targets))
        yield sparse.csr_array((values, (together.row, together.col)), shape=together.shape)
