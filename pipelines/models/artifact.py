"""A model as a folder of files: written once, verified before it is loaded, asked by arrays."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt
from pydantic import Field

from pipelines.contracts.record import Record
from pipelines.descriptors import Task
from pipelines.errors import BadArtifact, DataChanged, NonFinite
from pipelines.models.card import card
from pipelines.models.examples import Floats, PreparedData, Queries, Texts
from pipelines.models.family import Fitted, code_digest, parts, sections
from pipelines.models.golden import Golden, answered, make_requests, to_allow, to_queries
from pipelines.params import Params
from pipelines.storage import (
    read_record,
    replace_folder,
    sha256_file,
    staging_folder,
    tree_digest,
    write_atomic,
    write_record,
)

MANIFEST = "manifest.json"
GOLDEN = "golden.json"
CARD = "card.md"
SAVED_MODEL = "saved_model"
FINGERPRINT = "fingerprint.pb"


class Manifest(Record):
    """`manifest.json`: what the artifact is and which files belong to it."""

    schema_: Literal[1] = Field(1, alias="schema")
    family: str
    item_ids: list[str]
    tasks: list[Task]
    heads: list[str]
    """The binary and regression tasks: the order of `predictions`."""
    task_weights: list[float]
    """The default weight of each task in the score."""
    profile_fields: list[str]
    max_history: int
    repeats: bool = False
    """Items may be chosen again: serving leaves out what was seen only when a request says so."""
    params: dict[str, Any]
    data_version: str
    fit_until: int
    """The last instant that the model learnt from, microseconds."""
    code_digest: str
    files: dict[str, str]
    """SHA-256 by path, of every file but this one."""


@dataclass(frozen=True)
class Slates:
    """Answers to a batch of queries, best first; "", -inf and NaN where fewer were allowed."""

    item_ids: Texts
    """[batch, k]"""
    scores: Floats
    """[batch, k]"""
    predictions: Floats
    """[batch, k, heads]"""


class Ranked:
    """Scores and predictions of given items; -inf and NaN where not in the catalogue."""

    def __init__(self, answer: Mapping[str, Any]) -> None:
        self.scores: Floats = answer["scores"].numpy()
        self.predictions: Floats = answer["predictions"].numpy()


@dataclass(frozen=True)
class Contributions:
    """What each part adds to a score: [batch, …]; all of them with `base` are the score."""

    history: Floats
    profile: Floats
    features: Floats
    base: Floats


class Artifact:
    """A loaded model, asked through the very signatures that are served."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        from pipelines.models.engine import tf

        self.folder = folder
        self.manifest = manifest
        self._tf = tf
        self._loaded = tf.saved_model.load(str(folder / SAVED_MODEL))

    def recommend(
        self,
        queries: Queries,
        allow: npt.NDArray[np.bool_] | None,
        k: int,
        task_weights: Floats | None = None,
    ) -> Slates:
        """The best k items of each row.

        Args:
            queries: [batch] queries.
            allow: [batch, items] in manifest order; None = all.
            k: Length of a slate.
            task_weights: [batch, tasks]; None = the manifest's.
        """
        batch = len(queries.now)
        everything = np.zeros((batch, 0), dtype=bool)
        answer = self._signature("recommend")(
            **self._query(queries),
            allow=self._tf.constant(everything if allow is None else allow),
            task_weights=self._weights(task_weights, batch),
            k=self._tf.constant(k, self._tf.int32),
        )
        return Slates(
            _texts(answer["item_ids"]), answer["scores"].numpy(), answer["predictions"].numpy()
        )

    def rank(self, queries: Queries, item_ids: Texts, task_weights: Floats | None = None) -> Ranked:
        """Scores and predictions of `item_ids`, [batch, m]."""
        answer = self._signature("rank")(
            **self._query(queries),
            task_weights=self._weights(task_weights, len(queries.now)),
            item_ids=self._strings(item_ids),
        )
        return Ranked(answer)

    def similar(self, item_ids: Texts, k: int) -> tuple[Texts, Floats]:
        """For each of `item_ids`, [batch], the k nearest others and their cosines."""
        answer = self._signature("similar")(
            item_ids=self._strings(item_ids), k=self._tf.constant(k, self._tf.int32)
        )
        return _texts(answer["item_ids"]), answer["scores"].numpy()

    def item_vectors(self) -> Floats:
        """[items, dim] in manifest order."""
        return cast("Floats", self._signature("item_vectors")()["item_vectors"].numpy())

    def explain(self, queries: Queries, item_ids: Texts) -> Contributions:
        """What adds up to the score of one item a row, `item_ids` [batch]."""
        answer = self._signature("explain")(
            **self._query(queries), item_ids=self._strings(item_ids)
        )
        return Contributions(**{name: part.numpy() for name, part in answer.items()})

    def _signature(self, name: str) -> Callable[..., Mapping[str, Any]]:
        return cast("Callable[..., Mapping[str, Any]]", self._loaded.signatures[name])

    def _query(self, queries: Queries) -> dict[str, Any]:
        histories = queries.histories
        return {
            "history_item_ids": self._strings(histories.item_ids),
            "history_events": self._strings(histories.events),
            "history_values": self._tf.constant(histories.values, self._tf.float32),
            "history_timestamps": self._tf.constant(histories.timestamps, self._tf.int64),
            "profile": self._strings(queries.profile),
            "now": self._tf.constant(queries.now, self._tf.int64),
        }

    def _strings(self, texts: Texts) -> Any:
        return self._tf.constant(texts, self._tf.string, shape=texts.shape)

    def _weights(self, task_weights: Floats | None, batch: int) -> Any:
        given = np.zeros((batch, 0)) if task_weights is None else task_weights
        return self._tf.constant(given, self._tf.float32)


