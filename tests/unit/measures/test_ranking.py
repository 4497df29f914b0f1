import numpy as np
import pytest
import pytrec_eval

from pipelines.measures.metrics.ranking import best_possible_ndcg, hit, ndcg, reciprocal

RANKS = np.array([0, 1, 2, 3, 10, 11])


def test_hit_counts_places_up_to_k():
    assert list(hit(RANKS, 10)) == [0, 1, 1, 1, 1, 0]
    assert list(hit(RANKS, 2)) == [0, 1, 1, 0, 0, 0]


def test_ndcg_is_one_over_the_logarithm_of_the_place():
    # 1/log2(2) = 1, 1/log2(4) = 0.5, 1/log2(11) = 0.289065
    assert ndcg(RANKS, 10)[[0, 1, 3, 4, 5]] == pytest.approx([0, 1, 0.5, 0.289065, 0], abs=1e-6)


def test_reciprocal_is_one_over_the_place():
    assert reciprocal(RANKS, 10) == pytest.approx([0, 1, 1 / 2, 1 / 3, 1 / 10, 0])


def test_ranking_metrics_agree_with_trec_eval():
    places = np.random.default_rng(5).integers(1, 21, size=50)
    relevant = {str(query): {"wanted": 1} for query in range(50)}
    slates = {
        str(query): {("wanted" if p == place else f"other {p}"): float(-p) for p in range(1, 21)}
        for query, place in enumerate(places)
    }

    wanted = pytrec_eval.RelevanceEvaluator(relevant, {"ndcg_cut.10", "recall.10"}).evaluate(slates)

    theirs = [wanted[str(query)] for query in range(50)]
    assert ndcg(places, 10) == pytest.approx([figures["ndcg_cut_10"] for figures in theirs])
    assert hit(places, 10) == pytest.approx([figures["recall_10"] for figures in theirs])


def test_an_oracle_shares_the_places_of_a_slate_among_the_page():
    # a page of 1 gains 1; a page of 2 gains 1 + 1/log2(3) = 1.630930 over two events
    assert best_possible_ndcg(np.array([1, 2]), 10) == pytest.approx((1 + 1.630930) / 3, abs=1e-6)


def test_an_oracle_cannot_place_more_than_k_items():
    # three events, one place: the perfect slate finds one of them
    assert best_possible_ndcg(np.array([3]), 1) == pytest.approx(1 / 3)
