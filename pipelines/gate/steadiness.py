"""Does one request always get one answer: alone, among others, and twenty times in a row?"""

import numpy as np

from pipelines.measures.asking import Asked, Bools
from pipelines.models.artifact import Slates
from pipelines.models.examples import Floats, Ints, PreparedData

BATCH = 32
REPETITIONS = 20
TOLERANCE = 1e-5


def unsteady(model: Asked, data: PreparedData, rows: Ints, k: int) -> int:
    """How many requests are answered differently alone, in a batch of 32, or when asked again.

    Args:
        model: A loaded artifact.
        data: Prepared tables.
        rows: One request each; the first one is asked twenty times more.
        k: Length of a slate.
    """

    def answers(asked: Ints) -> Slates:
        manifest = model.manifest
        return model.recommend(
            data.queries(asked, manifest.max_history, manifest.profile_fields), None, k
        )

    filled = np.resize(rows, max(BATCH, len(rows)))
    together, again = answers(filled), answers(filled)
    alone = [answers(rows[place : place + 1]) for place in range(len(rows))]
    wrong = {
        place % len(rows)
        for place in range(len(filled))
        if not _is_same(_row(together, place), _row(again, place))
        or not _is_same(_row(together, place), _row(alone[place % len(rows)], 0))
    }
    repeated = (answers(rows[:1]) for _ in range(REPETITIONS))
    if not all(_is_same(_row(alone[0], 0), _row(answer, 0)) for answer in repeated):
        wrong.add(0)
    return len(wrong)


def _row(slates: Slates, place: int) -> Slates:
    return Slates(slates.item_ids[place], slates.scores[place], slates.predictions[place])


def _is_same(one: Slates, other: Slates) -> bool:
    """Whether two slates of one request are equal; items with equal scores may change places."""
    ties = _close(one.scores[1:], one.scores[:-1])
    # the last place may hold any item that ties with the first one that is not shown
    may_change = np.append(ties, True) | np.append(False, ties)
    is_equal = one.item_ids == other.item_ids
    return bool(
        _close(one.scores, other.scores).all()
        and (is_equal | may_change).all()
        and _close(one.predictions, other.predictions)[is_equal].all()
    )


def _close(some: Floats, others: Floats) -> Bools:
    return np.asarray(np.isclose(some, others, TOLERANCE, TOLERANCE, equal_nan=True))
