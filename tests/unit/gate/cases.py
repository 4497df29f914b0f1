"""A case that ships, and what makes it fail: hand-made answers of a test window of 60 users."""

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.contracts.model import Check, Kind, Winner
from pipelines.gate.behaviours import Observation
from pipelines.gate.case import Accepted, Case, Opponent, Rival, Subject
from pipelines.gate.foresight import Chance
from pipelines.gate.judging import judge
from pipelines.gate.load import Load
from pipelines.gate.probe import Probe
from pipelines.measures.protocols import Answers
from pipelines.measures.scores import Window
from pipelines.models.inspection.graph import Graph
from pipelines.params import Params
from tests.unit.small_tables import make_data, make_manifest

ROOT = Path(__file__).parents[3]
ITEMS = [f"{number:02d}" for number in range(20)]
N_USERS, EVENTS_EACH, K = 60, 20, 5
CUT = 1_000


@cache
def make_window() -> Window:
    """60 users with an event before the cut, and 20 one-item pages after it."""
    rows = []
    for user in range(N_USERS):
        rows.append((f"user {user:02d}", user, ITEMS[0], 5.0))
        for event in range(EVENTS_EACH):
            value = 5.0 if event % 2 else 2.0
            rows.append((f"user {user:02d}", CUT + event, ITEMS[event], value))
    data = make_data(rows, ITEMS, validation_cut=CUT - 10, test_cut=CUT)
    return Window(data, data.window("test"), K, samples=200, seed=1)


def ranks_with(window: Window, hits: float) -> np.ndarray:
    """Ranks in which the given share of each user's events is at the top and the rest missed."""
    place = np.arange(len(window.rows)) % EVENTS_EACH
    return (place < round(hits * EVENTS_EACH)).astype(np.int64)


def make_answers(window: Window, hits: float) -> Answers:
    """Answers with good predictions of both tasks; of four labels one is told wrong."""
    values = window.data.values[window.rows]
    is_right = np.arange(len(values)) % 8 > 1
    likes = np.where((values >= 4) == is_right, 0.75, 0.25)
    page_rows = window.data.pages(window.rows).start
    slates = np.arange(len(page_rows))[:, None] + np.arange(K)[None, :]
    return Answers(
        rows=window.rows,
        ranks=ranks_with(window, hits),
        predictions=np.stack([likes, values], axis=1).astype(np.float32),
        page_rows=page_rows,
        slates=slates % len(ITEMS),
        forbidden=0,
    )


def make_probe(**changes: Any) -> Probe:
    """A healthy model's answers to the probes."""
    items = np.array(ITEMS, dtype=object)
    slates = np.stack([np.roll(items, -user)[:K] for user in range(N_USERS)])
    scores = np.linspace(0, 1, len(ITEMS), dtype=np.float32)
    probe = Probe(
        scores=np.tile(scores, (4, 1)),
        predictions=np.full((4, len(ITEMS), 2), 0.5, dtype=np.float32),
        slates=slates,
        masked=slates,
        forbidden=0,
        unsteady=0,
        appeal=np.tile(scores, (5, 1)),
        clock=np.tile(scores, (4, 1)),
        moments=make_window().rows[[0, 45, 90, 135]],
        chance=Chance(gain=0.01, best=0.03),
        unread=0.0,
    )
    return replace(probe, **changes)


def make_load(**changes: Any) -> Load:
    """What a fast model costs."""
    return replace(Load(latency_ms=1.0, slowdown=1.0, growth_bytes=0.0), **changes)


def make_subject(
    window: Window, name: str, hits: float | None, family: str, **changes: Any
) -> Subject:
    """An artifact that is fine."""
    newest = window.data.prepared.newest_event
    manifest = make_manifest(ITEMS, family).model_copy(
        update={"fit_until": CUT - 11 if name == "judged" else newest}
    )
    subject = Subject(
        name=name,
        folder=Path("artifacts"),
        digest="a" * 64,
        n_bytes=1_000,
        manifest=manifest,
        graph=Graph(unsafe=[], contained=[], foreign_files=[], signatures={}),
        probe=make_probe(),
        load=make_load(),
        answers=None if hits is None else make_answers(window, hits),
        observations=[Observation("same_slate", True, 0.0, 0.0, "slates that change")],
    )
    return replace(subject, **changes)


def make_case(
    family: str = "multitask",
    hits: float = 0.3,
    baseline: float = 0.2,
    kind: Kind = "recipe",
    opponent: Opponent | None = None,
    **changes: Any,
) -> Case:
    """A winner that finds `hits` of the items, against baselines that find `baseline`."""
    window = make_window()
    winner = Winner(
        schema=1,
        kind=kind,
        family=family,
        params={},
        epochs=1,
        calibration={},
        code_digest="0" * 64,
        artifact_digest="a" * 64,
        fit_until=CUT - 11,
        prepared_digest="p" * 64,
        chosen_by="hand",
        scores={},
    )
    case = Case(
        kind=kind,
        params=Params.load(ROOT / "params.yaml").gate,
        data=window.data,
        window=window,
        prepared_digest="p" * 64,
        judged=make_subject(window, "judged", hits, family),
        refit=make_subject(window, "refit", None, family),
        winner=winner,
        ranks={
            "popularity": ranks_with(window, 0.1),
            "cf": ranks_with(window, baseline),
            family: ranks_with(window, hits),
        },
        opponent=opponent,
        accepted=Accepted(["data/2001-01-01"], 0, len(window.data.interactions)),
        estimates={},
    )
    return replace(case, **changes)


def make_opponent(hits: float, fault: str | None = None) -> Opponent:
    """A champion that finds `hits` of the items."""
    answers = make_answers(make_window(), hits)
    rival = Rival("as served", answers, ["like", "rating"], CUT - 500)
    return Opponent("recommender@v1.0.0", rival, rival, fault)


def judged_with(case: Case, **changes: Any) -> Case:
    """The case with another judged artifact."""
    return replace(case, judged=replace(case.judged, **changes))


def refit_with(case: Case, **changes: Any) -> Case:
    """The case with another refitted artifact."""
    assert case.refit is not None
    return replace(case, refit=replace(case.refit, **changes))


def failed(case: Case) -> list[str]:
    """Names of the checks that fail, in order."""
    return [check.name for check in judge(case).checks if check.verdict == "fail"]


def check_of(case: Case, name: str) -> Check:
    """The check of that name."""
    return next(check for check in judge(case).checks if check.name == name)


def stopped(subject: Subject, check: str) -> Subject:
    """The artifact that a check stopped, so that it answered nothing."""
    halted = subject.stopped_by(check, "because")
    return replace(halted, probe=None, load=None, answers=None, observations=())
