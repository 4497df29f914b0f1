"""Asks everything that the checks need: the artifacts, a fresh process, the champion.

An artifact, the champion's too, is somebody's program: whatever it does, the gate must say so and
go on. That is why asking it catches every exception and keeps it as the reason of a check.
"""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from pipelines import cost
from pipelines.contracts.model import ARTIFACTS, REFIT, WINNER, Champion, Kind, Winner
from pipelines.errors import BadArtifact, BadRecord, TandemError, shorten
from pipelines.gate import replay
from pipelines.gate.case import Opponent, Rival, Subject
from pipelines.gate.probe import probe
from pipelines.home import Home
from pipelines.measures.protocols import Questions, live
from pipelines.measures.scores import Window
from pipelines.models import artifact
from pipelines.state.fetch import fetch_artifact, read_record

REPLAY_SECONDS = 300
CHAMPION_FOLDER = Path("var/champion")


def subject(name: str, folder: Path, window: Window, batch: int, is_scored: bool) -> Subject:
    """An artifact with its answers.

    Args:
        name: `judged` or `refit`.
        folder: Where it is.
        window: The test window.
        batch: Requests per call.
        is_scored: Whether it answers the whole window, and not only the probes.
    """
    asked = Subject(
        name=name,
        folder=folder,
        digest=artifact.model_digest(folder) if folder.is_dir() else "",
        broken=None,
        replayed=None,
        fault=None,
    )
    try:
        manifest = artifact.check_files(folder)
    except (BadArtifact, BadRecord) as error:
        why = f"{error.message}: {', '.join(error.where[:3])}"
        return replace(asked, broken=why, replayed=why, fault=why)
    fresh = _start_replay(folder)  # beside our own questions: starting TensorFlow takes seconds
    asked = replace(asked, manifest=manifest)
    try:
        asked = _answered(asked, window, batch, is_scored)
    except Exception as error:
        asked = replace(asked, fault=_unasked(error))
    return replace(asked, replayed=_replayed(fresh))


def opponent(champion: Champion, kind: Kind, window: Window, batch: int) -> Opponent | None:
    """The champion with its answers; None before the first release."""
    if champion.version is None or champion.commit is None:
        return None
    try:
        served = _rival(_fetch_served(champion), "as served", window, batch)
        if kind == "refresh":
            return Opponent(champion.version, served, served, None)
        judged = _rival(_fetch_judged(champion), "judged in its recipe run", window, batch)
    except TandemError as error:
        return Opponent(champion.version, None, None, f"its artifact: {error.message}")
    except Exception as error:
        return Opponent(champion.version, None, None, _unasked(error))
    return Opponent(champion.version, judged, served, None)


def _unasked(error: Exception) -> str:
    return f"it cannot be asked: {type(error).__name__}: {shorten(str(error))}"


def _answered(asked: Subject, window: Window, batch: int, is_scored: bool) -> Subject:
    model = artifact.open_artifact(asked.folder, verify=False)
    if model.manifest.heads != window.data.prepared.heads:
        raise BadArtifact("its heads are not those of this data", where=[str(asked.folder)])
    questions = Questions(window.data, window.rows, window.k, batch)
    answers = live(model, questions, f"{asked.name} on test") if is_scored else None
    probed = probe(model, window.data, window.k)
    cost.note(
        f"gate.{asked.name}",
        latency_ms=round(probed.latency_ms, 3),
        growth_bytes=probed.growth_bytes,
        artifact_bytes=probed.n_bytes,
    )
    return replace(asked, probe=probed, answers=answers)


def _start_replay(folder: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", replay.__name__, str(folder)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _replayed(fresh: "subprocess.Popen[str]") -> str | None:
    """Why the golden requests fail in a fresh process; None when they do not."""
    try:
        output, log = fresh.communicate(timeout=REPLAY_SECONDS)
    except subprocess.TimeoutExpired:
        fresh.kill()
        fresh.communicate()
        return f"a fresh process did not answer within {REPLAY_SECONDS} s"
    if fresh.returncode == 0:
        return None
    try:
        answer = json.loads(output)
    except ValueError:
        last = shorten((log.strip() or "no word").splitlines()[-1])
        return f"a fresh process ended with {fresh.returncode}: {last}"
    wrong = [str(entry["name"]) for entry in answer.get("wrong", [])]
    what = f"{len(wrong)} golden requests are answered otherwise: {', '.join(wrong[:3])}"
    return what if wrong else str(answer.get("error", {}).get("message", "it cannot be loaded"))


def _rival(folder: Path, role: str, window: Window, batch: int) -> Rival:
    model = artifact.open_artifact(folder)
    questions = Questions(window.data, window.rows, window.k, batch)
    answers = live(model, questions, f"champion, {role}")
    return Rival(role, answers.ranks, model.manifest.fit_until)


def _fetch_served(champion: Champion) -> Path:
    folder = CHAMPION_FOLDER / "served"
    fetch_artifact(Home.find(), str(champion.commit), REFIT, champion.model_digest, folder)
    return folder


def _fetch_judged(champion: Champion) -> Path:
    if champion.recipe is None:
        raise BadRecord("champion.json names no recipe run", where=["champion.json"])
    home, recipe = Home.find(), champion.recipe
    family = read_record(home, recipe.commit, WINNER, Winner).family
    folder = CHAMPION_FOLDER / "judged"
    fetch_artifact(home, recipe.commit, ARTIFACTS / family, recipe.digest, folder)
    return folder
