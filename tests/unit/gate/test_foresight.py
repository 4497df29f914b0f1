"""The leakage battery: models that know what nobody could have known, and honest ones."""

from dataclasses import replace

import numpy as np
import pytest

from pipelines.gate import foresight
from pipelines.gate.checks import leakage
from pipelines.measures.scores import Window
from tests.unit.gate.cases import check_of, failed, judged_with, make_case, make_probe
from tests.unit.small_tables import FixedOrder, make_data

N_ITEMS, CUT, DAY_US = 200, 100 * 86_400_000_000, 86_400_000_000
ITEMS = [f"{number:03d}" for number in range(N_ITEMS)]


@pytest.fixture(scope="module")
def window() -> Window:
    """Each item has a past by its number, and a future that has nothing to do with it."""
    random = np.random.default_rng(3)
    rows = []
    for user in range(60):
        past = random.choice(N_ITEMS, 30, replace=False, p=weights(ITEMS))
        rows += [
            (f"old {user}", CUT - (place + 1) * DAY_US, ITEMS[i], 5.0)
            for place, i in enumerate(past)
        ]
    order = np.random.default_rng(4).permutation(N_ITEMS)
    for user in range(60):
        chosen = random.choice(N_ITEMS, 20, replace=False, p=weights(ITEMS)[order])
        rows += [
            (f"new {user}", CUT + place * DAY_US + user, ITEMS[i], 5.0)
            for place, i in enumerate(chosen)
        ]
    data = make_data(rows, ITEMS, validation_cut=None, test_cut=CUT)
    return Window(data, data.window("test"), k=5, samples=100, seed=1)


def weights(items: list[str]) -> np.ndarray:
    falling = 1.0 / (1.0 + np.arange(len(items)))
    return falling / falling.sum()


def counts(window: Window, rows: np.ndarray) -> np.ndarray:
    return np.bincount(window.data.item_rows[rows], minlength=N_ITEMS).astype(np.float32)


def test_scores_that_are_the_past_foresee_nothing(window):
    past = counts(window, window.data.rows(end=CUT))

    assert abs(foresight.foresight(window.data, window.rows, past)) < 0.2


def test_scores_that_are_the_future_foresee_it(window):
    assert foresight.foresight(window.data, window.rows, counts(window, window.rows)) > 0.7


def test_of_few_items_nothing_is_said(window):
    scores = np.full(N_ITEMS, np.nan, dtype=np.float32)
    scores[:50] = counts(window, window.rows)[:50]

    assert foresight.foresight(window.data, window.rows, scores) is None


def moments(window: Window) -> np.ndarray:
    return window.data.pages(window.rows).start[::10]


def knowing(window: Window, starts: np.ndarray) -> np.ndarray:
    """Scores that put the item of each moment first."""
    scores = np.zeros((len(starts), N_ITEMS), dtype=np.float32)
    scores[np.arange(len(starts)), window.data.item_rows[starts]] = 1.0
    return scores


def test_knowing_each_page_stands_out_from_what_others_do(window):
    starts = moments(window)

    found = foresight.own_against_others(window.data, window, starts, knowing(window, starts))

    assert (found.value, found.low) == (1.0, 1.0)


def test_popularity_tells_nobodys_own_from_what_others_do(window):
    starts = moments(window)
    popular = np.tile(counts(window, window.rows), (len(starts), 1))

    found = foresight.own_against_others(window.data, window, starts, popular)

    assert found.low < 0.8


def test_the_moment_alone_tells_nothing_to_an_honest_model(window):
    starts = moments(window)
    steady = np.tile(counts(window, window.rows), (len(starts), 1))

    assert foresight.clock_share(window.data, window, starts, steady).value == 0.5


def test_a_model_that_knows_by_the_clock_what_comes_is_found(window):
    starts = moments(window)

    found = foresight.clock_share(window.data, window, starts, knowing(window, starts))

    assert found.low > 0.9


def test_labels_dealt_out_at_random_give_no_more_than_the_best_single_slate(window):
    found = foresight.chance(FixedOrder(ITEMS), window, batch=50)

    assert 0 < found.gain < found.best


# --- the checks


def test_the_future_in_a_models_scores_is_refused(window):
    case = replace(make_case(), data=window.data, window=window)
    scores = np.tile(counts(window, window.rows), (2, 1))

    found = leakage.future(case, make_probe(appeal=scores))

    assert (found.verdict, found.value > 0.7) == ("fail", True)


def test_own_pages_that_stand_out_are_refused(window):
    case, starts = replace(make_case(), data=window.data, window=window), moments(window)
    seen = np.concatenate([knowing(window, starts)[:1], knowing(window, starts)])
    probe = make_probe(appeal=seen, clock=knowing(window, starts), moments=starts)

    assert leakage.own_next(case, probe).verdict == "fail"
    assert leakage.clock(case, probe).verdict == "fail"


def test_labels_at_random_that_are_found_are_refused():
    lucky = make_probe(chance=foresight.Chance(gain=0.2, best=0.1))

    assert failed(judged_with(make_case(), probe=lucky)) == ["leakage:shuffled"]


def test_a_head_that_tells_every_label_is_refused():
    case = make_case()
    answers = case.judged.answers
    predictions = answers.predictions.copy()
    predictions[:, 0] = np.where(case.data.values[answers.rows] >= 4, 0.95, 0.05)

    found = judged_with(case, answers=replace(answers, predictions=predictions))

    assert failed(found) == ["leakage:label:like"]


def test_a_field_that_tells_every_label_is_refused():
    case = make_case()
    data = case.window.data
    told = data.interactions.assign(profile_gender=np.where(data.values >= 4, "liker", "other"))
    # the first event of each user, before the cut, is liked: give the other value a past, too
    told.loc[told.index[told["window"] != "test"][::2], "profile_gender"] = "other"
    told.loc[told.index[told["window"] != "test"][::2], "value"] = 1.0
    changed = replace(data, interactions=told)
    window = replace(case.window, data=changed)

    found = check_of(replace(case, data=changed, window=window), "leakage:label:like")

    assert (found.verdict, found.value) == ("fail", 1.0)
    assert found.reason.endswith("gender")
