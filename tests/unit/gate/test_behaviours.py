"""behaviours.yaml: what it may say, and models that do or do not behave so."""

from pathlib import Path

import numpy as np
import pytest

from pipelines.errors import BadParameter
from pipelines.gate.behaviours import FILE, Behaviours, observe
from pipelines.models.artifact import Slates
from tests.unit.small_tables import Answer, make_data, make_manifest

ROOT = Path(__file__).parents[3]
ITEMS = [f"{number:02d}" for number in range(12)]
K, CUT = 3, 1_000
CASES = {case.kind: case for case in Behaviours.load(ROOT / FILE).cases}


class Ring:
    """The item after the last one of a history comes first; neighbours are next to each other.

    Args:
        ignores_mask: It shows blocked items, too.
        ignores_order: It looks at the largest item of a history and not at the last.
        pulls: 1 = an item lifts its neighbours, -1 = it pushes them away.
        wavers: Every second call, all slates change.
        is_shy: It says nothing to a user of whom nothing is known.
    """

    def __init__(
        self, ignores_mask=False, ignores_order=False, pulls=1.0, wavers=False, is_shy=False
    ):
        self.manifest = make_manifest(ITEMS, "multitask")
        self.ignores_mask, self.ignores_order, self.pulls = ignores_mask, ignores_order, pulls
        self.wavers, self.is_shy, self.calls = wavers, is_shy, 0

    def scores(self, queries):
        found = np.zeros((len(queries.now), len(ITEMS)), dtype=np.float32)
        for row, history in enumerate(queries.histories.item_ids):
            known = [ITEMS.index(item) for item in history if item]
            last = (max(known) if self.ignores_order else known[-1]) if known else 0
            found[row] = -np.arange(len(ITEMS)) / 1_000
            for place in known:
                found[row, [(place - 1) % 12, (place + 1) % 12]] += self.pulls
            found[row, (last + 1) % 12] += 0.5
        return found

    def recommend(self, queries, allow, k):
        self.calls += 1
        scores = self.scores(queries)
        if self.wavers and self.calls % 2:
            scores = scores[:, ::-1]
        if allow is not None and not self.ignores_mask:
            scores = np.where(allow, scores, -np.inf)
        if self.is_shy:
            is_known = (queries.histories.item_ids != "").any(axis=1)
            scores = np.where(is_known[:, None], scores, -np.inf)
        best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        shown = np.take_along_axis(scores, best, axis=1)
        ids = np.where(np.isfinite(shown), np.array(ITEMS, dtype=object)[best], "")
        return Slates(ids, shown, np.zeros((*shown.shape, 2), dtype=np.float32))

    def rank(self, queries, item_ids):
        places = np.array([[ITEMS.index(item) if item else 0 for item in row] for row in item_ids])
        scores = np.take_along_axis(self.scores(queries), places, axis=1)
        scores[item_ids == ""] = -np.inf
        return Answer(scores, np.zeros((*scores.shape, 2), dtype=np.float32))

    def similar(self, item_ids, k):
        places = [ITEMS.index(item) for item in item_ids]
        near = [[ITEMS[(place - 1) % 12], ITEMS[(place + 1) % 12]] for place in places]
        padded = np.full((len(near), k), "", dtype=object)
        padded[:, :2] = near
        return padded, np.where(padded != "", 0.9, -np.inf).astype(np.float32)


@pytest.fixture(scope="module")
def data():
    rows = []
    for user in range(8):
        for event in range(5):
            item = ITEMS[(user * 5 + event * 7) % 12]
            rows.append((f"user {user}", CUT - 2 + event, item, 5.0))
    return make_data(rows, ITEMS, validation_cut=CUT - 1, test_cut=CUT)


def observed(data, kind, **how):
    return observe(Ring(**how), data, [CASES[kind]], K)[0]


@pytest.mark.parametrize(
    ("kind", "fault"),
    [
        ("same_request", {"wavers": True}),
        ("liked_item", {"pulls": -1.0}),
        ("reversed_history", {"ignores_order": True, "pulls": 0.0}),
        ("unknown_user", {"is_shy": True}),
        ("blocked_items", {"ignores_mask": True}),
    ],
)
def test_each_case_refuses_the_model_that_breaks_it_and_takes_the_one_that_does_not(
    data, kind, fault
):
    good, bad = observed(data, kind), observed(data, kind, **fault)

    assert (good.ok, bad.ok) == (True, False), (good, bad)
    assert good.name == CASES[kind].name


def test_a_family_that_promises_no_order_is_not_asked_about_it(data):
    case = CASES["reversed_history"].model_copy(update={"families": ["sequence"]})

    found = observe(Ring(ignores_order=True), data, [case], K)[0]

    assert (found.ok, found.reason) == (None, "promised by sequence only")


def test_every_kind_of_case_is_in_the_file():
    assert set(CASES) == {
        "same_request",
        "liked_item",
        "reversed_history",
        "unknown_user",
        "blocked_items",
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cases:\n  - {name: a, kind: telepathy}\n", "telepathy"),
        ("cases:\n  - {name: a, kind: blocked_items, requests: 3, blocked: -1}\n", "blocked"),
        ("cases:\n  - {name: a, kind: unknown_user, colour: red}\n", "colour"),
        ("cases:\n  - {name: A b, kind: unknown_user}\n", "name"),
        ("case: []\n", "unknown key case"),
    ],
    ids=["an unknown kind", "a bad number", "an unknown key", "a bad name", "a misspelt list"],
)
def test_a_bad_file_is_refused_by_what_is_wrong_in_it(tmp_path, text, said):
    (tmp_path / FILE).write_text(text)

    with pytest.raises(BadParameter) as refused:
        Behaviours.load(tmp_path / FILE)

    assert said in refused.value.render()
    assert "behaviours.yaml" in refused.value.render()


def test_without_the_file_nothing_is_judged(tmp_path):
    with pytest.raises(BadParameter, match="cannot be read"):
        Behaviours.load(tmp_path / FILE)
