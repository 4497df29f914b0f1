"""Which tasks are learnt, and what a fit without the others still serves."""

import numpy as np
import pytest

from pipelines.models.family import fit
from pipelines.params import Params
from tests.unit.models.small_data import DAY_US, LIKE, RATING, WATCH, make_data

CUT = 40 * DAY_US
SMALL = ("multitask.batch_pages=16", "multitask.max_epochs=2", "multitask.folds=2")


def make_users(tasks):
    rows = [
        (f"{user:02}", item, user * DAY_US + place, float(1 + (user + place) % 5))
        for user in range(1, 50)
        for place, item in enumerate("abc")
    ]
    data = make_data(rows, tasks=tasks, cut=CUT)
    later = data.interactions["timestamp"] >= CUT
    data.interactions.loc[later, "window"] = "validation"
    return data


def fitted(data, *overrides):
    params = Params.load(overrides=(*SMALL, *overrides))
    return fit("multitask", data, params, until=CUT, epochs=None, calibration=None)


def losses_of(model):
    return {name for name in model.learning_curve[0] if name.startswith("loss_")}


def test_retrieval_may_be_learnt_alone_and_then_scores_alone():
    alone = "multitask.loss_weights={retrieval: 1.0, binary: 0.0, regression: 0.0}"

    model = fitted(make_users((WATCH, LIKE, RATING)), alone)

    assert losses_of(model) == {"loss_watch"}
    assert not [name for name in model.learning_curve[0] if name.startswith("validation_loss_")]
    assert model.task_weights == [1.0, 0.0, 0.0]
    assert all(np.isfinite(each.numpy()).all() for each in model.module.variables)


def test_heads_may_be_learnt_alone_with_experts_and_noise_of_their_own():
    alone = "multitask.loss_weights={retrieval: 0.0, binary: 1.0, regression: 1.0}"
    mixed = ("multitask.experts=2", "multitask.weighting=uncertainty")

    model = fitted(make_users((WATCH, LIKE, RATING)), alone, *mixed)

    row = model.learning_curve[-1]
    assert losses_of(model) == {"loss_like", "loss_rating"}
    assert model.task_weights == [0.0, 0.1, 0.1]
    assert row["expert_1_of_like"] + row["expert_2_of_like"] == pytest.approx(1.0, abs=1e-5)
    assert row["log_variance_like"] != 0.0
    assert "log_variance_watch" not in row
    heads = [each["validation_head_loss"] for each in model.learning_curve]
    assert model.epochs == 1 + int(np.argmin(heads))


def test_retrieval_task_may_be_the_only_one():
    model = fitted(make_users((WATCH,)))

    assert losses_of(model) == {"loss_watch"}
    assert model.task_weights == [1.0]
