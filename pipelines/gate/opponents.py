"""Fetches the champion's models and asks them; and says beside which model one is timed."""

from collections.abc import Sequence
from pathlib import Path

from pipelines.contracts.model import (
    ARTIFACTS,
    CHAMPION_FILE,
    GATE,
    REFIT,
    WINNER,
    Champion,
    Kind,
    PairedGains,
    Verdict,
    Winner,
)
from pipelines.errors import BadArtifact, BadRecord, TandemError
from pipelines.gate.case import Opponent, Rival
from pipelines.gate.gathering import inspected, unasked
from pipelines.home import Home
from pipelines.measures.protocols import Questions, live
from pipelines.measures.scores import Window
from pipelines.models import artifact
from pipelines.models.artifact import Artifact
from pipelines.state.fetch import fetch_artifact, read_record

CHAMPION_FOLDER = Path("var/champion")
SERVED = CHAMPION_FOLDER / "served"
JUDGED = CHAMPION_FOLDER / "judged"


def opponent(
    champion: Champion, kind: Kind, window: Window, batch: int, n_refreshes: int
) -> Opponent | None:
    """The champion with its answers; None before the first release.

    Args:
        champion: What champion.json names.
        kind: Of the run.
        window: The test window.
        batch: Requests per call.
        n_refreshes: How many refreshes are pooled, this one included.
    """
    if champion.version is None or champion.commit is None:
        return None
    try:
        served = _rival(_fetch_served(champion), "as served", window, batch)
        if kind == "refresh":
            former = former_gains(champion, n_refreshes - 1)
            return Opponent(champion.version, served, served, None, former)
        judged = _rival(_fetch_judged(champion), "judged in its recipe run", window, batch)
    except TandemError as error:
        return Opponent(champion.version, None, None, f"its artifact: {error.message}")
    except Exception as error:
        return Opponent(champion.version, None, None, unasked(error))
    return Opponent(champion.version, judged, served, None)


def former_gains(champion: Champion, at_most: int) -> Sequence[PairedGains]:
    """What the champion and those before it gained over theirs, the newest refresh first.

    The chain of champions is followed back to the recipe run that they all come from.
    """
    home, commit = Home.find(), champion.commit
    found: list[PairedGains] = []
    while commit is not None and len(found) < at_most:
        verdict = read_record(home, commit, GATE, Verdict)
        if verdict.kind == "recipe":
            break
        found += [] if verdict.gains is None else [verdict.gains]
        commit = read_record(home, commit, CHAMPION_FILE, Champion).commit
    return found


def timed_beside(family: str, judged: Path) -> Artifact | None:
    """The model beside which one of that family is timed: another one of the family.

    The champion if it is of that family; else what this clone trained, unless that is judged.
    """
    own = artifact.model_digest(judged)
    for folder in (JUDGED, SERVED, ARTIFACTS / family):
        found = inspected("other", folder)
        if found.refused or found.manifest is None or found.manifest.family != family:
            continue
        if found.digest != own:
            return artifact.open_artifact(folder)
    return None


def _rival(folder: Path, role: str, window: Window, batch: int) -> Rival:
    found = inspected(role, folder)
    if found.refused:
        raise BadArtifact(next(iter(found.refused.values())), where=[str(folder)])
    model = artifact.open_artifact(folder)
    questions = Questions(window.data, window.rows, window.k, batch)
    answers = live(model, questions, f"champion, {role}")
    return Rival(role, answers, model.manifest.heads, model.manifest.fit_until)


def _fetch_served(champion: Champion) -> Path:
    fetch_artifact(Home.find(), str(champion.commit), REFIT, champion.model_digest, SERVED)
    return SERVED


def _fetch_judged(champion: Champion) -> Path:
    if champion.recipe is None:
        raise BadRecord("champion.json names no recipe run", where=[str(CHAMPION_FILE)])
    home, recipe = Home.find(), champion.recipe
    family = read_record(home, recipe.commit, WINNER, Winner).family
    fetch_artifact(home, recipe.commit, ARTIFACTS / family, recipe.digest, JUDGED)
    return JUDGED
