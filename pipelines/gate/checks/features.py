"""Does one single feature, or one head, tell the labels of the future too well?

A feature that nearly decides a label was most likely made from it, or after it.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from pipelines.contracts.model import Check
from pipelines.descriptors import BinaryTask
from pipelines.gate.case import Bools, Case, Doubles
from pipelines.gate.foresight import foresight
from pipelines.gate.outcome import decided, not_applicable
from pipelines.measures.metrics.prediction import auc
from pipelines.models.examples import Floats, Ints, Texts
from pipelines.models.tasks import labels

MIN_OF_A_CLASS = 50
"""Labels of either kind; with fewer a large AUC may be luck."""


def checks(case: Case) -> Iterator[Check]:
    """`leakage:label:TASK` for each binary task, then `leakage:features`."""
    for task in case.data.prepared.tasks:
        if isinstance(task, BinaryTask):
            yield label(case, task)
    yield features(case)


def label(case: Case, task: BinaryTask) -> Check:
    """The AUC of each field of users and items, and of the model's own head."""
    name, limit, rows = f"leakage:label:{task.name}", case.params.max_auc, case.window.rows
    wanted, known = labels(task, case.data.events[rows], case.data.values[rows])
    truth = wanted[known].astype(np.float64)
    if min(int(truth.sum()), int((1 - truth).sum())) < MIN_OF_A_CLASS:
        return not_applicable(name, f"fewer than {MIN_OF_A_CLASS} labels of one kind")
    found = {field: _auc(truth, values[known]) for field, values in _values(case, task).items()}
    answers = case.judged.answers
    if answers is not None:
        column = case.data.prepared.heads.index(task.name)
        found[f"the model's {task.name}"] = _auc(truth, answers.predictions[known, column])
    if not found:
        return not_applicable(name, "there are no features")
    worst = max(found, key=lambda field: found[field])
    reason = f"largest AUC of {len(found)} features and scores, taken one by one: {worst}"
    return decided(name, found[worst] <= limit, found[worst], limit, reason)


def features(case: Case) -> Check:
    """No number of an item follows its popularity to come better than the past explains."""
    name, limit = "leakage:features", case.params.max_foresight
    found: dict[str, float] = {}
    for field, kind in case.data.prepared.item_features.items():
        if kind == "number":
            values = pd.to_numeric(case.data.items[field], errors="coerce").to_numpy(np.float32)
            figure = foresight(case.data, case.window.rows, values)
            found |= {} if figure is None else {field: abs(figure)}
    if not found:
        return not_applicable(name, "no number of an item, or too few items to tell")
    worst = max(found, key=lambda field: found[field])
    reason = (
        f"partial correlation of {worst}, the largest of {len(found)} numbers of items, with "
        "popularity in the window, given that of the fit window"
    )
    return decided(name, found[worst] <= limit, found[worst], limit, reason)


def _values(case: Case, task: BinaryTask) -> dict[str, Doubles]:
    """[window] by field: a number as it is, anything else as the mean label it had so far."""
    data, rows = case.data, case.window.rows
    fit_rows = data.rows(end=data.prepared.fit_cut)
    former, known = labels(task, data.events[fit_rows], data.values[fit_rows])
    found: dict[str, Doubles] = {}
    for column, (field, kind) in enumerate(data.prepared.profile_fields.items()):
        found[field] = _encoded(data.profile[:, column], kind, rows, (fit_rows, former, known))
    for field, kind in data.prepared.item_features.items():
        texts = data.items[field].astype(str).to_numpy(object)
        of_rows = np.where(data.item_rows >= 0, texts[data.item_rows], "")
        found[field] = _encoded(of_rows, kind, rows, (fit_rows, former, known))
    return found


def _encoded(values: Texts, kind: str, rows: Ints, learnt: tuple[Ints, Floats, Bools]) -> Doubles:
    if kind == "number":
        read = pd.to_numeric(pd.Series(values[rows]), errors="coerce")
        return np.asarray(read, dtype=np.float64)
    fit_rows, former, known = learnt
    seen = pd.Series(former[known].astype(np.float64)).groupby(values[fit_rows][known]).mean()
    return np.asarray(pd.Series(values[rows]).map(seen), dtype=np.float64)


def _auc(truth: Doubles, values: Doubles) -> float:
    """Of a feature in the better direction; 0.5 where too little of it is known."""
    told = np.isfinite(values)
    found = auc(truth[told], values[told].astype(np.float64), np.ones(int(told.sum())))
    return 0.5 if np.isnan(found) else max(found, 1 - found)
