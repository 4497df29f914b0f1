"""Writes a small artifact with known answers: `python -m tests.integration.tiny_artifact FOLDER`.

The item after the last one of the history (in manifest order, as a ring) comes first, by far;
after it the catalogue in manifest order. A run of its own, so that tests need no TensorFlow.
"""

import json
import sys
from pathlib import Path

import numpy as np

from pipelines.storage import sha256_file
from tests.integration.tiny_catalogue import HEADS, ITEM_IDS, MAX_HISTORY, PROFILE_FIELDS, TASKS

NEXT_BONUS = 100.0
NOW_US = 900_000_000_000_000


def make_module():
    """The ring behind the served signatures."""
    from pipelines.models.engine import tf
    from pipelines.models.serving import Answer, Recommender, Scorer, Shape, constant

    n_items = len(ITEM_IDS)

    class Ring(Scorer):
        def __init__(self) -> None:
            super().__init__()
            places = np.arange(n_items)
            self.base = constant(-places.astype(np.float32))
            self.predicted = constant(np.stack([places / n_items, 1 + places % 5], axis=1))
            angles = 2 * np.pi * places / n_items
            self.vectors = constant(np.stack([np.cos(angles), np.sin(angles)], axis=1))

        def answer(self, query):
            batch = tf.shape(query.now)[0]
            # a column in front, so that an empty history has a last item too: none
            last = tf.pad(query.items, [[0, 0], [1, 0]], constant_values=-1)[:, -1]
            following = tf.where(last >= 0, (last + 1) % n_items, -1)
            bonus = NEXT_BONUS * tf.one_hot(following, n_items)
            watch = self.base[None] + bonus
            nothing = tf.zeros([batch, len(TASKS) - 1, n_items])
            return Answer(
                tf.concat([watch[:, None], nothing], axis=1),
                tf.tile(self.predicted[None], [batch, 1, 1]),
            )

    weights = [1.0] + [0.0] * (len(TASKS) - 1)
    return Recommender(Ring(), Shape(ITEM_IDS, len(PROFILE_FIELDS), MAX_HISTORY, weights))


def golden_request(name: str, history: list[str], k: int, allow: str = "all") -> dict:
    """A golden request whose answer follows from the ring and from places alone."""
    events = [
        {"item_id": item_id, "event": "rating", "value": 4.0, "timestamp": NOW_US - age}
        for age, item_id in zip(range(len(history), 0, -1), history, strict=True)
    ]
    return {
        "name": name,
        "history": events,
        "profile": {},
        "now": NOW_US,
        "k": k,
        "allow": allow,
        "expected": _expected(history[-1:], k if allow == "all" else 0),
    }


def _expected(newest: list[str], n_items: int) -> dict:
    """The slate after the newest event; of more than 20 items the first ten and the last ten."""
    followed = [(ITEM_IDS.index(item) + 1) % len(ITEM_IDS) for item in newest if item in ITEM_IDS]
    scores = -np.arange(len(ITEM_IDS), dtype=float)
    scores[followed] += NEXT_BONUS
    slate = np.argsort(-scores, kind="stable")[:n_items].tolist()
    places = slate if n_items <= 20 else slate[:10] + slate[-10:]
    return {
        "n_items": n_items,
        "item_ids": [ITEM_IDS[place] for place in places],
        "scores": scores[places].tolist(),
        "predictions": [[place / len(ITEM_IDS), 1.0 + place % 5] for place in places],
    }


def write(folder: Path) -> None:
    """The artifact folder of DESIGN's model contract."""
    from pipelines.models.engine import tf

    folder.mkdir(parents=True)
    module = make_module()
    tf.saved_model.save(module, str(folder / "saved_model"), signatures=module.signatures())
    (folder / "saved_model" / "fingerprint.pb").unlink()
    requests = [
        golden_request("empty history", [], 3),
        golden_request("two events", ITEM_IDS[4:6], 3),
        golden_request("the longest history", ITEM_IDS[:MAX_HISTORY], 10),
        golden_request("longer than the model reads", ITEM_IDS[-5:] + ITEM_IDS[:MAX_HISTORY], 10),
        golden_request("unknown items among known", ["?", ITEM_IDS[4], "no such item"], 10),
        golden_request("only unknown items", ["?", "no such item"], 10),
        golden_request("the whole catalogue", ITEM_IDS[4:6], len(ITEM_IDS)),
        golden_request("all items excluded", ITEM_IDS[4:6], 10, allow="none"),
    ]
    (folder / "golden.json").write_text(json.dumps({"schema": 2, "requests": requests}))
    (folder / "card.md").write_text("# A ring\n")
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    manifest = {
        "schema": 1,
        "family": "popularity",
        "item_ids": ITEM_IDS,
        "tasks": TASKS,
        "heads": HEADS,
        "task_weights": [1.0, 0.0, 0.0],
        "profile_fields": PROFILE_FIELDS,
        "max_history": MAX_HISTORY,
        "params": {},
        "data_version": "data/1998-03-30",
        "fit_until": NOW_US,
        "code_digest": "0" * 64,
        "files": {path.relative_to(folder).as_posix(): sha256_file(path) for path in files},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))


if __name__ == "__main__":
    write(Path(sys.argv[1]))
