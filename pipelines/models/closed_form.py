"""What families without epochs hand over: they score by retrieval alone and need no calibration."""

from pipelines.descriptors import RetrievalTask
from pipelines.models.examples import PreparedData
from pipelines.models.family import Fitted
from pipelines.models.serving import Recommender, Scorer, Shape


def fitted(family: str, scorer: Scorer, data: PreparedData, max_history: int, notes: str) -> Fitted:
    """The scorer behind the signatures.

    Args:
        family: Its name.
        scorer: Fitted.
        data: What it was fitted on.
        max_history: Events that the scorer reads.
        notes: What the card says about how it scores.
    """
    tasks = data.prepared.tasks
    weights = [1.0 if isinstance(task, RetrievalTask) else 0.0 for task in tasks]
    shape = Shape(data.item_ids, len(data.prepared.profile_fields), max_history, weights)
    return Fitted(
        family=family,
        module=Recommender(scorer, shape),
        max_history=max_history,
        task_weights=weights,
        epochs=0,
        calibration={},
        learning_curve=[],
        notes=notes,
    )
