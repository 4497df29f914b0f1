"""From a head's raw output to a probability or a value that can be believed.

Binary tasks: Platt scaling (Platt, "Probabilistic outputs for support vector machines", 1999),
sigmoid(slope * raw + intercept); his smoothing of the targets is left out, since it hardly matters
from MIN_LABELS labels on. Regressions: slope * raw + intercept, in standardised units.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from pipelines.descriptors import BinaryTask
from pipelines.models.multitask.labels import HeadTask

Doubles = npt.NDArray[np.float64]
IDENTITY = {"slope": 1.0, "intercept": 0.0}
NEWTON_STEPS = 25
RIDGE = 1e-6
"""Keeps the Newton step finite where the labels are separable."""
MIN_LABELS = 50
"""With fewer labels than that, the raw output is left as it is."""


def calibrate(
    tasks: list[HeadTask], raw: Doubles, labels: Doubles, known: Doubles
) -> dict[str, dict[str, float]]:
    """Slope and intercept by task, from [m, heads] arrays of the validation window."""
    fitted = {}
    for place, task in enumerate(tasks):
        chosen = known[:, place] > 0
        x, y = raw[chosen, place], labels[chosen, place]
        if len(x) < MIN_LABELS or x.std() == 0 or y.std() == 0:
            fitted[task.name] = dict(IDENTITY)
            continue
        slope, intercept = _platt(x, y) if isinstance(task, BinaryTask) else _affine(x, y)
        fitted[task.name] = {"slope": round(slope, 6), "intercept": round(intercept, 6)}
    return fitted


def coefficients(
    tasks: list[HeadTask], calibration: Mapping[str, Any]
) -> tuple[list[float], list[float]]:
    """Slopes and intercepts in the heads' order; a task that is not there is left as it is."""
    rows = [calibration.get(task.name, IDENTITY) for task in tasks]
    return [float(row["slope"]) for row in rows], [float(row["intercept"]) for row in rows]


def _affine(x: Doubles, y: Doubles) -> tuple[float, float]:
    slope = float(((x - x.mean()) * (y - y.mean())).mean() / x.var())
    return slope, float(y.mean() - slope * x.mean())


def _platt(x: Doubles, y: Doubles) -> tuple[float, float]:
    design = np.stack([x, np.ones_like(x)], axis=1)
    theta = np.array([1.0, 0.0])
    for _ in range(NEWTON_STEPS):
        p = 1.0 / (1.0 + np.exp(-np.clip(design @ theta, -30, 30)))
        gradient = design.T @ (p - y)
        curvature = (design * (p * (1 - p))[:, None]).T @ design + RIDGE * np.eye(2)
        theta = theta - np.linalg.solve(curvature, gradient)
    return float(theta[0]), float(theta[1])
