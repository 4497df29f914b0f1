"""Asks everything that the checks need: the artifacts, a fresh process, the champion.

An artifact, the champion's too, is somebody's program: whatever it does, the gate must say so and
go on. So its files are compared with its manifest and its graph is read as data before anything of
it runs; then a fresh process runs it, which may hang or die; and only then this process asks it,
which catches every exception and keeps it as the reason of a check.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pipelines import cost
from pipelines.errors import BadArtifact, BadRecord, shorten
from pipelines.gate import behaviours, load, replay
from pipelines.gate.case import Subject
from pipelines.gate.probe import probe
from pipelines.measures.protocols import Questions, live
from pipelines.measures.scores import Window
from pipelines.models import artifact
from pipelines.models.artifact import Artifact
from pipelines.models.inspection import contract, graph
from pipelines.params import GateParams

REPLAY_SECONDS = 300


@dataclass(frozen=True)
class Asking:
    """What artifacts are asked about, and beside what."""

    window: Window
    batch: int
    """Requests per call."""
    params: GateParams
    cases: Sequence[behaviours.BehaviourCase]
    timed_beside: Callable[[str, Path], Artifact | None]
    """Another model of a family than the one in a folder, to compare its speed with."""


def inspected(name: str, folder: Path) -> Subject:
    """An artifact of which nothing has run yet: files compared, graph read.

    Args:
        name: `judged` or `refit`.
        folder: Where it is.
    """
    digest = artifact.model_digest(folder) if folder.is_dir() else ""
    n_bytes = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    found = Subject(name, folder, digest, n_bytes)
    try:
        manifest = artifact.check_files(folder)
    except (BadArtifact, BadRecord) as error:
        return found.stopped_by("digest", f"{error.message}: {', '.join(error.where[:3])}")
    found = replace(found, manifest=manifest)
    try:
        holds = graph.inspect(folder)
    except BadArtifact as error:
        return found.stopped_by("ops_allowed", error.message)
    found = replace(found, graph=holds)
    if holds.unsafe or holds.foreign_files:
        wrong = ", ".join([*holds.unsafe, *holds.foreign_files][:5])
        return found.stopped_by("ops_allowed", f"no model needs {wrong}: nothing of it was run")
    problems = contract.problems(holds.signatures, manifest)
    if problems:
        return found.stopped_by("signature", "; ".join(problems[:3]))
    return found


def asked(found: Sequence[Subject], asking: Asking) -> list[Subject]:
    """The artifacts with their answers; the judged one answers the whole window, too."""
    runs = [None if s.stopped else _start_replay(s.folder) for s in found]  # all at once
    tried = [s if run is None else _replayed(s, run) for s, run in zip(found, runs, strict=True)]
    return [s if s.stopped else _asked(s, asking) for s in tried]


def _asked(subject: Subject, asking: Asking) -> Subject:
    try:
        return _answered(subject, asking)
    except Exception as error:
        return subject.stopped_by("signature", unasked(error))


def unasked(error: Exception) -> str:
    """Why a model gave no answer, in words."""
    return f"it cannot be asked: {type(error).__name__}: {shorten(str(error))}"


def _answered(subject: Subject, asking: Asking) -> Subject:
    window, k = asking.window, asking.window.k
    model = artifact.open_artifact(subject.folder, verify=False)
    if model.manifest.heads != window.data.prepared.heads:
        raise BadArtifact("its heads are not those of this data", where=[str(subject.folder)])
    questions = Questions(window.data, window.rows, k, asking.batch)
    is_scored = subject.name == "judged"
    answers = live(model, questions, f"{subject.name} on test") if is_scored else None
    limits = load.Load(
        asking.params.max_latency_ms,
        asking.params.max_slowdown,
        asking.params.max_memory_growth_mb * 1e6,
    )
    other = asking.timed_beside(model.manifest.family, subject.folder)
    costs = load.measure(model, other, window.data, k, limits)
    cost.note(
        f"gate.{subject.name}",
        latency_ms=round(costs.latency_ms, 3),
        slowdown=round(costs.slowdown or 0.0, 3),
        growth_bytes=round(costs.growth_bytes),
    )
    return replace(
        subject,
        probe=probe(model, window, asking.batch),
        load=costs,
        answers=answers,
        observations=behaviours.observe(model, window.data, asking.cases, k),
    )


def _start_replay(folder: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", replay.__name__, str(folder)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _replayed(subject: Subject, fresh: "subprocess.Popen[str]") -> Subject:
    """What a fresh process said; one that hangs or dies shows what this one is spared."""
    try:
        output, log = fresh.communicate(timeout=REPLAY_SECONDS)
    except subprocess.TimeoutExpired:
        fresh.kill()
        fresh.communicate()
        return subject.stopped_by("golden", f"no answer of a fresh process in {REPLAY_SECONDS} s")
    if fresh.returncode == 0:
        return subject
    try:
        answer = json.loads(output)
    except ValueError:
        last = shorten((log.strip() or "no word").splitlines()[-1])
        ending = f"a fresh process ended with {fresh.returncode}: {last}"
        return subject.stopped_by("golden", ending)
    wrong = [str(entry["name"]) for entry in answer.get("wrong", [])]
    if not wrong:
        said = str(answer.get("error", {}).get("message", "it cannot be loaded"))
        return subject.stopped_by("golden", said)
    what = f"{len(wrong)} golden requests are answered otherwise: {', '.join(wrong[:3])}"
    return subject.refused_by("golden", what)
