"""A model folder, opened: every file checked against the manifest, then TensorFlow's signatures.

The reader of the same files as pipelines/models/artifact.py, which serving may not import; a
contract test holds the two equal. A loaded model is a program, so nothing is loaded before all
digests agree and no file is left over.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

MANIFEST = "manifest.json"
GOLDEN = "golden.json"
SAVED_MODEL = "saved_model"
SCHEMA = 1
REQUIRED = (
    "schema",
    "family",
    "item_ids",
    "tasks",
    "heads",
    "task_weights",
    "profile_fields",
    "max_history",
    "data_version",
    "fit_until",
    "code_digest",
    "files",
)
SIGNATURES = ("recommend", "rank", "similar")
CHUNK = 1 << 20
THREADS = 1  # of TensorFlow's, within and between operations: requests share the cores

Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]


class ArtifactRefused(Exception):
    """The folder is not the artifact that its manifest, or its release, says it is."""


@dataclass(frozen=True)
class Query:
    """For whom and when: history oldest first, all strictly earlier than `now`."""

    item_ids: Sequence[str]
    events: Sequence[str]
    values: Sequence[float]
    """NaN = none."""
    timestamps: Sequence[int]
    """Microseconds since 1970."""
    profile: Sequence[str]
    """In the manifest's order; "" = unknown."""
    now: int


@dataclass(frozen=True)
class Scored:
    """What a signature answers, one row per query."""

    item_ids: npt.NDArray[np.object_]
    """[b, k] str, "" where nothing is left."""
    scores: Floats
    """[b, k]"""
    predictions: Floats
    """[b, k, n_heads]; [b, k, 0] for `similar`."""


class Artifact:
    """A checked and loaded model. Its methods are calls of the exported signatures."""

    def __init__(self, folder: Path, digest: str | None = None) -> None:
        """Checks and loads.

        Args:
            folder: The artifact folder.
            digest: The model digest that it must have; None = any.

        Raises:
            ArtifactRefused: Something is not as the manifest or `digest` says.
        """
        self.folder = folder
        self.manifest = read_manifest(folder)
        if digest is not None and (found := model_digest(folder)) != digest:
            raise ArtifactRefused(f"the model digest is {found}, the release names {digest}")
        self.item_ids: list[str] = self.manifest["item_ids"]
        self.rows = {item_id: row for row, item_id in enumerate(self.item_ids)}
        self.heads: list[str] = self.manifest["heads"]
        self.repeats: bool = self.manifest.get("repeats", False)
        """Whether items may be chosen again."""
        self._load()

    def _load(self) -> None:
        import tensorflow as tf

        try:
            tf.config.threading.set_intra_op_parallelism_threads(THREADS)
            tf.config.threading.set_inter_op_parallelism_threads(THREADS)
        except RuntimeError:  # TensorFlow is already running in this process: settings are fixed
            pass
        self._tf = tf
        # the object must stay referenced: the signatures do not keep its variables alive
        self._loaded = tf.saved_model.load(str(self.folder / SAVED_MODEL))
        self._signatures = {name: self._loaded.signatures[name] for name in SIGNATURES}
        self._no_weights = tf.zeros([1, 0], tf.float32)
        self._constant = lru_cache(maxsize=1024)(lambda k: tf.constant(k, tf.int32))

    def recommend(self, query: Query, allow: Bools, k: int) -> Scored:
        """The k best of the allowed items.

        Args:
            query: One user's request.
            allow: [n_items], in the manifest's order.
            k: At most the number of items.
        """
        return self._scored(
            "recommend",
            **self._query(query),
            allow=self._tf.constant(allow[None, :]),
            task_weights=self._no_weights,
            k=self._constant(k),
        )

    def rank(self, query: Query, item_ids: Sequence[str]) -> Scored:
        """Scores and predictions of the given items, in the given order."""
        ids = self._texts(item_ids)
        answer = self._call(
            "rank", **self._query(query), task_weights=self._no_weights, item_ids=ids
        )
        given = np.array([list(item_ids)], dtype=object)
        return Scored(given, answer["scores"].numpy(), answer["predictions"].numpy())

    def similar(self, item_ids: Sequence[str], k: int) -> Scored:
        """The k nearest items of each of the known items given."""
        ids = self._tf.constant(list(item_ids), self._tf.string)
        return self._scored("similar", item_ids=ids, k=self._constant(k))

    def _query(self, query: Query) -> dict[str, Any]:
        tf = self._tf
        return {
            "history_item_ids": self._texts(query.item_ids),
            "history_events": self._texts(query.events),
            "history_values": tf.constant([list(query.values)], tf.float32, [1, len(query.values)]),
            "history_timestamps": tf.constant(
                [list(query.timestamps)], tf.int64, [1, len(query.timestamps)]
            ),
            "profile": self._texts(query.profile),
            "now": tf.constant([query.now], tf.int64),
        }

    def _texts(self, texts: Sequence[str]) -> Any:
        return self._tf.constant([list(texts)], self._tf.string, [1, len(texts)])

    def _call(self, signature: str, **tensors: Any) -> Mapping[str, Any]:
        answer: Mapping[str, Any] = self._signatures[signature](**tensors)
        return answer

    def _scored(self, signature: str, **tensors: Any) -> Scored:
        answer = self._call(signature, **tensors)
        ids, scores = answer["item_ids"].numpy(), answer["scores"].numpy()
        texts = np.array([text.decode() for text in ids.ravel()], dtype=object)
        nothing = np.empty((*scores.shape, 0), dtype=np.float32)
        predictions = answer["predictions"].numpy() if "predictions" in answer else nothing
        return Scored(texts.reshape(ids.shape), scores, predictions)


# --- checks before loading


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest, after every file of the folder was compared with it.

    Raises:
        ArtifactRefused: A file is missing, changed or left over, or the manifest is incomplete.
    """
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
    except (OSError, ValueError) as error:
        raise ArtifactRefused(f"{MANIFEST} cannot be read: {type(error).__name__}") from error
    missing = [key for key in REQUIRED if key not in manifest]
    if missing or manifest["schema"] != SCHEMA:
        raise ArtifactRefused(f"{MANIFEST} lacks {missing} or is not of schema {SCHEMA}")
    _check_files(folder, manifest["files"])
    return dict(manifest)


def _check_files(folder: Path, listed: Mapping[str, str]) -> None:
    entries = [path for path in folder.rglob("*") if not path.is_dir() or path.is_symlink()]
    found = {path.relative_to(folder).as_posix() for path in entries} - {MANIFEST}
    if any(path.is_symlink() for path in entries):
        raise ArtifactRefused("a link in the artifact")
    if found != set(listed):
        difference = sorted(found ^ set(listed))
        raise ArtifactRefused(f"files differ from the manifest's: {', '.join(difference[:3])}")
    for name, digest in listed.items():
        if sha256_file(folder / name) != digest:
            raise ArtifactRefused(f"{name} is not the file that the manifest names")


def model_digest(folder: Path) -> str:
    """SHA-256 over the sorted lines `path NUL sha256 LF` of all files below the folder."""
    lines = sorted(
        f"{path.relative_to(folder).as_posix()}\0{sha256_file(path)}\n"
        for path in folder.rglob("*")
        if path.is_file()
    )
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def sha256_file(path: Path) -> str:
    """SHA-256 of a file's content, in hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
