"""An artifact as somebody outside knows it: four kinds of file, five signatures, one manifest.

Nothing here uses the code that writes or checks artifacts: whoever means harm would not either.
"""

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.models.engine import tf

MANIFEST, GOLDEN, CARD, SAVED_MODEL = "manifest.json", "golden.json", "card.md", "saved_model"
LISTED = 20
"""Items of an answer that golden.json lists; of a longer one the first half and the last."""
CONTEXT = (
    "history_item_ids",
    "history_events",
    "history_values",
    "history_timestamps",
    "profile",
    "now",
)
"""The arguments that say whom and when we recommend for."""

Tensor = Any


@dataclass(frozen=True)
class Original:
    """An honest artifact, to be taken apart."""

    folder: Path

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """What it says of itself."""
        return dict(json.loads((self.folder / MANIFEST).read_text()))

    @cached_property
    def golden(self) -> list[dict[str, Any]]:
        """Its golden requests with the honest answers."""
        return list(json.loads((self.folder / GOLDEN).read_text())["requests"])

    @cached_property
    def loaded(self) -> Any:
        """Its program."""
        return tf.saved_model.load(str(self.folder / SAVED_MODEL))

    @property
    def item_ids(self) -> list[str]:
        """Its catalogue."""
        return list(self.manifest["item_ids"])


def forge(
    original: Original,
    folder: Path,
    module: Any,
    signatures: Mapping[str, Any],
    *,
    golden: bool = True,
    lies: Mapping[str, Any] | None = None,
) -> None:
    """Writes another program under the honest one's name.

    Args:
        original: Whose manifest and card are taken over.
        folder: A folder that does not exist yet.
        module: The program.
        signatures: Its signatures by name.
        golden: Whether golden.json is answered anew by the program itself, and so true of it.
        lies: Fields of the manifest to claim otherwise.
    """
    folder.mkdir(parents=True)
    tf.saved_model.save(module, str(folder / SAVED_MODEL), signatures=dict(signatures))
    shutil.copy(original.folder / CARD, folder / CARD)
    requests = original.golden
    if golden:
        requests = answered(folder, requests, original.manifest)
    (folder / GOLDEN).write_text(json.dumps({"schema": 2, "requests": requests}))
    seal(folder, {**original.manifest, **(lies or {})})


def seal(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Writes a manifest that holds true digests of whatever lies in the folder."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST)
    for empty in [path for path in folder.rglob("*") if path.is_dir() and not any(path.iterdir())]:
        empty.rmdir()
    files = {path.relative_to(folder).as_posix(): _sha256(path) for path in paths}
    (folder / MANIFEST).write_text(json.dumps({**manifest, "files": files}))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def copied(original: Original, folder: Path, **lies: Any) -> Path:
    """The honest artifact again, with a manifest that claims something else."""
    shutil.copytree(original.folder, folder)
    seal(folder, {**original.manifest, **lies})
    return folder


def answered(
    folder: Path, requests: list[dict[str, Any]], manifest: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """The requests with what the program in `folder` answers.

    Those that it answers with NaN or not at all are left out: JSON could not hold them.
    """
    recommend = tf.saved_model.load(str(folder / SAVED_MODEL)).signatures["recommend"]
    told = []
    for request in requests:
        answer = recommend(**_arguments(request, manifest))
        expected = _expected({name: part.numpy()[0] for name, part in answer.items()})
        if np.isfinite(expected["scores"]).all() and np.isfinite(expected["predictions"]).all():
            told.append({**request, "expected": expected})
    return told


def _arguments(request: Mapping[str, Any], manifest: Mapping[str, Any]) -> dict[str, Tensor]:
    history, n_items = request["history"], len(manifest["item_ids"])
    length = len(history)
    is_allowed = request["allow"] == "all"

    def column(name: str, dtype: Any) -> Tensor:
        values = [np.nan if event[name] is None else event[name] for event in history]
        return tf.constant(values, dtype, shape=[1, length])

    profile = [request["profile"].get(field, "") for field in manifest["profile_fields"]]
    return {
        "history_item_ids": column("item_id", tf.string),
        "history_events": column("event", tf.string),
        "history_values": column("value", tf.float32),
        "history_timestamps": column("timestamp", tf.int64),
        "profile": tf.constant(profile, tf.string, shape=[1, len(profile)]),
        "now": tf.constant([request["now"]], tf.int64),
        "allow": tf.fill([1, n_items], is_allowed),
        "task_weights": tf.zeros([1, 0]),
        "k": tf.constant(request["k"], tf.int32),
    }


def _expected(answer: Mapping[str, Any]) -> dict[str, Any]:
    """The items of a slate; of a long one its two ends."""
    filled = np.flatnonzero(answer["item_ids"] != b"")
    head = LISTED // 2
    shown = filled if len(filled) <= LISTED else np.r_[filled[:head], filled[-head:]]
    return {
        "n_items": len(filled),
        "item_ids": [name.decode() for name in answer["item_ids"][shown]],
        "scores": answer["scores"][shown].astype(float).tolist(),
        "predictions": answer["predictions"][shown].astype(float).tolist(),
    }
