"""A model asked for the order of its retrieval tasks alone: what re-ranking adds to it."""

import numpy as np

from pipelines.descriptors import RetrievalTask
from pipelines.measures.asking import Bools
from pipelines.models.artifact import Artifact, Manifest, Ranked, Slates
from pipelines.models.examples import Floats, Queries, Texts


class RetrievalOrder:
    """The same artifact with the weights of all other tasks at 0, as a request may set them."""

    def __init__(self, model: Artifact) -> None:
        self.manifest = model.manifest
        self._model = model
        self._weights = np.where(_is_retrieval(model.manifest), model.manifest.task_weights, 0.0)

    def recommend(self, queries: Queries, allow: Bools | None, k: int) -> Slates:
        """The best k allowed items of each row."""
        return self._model.recommend(queries, allow, k, self._tiled(queries))

    def rank(self, queries: Queries, item_ids: Texts) -> Ranked:
        """Scores and predictions of given items."""
        return self._model.rank(queries, item_ids, self._tiled(queries))

    def _tiled(self, queries: Queries) -> Floats:
        return np.tile(self._weights, (len(queries.now), 1)).astype(np.float32)


def is_reranked(manifest: Manifest) -> bool:
    """Whether another task than retrieval takes part in the score."""
    others = np.array(manifest.task_weights)[~_is_retrieval(manifest)]
    return bool(others.any())


def _is_retrieval(manifest: Manifest) -> Bools:
    return np.array([isinstance(task, RetrievalTask) for task in manifest.tasks])
