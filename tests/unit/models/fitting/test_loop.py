"""Epochs, early stopping and losses that are no numbers."""

import pytest

from pipelines.errors import NonFinite
from pipelines.models.fitting.callbacks import Aim, EarlyStopping, TellEpoch, Watch
from pipelines.models.fitting.loop import Schedule, run


class Counter:
    """A model whose only weight is the number of steps that it took."""

    def __init__(self):
        self.steps = 0

    def step(self, batch):
        self.steps += 1
        return {"watch": batch, "like": 1.0}

    def get_weights(self):
        return self.steps

    def set_weights(self, weights):
        self.steps = weights


def schedule(epochs, batch=2.0):
    return Schedule(epochs=epochs, steps=3, batches=lambda: iter([batch] * 3))


def test_curve_has_a_row_per_epoch_with_the_mean_loss_of_each_task():
    curve = run(Counter().step, schedule(2), [], "fit")

    assert curve == [
        {"epoch": 1.0, "loss_watch": 2.0, "loss_like": 1.0},
        {"epoch": 2.0, "loss_watch": 2.0, "loss_like": 1.0},
    ]


def test_fit_ends_when_patience_runs_out_and_keeps_the_best_epoch():
    model, scores = Counter(), iter([0.1, 0.3, 0.2, 0.3, 0.9])
    figures = ({"score": score} for score in scores)
    stopping = EarlyStopping(
        model, lambda: next(figures), Aim("score", more_is_better=True), patience=2
    )

    curve = run(model.step, schedule(9), [stopping], "fit")
    stopping.restore()

    # epoch 4 only equals epoch 2, so two epochs without a better one have passed
    assert len(curve) == 4
    assert stopping.best_epoch == 2
    assert model.steps == 2 * 3


def test_loss_that_is_no_number_names_task_and_epoch():
    with pytest.raises(NonFinite) as failed:
        run(Counter().step, schedule(2, float("nan")), [], "fit")

    assert failed.value.where == ("task watch", "epoch 1")
    assert failed.value.exit_code == 4


def test_whoever_asked_is_told_of_each_epochs_score():
    told = []
    scores = iter([0.1, 0.3, 0.2])
    stopping = EarlyStopping(
        Counter(), lambda: {"score": next(scores)}, Aim("score", more_is_better=True), patience=9
    )
    telling = TellEpoch(lambda epoch, score: told.append((epoch, score)), "score")

    run(lambda batch: {"a": batch}, schedule(3), [stopping, telling], "test")

    assert told == [(1, 0.1), (2, 0.3), (3, 0.2)]


def test_fit_may_follow_a_figure_of_which_less_is_better():
    model, losses = Counter(), iter([0.5, 0.2, 0.3, 0.4])
    figures = ({"loss": loss} for loss in losses)
    stopping = EarlyStopping(
        model, lambda: next(figures), Aim("loss", more_is_better=False), patience=1
    )

    curve = run(model.step, schedule(9), [stopping], "fit")

    assert stopping.best_epoch == 2
    assert [row["loss"] for row in curve] == [0.5, 0.2, 0.3]


def test_watched_figures_stand_in_the_curve_and_decide_nothing():
    curve = run(Counter().step, schedule(2), [Watch(lambda: {"noise": 7.0})], "fit")

    assert [row["noise"] for row in curve] == [7.0, 7.0]
