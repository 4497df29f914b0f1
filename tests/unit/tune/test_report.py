from pipelines.contracts.model import Difference
from pipelines.contracts.tune import Judgement, Search, Trial, TuneReport
from pipelines.tune.report import page
from pipelines.tune.summary import verdict

JUDGEMENT = Judgement(
    difference=Difference(difference=0.02, low=0.01, high=0.03, n_users=9),
    corrected=0.015,
    improves=True,
)


def make_trial(number: int, value: float | None) -> Trial:
    metrics = {} if value is None else {"ndcg_at_10": value, "like_auc": 1 - value}
    return Trial(
        number=number,
        setting={"l2": 10.0 * number},
        state="pruned" if value is None else "complete",
        value=value,
        metrics=metrics,
        by_epoch={},
        seconds=1.0,
        reason=None,
        experiment=None,
    )


TRIALS = [make_trial(0, 0.10), make_trial(1, None), make_trial(2, 0.12)]


def make_report() -> TuneReport:
    search = Search(
        family="cf",
        study="cf-1",
        code_digest="c",
        space={"l2": {"low": 1.0, "high": 90.0, "log": True}},
        trials=TRIALS,
        present=0,
        best=2,
        judgement=JUDGEMENT,
        importance={"l2": 1.0},
        objectives={"ndcg_at_10": "maximise", "like_auc": "maximise"},
        front=[0, 2],
        verdict="improves <b>",
        is_written=False,
    )
    return TuneReport(
        schema=1,
        dataset="small",
        data_version="data/1",
        data_digest="d",
        metric="ndcg_at_10",
        seed=1,
        budget_minutes=5.0,
        is_interrupted=False,
        searches=[search],
    )


def test_the_page_shows_course_importance_and_front() -> None:
    shown = page(make_report())

    assert shown.count("<svg") == 3
    assert "improves &lt;b&gt;" in shown
    assert "2 complete, 1 pruned, 0 failed" in shown
    assert "<td><code>l2</code></td><td>1.0 … 90.0, log</td><td>0.0</td><td>20.0</td>" in shown


def test_equal_records_give_equal_pages() -> None:
    assert page(make_report()) == page(make_report())


def test_the_page_asks_for_nothing_from_elsewhere() -> None:
    assert "src=" not in page(make_report())
    assert "<link" not in page(make_report())


def test_the_verdict_says_what_to_expect_of_the_best_of_many() -> None:
    said = verdict("ndcg_at_10", TRIALS, TRIALS[0], JUDGEMENT)

    assert said.startswith("improves: trial 2 has ndcg_at_10 0.1200, the present setting 0.1000")
    assert "the best of 3 on the same users, so expect +0.0150 on others" in said


def test_a_lead_within_the_noise_is_called_so() -> None:
    noise = JUDGEMENT.model_copy(update={"improves": False})

    said = verdict("ndcg_at_10", TRIALS, TRIALS[0], noise)

    assert said.startswith("does not improve beyond noise: ")


def test_a_search_that_found_nothing_says_so() -> None:
    zero = JUDGEMENT.difference.model_copy(update={"difference": 0.0})
    nothing = JUDGEMENT.model_copy(update={"difference": zero, "improves": False})

    said = verdict("ndcg_at_10", TRIALS[:2], TRIALS[0], nothing)

    assert said == "none of 2 settings beats the present one, ndcg_at_10 0.1000"


def test_without_the_present_setting_nothing_is_claimed() -> None:
    assert "more minutes" in verdict("ndcg_at_10", TRIALS[1:], None, None)
