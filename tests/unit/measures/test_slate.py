import numpy as np
import pytest
import pytrec_eval

from pipelines.measures.metrics import slate

# places 1 and 3 of four are hits, of three relevant items; then one relevant item, not found
HITS = np.array([[True, False, True, False], [False] * 4])
RELEVANT = np.array([3, 1])


def test_hit_asks_for_one_of_them():
    assert list(slate.hit(HITS, RELEVANT)) == [1, 0]


def test_precision_divides_by_the_places():
    assert list(slate.precision(HITS, RELEVANT)) == [2 / 4, 0]


def test_recall_divides_by_what_is_relevant():
    assert list(slate.recall(HITS, RELEVANT)) == [2 / 3, 0]


def test_ndcg_compares_with_the_slate_that_begins_with_all_of_them():
    # DCG 1 + 1/log2(4) = 1.5; ideal 1 + 1/log2(3) + 1/log2(4) = 2.130930
    assert slate.ndcg(HITS, RELEVANT) == pytest.approx([1.5 / 2.130930, 0], abs=1e-6)


def test_ndcg_of_a_full_slate_is_one_though_more_is_relevant_than_it_holds():
    assert slate.ndcg(np.ones((1, 4), dtype=bool), np.array([9])) == pytest.approx([1])


def test_average_precision_sums_precision_at_the_hits():
    # precision 1/1 at place 1 and 2/3 at place 3, of three relevant items
    assert slate.average_precision(HITS, RELEVANT) == pytest.approx([(1 + 2 / 3) / 3, 0])


def test_reciprocal_is_one_over_the_place_of_the_first_hit():
    hits = np.array([[False, True, True], [False, False, False]])

    assert list(slate.reciprocal(hits, np.array([2, 2]))) == [1 / 2, 0]


def test_metrics_agree_with_trec_eval():
    generator = np.random.default_rng(3)
    chosen = [generator.choice(40, generator.integers(1, 25), replace=False) for _ in range(60)]
    shown = np.stack([generator.choice(40, 10, replace=False) for _ in range(60)])
    relevant = {f"{query}": {f"{item}": 1 for item in items} for query, items in enumerate(chosen)}
    slates = {
        f"{query}": {f"{item}": float(-place) for place, item in enumerate(items)}
        for query, items in enumerate(shown)
    }
    names = ("ndcg_cut_10", "map_cut_10", "P_10", "recall_10", "recip_rank", "success_10")

    measured = pytrec_eval.RelevanceEvaluator(relevant, set(names)).evaluate(slates)

    theirs = {name: [measured[f"{query}"][name] for query in range(60)] for name in names}
    hits = np.stack([np.isin(row, items) for row, items in zip(shown, chosen, strict=True)])
    sizes = np.array([len(items) for items in chosen])
    assert slate.ndcg(hits, sizes) == pytest.approx(theirs["ndcg_cut_10"])
    assert slate.average_precision(hits, sizes) == pytest.approx(theirs["map_cut_10"])
    assert slate.precision(hits, sizes) == pytest.approx(theirs["P_10"])
    assert slate.recall(hits, sizes) == pytest.approx(theirs["recall_10"])
    assert slate.reciprocal(hits, sizes) == pytest.approx(theirs["recip_rank"])
    assert slate.hit(hits, sizes) == pytest.approx(theirs["success_10"])