def write(
    folder: Path, fitted: Fitted, data: PreparedData, params: Params, fit_until: int
) -> Manifest:
    """Writes the artifact in one piece; what stood there before is replaced or left alone.

    Args:
        folder: For instance `artifacts/cf`.
        fitted: The model.
        data: What it was fitted on.
        params: All parameters.
        fit_until: The last instant that it learnt from, microseconds.

    Raises:
        NonFinite: A weight or an answer is NaN or infinite.
    """
    _require_finite_weights(fitted)
    staging = staging_folder(folder)
    _save(fitted, staging / SAVED_MODEL)
    manifest = _manifest(fitted, data, params, fit_until)
    golden = _golden(Artifact(staging, manifest), data, fit_until)
    write_record(staging / GOLDEN, golden)
    text = card(fitted, data, params.model_dump(by_alias=True), fit_until)
    write_atomic(staging / CARD, text.encode())
    complete = manifest.model_copy(update={"files": _digests(staging)})
    write_record(staging / MANIFEST, complete)
    replace_folder(staging, folder)
    return complete


def open_artifact(folder: Path, verify: bool = True) -> Artifact:
    """Loads an artifact, its digests checked first.

    Raises:
        BadArtifact: The folder is incomplete, holds a foreign file, or a digest differs.
    """
    manifest = check_files(folder) if verify else read_record(folder / MANIFEST, Manifest)
    return Artifact(folder, manifest)


def check_files(folder: Path) -> Manifest:
    """The manifest, if the folder holds exactly its files with exactly their content.

    Raises:
        BadArtifact: It does not.
    """
    if not (folder / MANIFEST).is_file():
        hint = "name the folder that holds manifest.json, such as artifacts/refit"
        raise BadArtifact("not an artifact", where=[str(folder)], hint=hint)
    manifest = read_record(folder / MANIFEST, Manifest)
    actual = _digests(folder)
    names = sorted(actual.keys() | manifest.files.keys())
    wrong = [name for name in names if actual.get(name) != manifest.files.get(name)]
    if wrong:
        raise BadArtifact(
            f"{len(wrong)} files are not those of the manifest",
            where=[str(folder / name) for name in wrong],
            hint="never edit an artifact: run `dvc checkout`, or fit it again",
        )
    return manifest


def model_digest(folder: Path) -> str:
    """One SHA-256 for the whole artifact."""
    return tree_digest(folder)


def require_digest(folder: Path, wanted: str) -> None:
    """Nothing, if the artifact is the one that was trained.

    Raises:
        DataChanged: It is another.
    """
    if model_digest(folder) != wanted:
        raise DataChanged(
            f"the artifact of {folder.name} is not the one that was trained",
            where=[str(folder)],
            hint="run `dvc repro`, or `dvc checkout`",
        )


def read_golden(folder: Path) -> Golden:
    """The artifact's golden requests."""
    return read_record(folder / GOLDEN, Golden)


def _digests(folder: Path) -> dict[str, str]:
    digests = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink() or not (path.is_dir() or path.is_file()):
            digests[name] = "neither a file nor a folder"
        elif path.is_file() and name != MANIFEST:
            digests[name] = sha256_file(path)
    return digests


def _manifest(fitted: Fitted, data: PreparedData, params: Params, fit_until: int) -> Manifest:
    prepared = data.prepared
    return Manifest(
        schema=1,
        family=fitted.family,
        item_ids=data.item_ids,
        tasks=prepared.tasks,
        heads=prepared.heads,
        task_weights=fitted.task_weights,
        profile_fields=list(prepared.profile_fields),
        max_history=fitted.max_history,
        repeats=prepared.repeats,
        params=sections(fitted.family, params),
        data_version=prepared.data_version,
        fit_until=fit_until,
        code_digest=code_digest(fitted.family, parts(fitted.family, params)),
        files={},
    )


def _save(fitted: Fitted, folder: Path) -> None:
    from pipelines.models.engine import tf

    tf.saved_model.save(fitted.module, str(folder), signatures=fitted.module.signatures())
    (folder / FINGERPRINT).unlink()  # a random number: no two equal fits would have equal digests
    (folder / "assets").rmdir()  # always empty here, and data versioning keeps no empty folders


def _golden(artifact: Artifact, data: PreparedData, now: int) -> Golden:
    requests = make_requests(data, artifact.manifest.max_history, now)
    queries = to_queries(requests, artifact.manifest.profile_fields)
    allow = to_allow(requests, len(data.item_ids))
    slates = artifact.recommend(queries, allow, max(request.k for request in requests))
    is_asked = allow.any(axis=1)
    if not all(np.isfinite(part[is_asked]).all() for part in (slates.scores, slates.predictions)):
        raise NonFinite(f"{artifact.manifest.family} answers with NaN or infinity")
    return Golden(requests=[answered(request, slates, row) for row, request in enumerate(requests)])


def _require_finite_weights(fitted: Fitted) -> None:
    wrong = [
        variable.name
        for variable in fitted.module.variables
        if variable.dtype.is_floating and not np.isfinite(variable.numpy()).all()
    ]
    if wrong:
        raise NonFinite(f"{fitted.family} has NaN or infinity in its weights", where=wrong)


def _texts(tensor: Any) -> Texts:
    raw = tensor.numpy()
    decoded = [value.decode() for value in raw.ravel()]
    return np.array(decoded, dtype=object).reshape(raw.shape)
