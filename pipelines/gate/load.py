"""What a request costs: seconds beside another model on the same machine, and memory that stays.

Machines are noisy and a gate must not be: both are measured again before they say no, since a slow
model is slow each time, and a leak goes on.
"""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import psutil

from pipelines.measures.asking import Asked
from pipelines.models.examples import Histories, Ints, PreparedData, Queries

CALLS = 40
"""Of each model, for each length of a history, in one round."""
WARM_CALLS = 3
ROUNDS = 3
PERCENTILE = 99
GROWTH_CALLS, GROWTH_WARM_CALLS = 400, 100
STEP = 20
"""Calls between two looks at the memory."""
EXTRAPOLATED_CALLS = 10_000


@dataclass(frozen=True)
class Load:
    """What a model costs on this machine."""

    latency_ms: float
    """The 99th percentile, of the slowest length of a history."""
    slowdown: float | None
    """The same in multiples of the other model's, asked in turn with it; None without one."""
    growth_bytes: float
    """Of 10,000 requests, from the slope over fewer."""


def measure(model: Asked, other: Asked | None, data: PreparedData, k: int, limits: Load) -> Load:
    """What it costs: the least of up to three rounds, of which the first within limits suffices.

    Args:
        model: The judged one.
        other: What it is compared with.
        data: Prepared tables.
        k: Length of a slate.
        limits: What is acceptable.
    """
    rounds: list[tuple[float, float | None]] = []
    for _ in range(ROUNDS):
        rounds.append(_latencies(model, other, data, k))
        latency_ms, slowdown = _least(rounds)
        if latency_ms <= limits.latency_ms and (slowdown or 0) <= (limits.slowdown or 0):
            break
    growth = _growth(model, data, k)
    if growth > limits.growth_bytes:
        growth = min(growth, _growth(model, data, k))
    return Load(latency_ms, slowdown, growth)


def _least(rounds: list[tuple[float, float | None]]) -> tuple[float, float | None]:
    slowdowns = [slowdown for _, slowdown in rounds if slowdown is not None]
    return min(latency for latency, _ in rounds), min(slowdowns, default=None)


def _latencies(
    model: Asked, other: Asked | None, data: PreparedData, k: int
) -> tuple[float, float | None]:
    """The worst 99th percentile over empty, typical and longest histories, and the worst ratio."""
    own: dict[str, float] = {}
    ratios: list[float] = []
    for name, length in _lengths(model, data).items():
        asked = [model] if other is None else [model, other]
        calls = [_call(one, data, min(length, one.manifest.max_history), k) for one in asked]
        seconds = _interleaved(calls)
        own[name] = seconds[0]
        ratios += [seconds[0] / seconds[1]] if other is not None else []
    return 1_000 * max(own.values()), max(ratios, default=None)


def _lengths(model: Asked, data: PreparedData) -> Mapping[str, int]:
    typical = int(np.median(data.page_start - data.user_start))
    return {"empty": 0, "typical": typical, "longest": model.manifest.max_history}


def _interleaved(calls: list[Callable[[], object]]) -> list[float]:
    """The 99th percentile of each one's seconds; they take turns, so that all share the noise."""
    seconds: list[list[float]] = [[] for _ in calls]
    for turn in range(WARM_CALLS + CALLS):
        for place, call in enumerate(calls):
            start = time.perf_counter()
            call()
            if turn >= WARM_CALLS:
                seconds[place].append(time.perf_counter() - start)
    return [float(np.percentile(taken, PERCENTILE)) for taken in seconds]


def _call(model: Asked, data: PreparedData, length: int, k: int) -> Callable[[], object]:
    query = made_up(model, data, length)
    k = min(k, len(model.manifest.item_ids))
    return lambda: model.recommend(query, None, k)


def made_up(model: Asked, data: PreparedData, length: int) -> Queries:
    """A request with a history of any length: the events of the busiest users, in time order."""
    rows: Ints = np.sort(np.argsort(data.user_start - data.page_start, kind="stable")[:length])
    rows = np.resize(rows, length) if len(rows) else np.zeros(0, dtype=np.int64)
    newest = int(data.timestamps.max())
    manifest = model.manifest
    return Queries(
        Histories(
            item_ids=data.interactions["item_id"].to_numpy(object)[rows][None, :],
            events=data.events[rows][None, :],
            values=data.values[rows][None, :],
            timestamps=newest - np.arange(length, 0, -1, dtype=np.int64)[None, :],
        ),
        np.full((1, len(manifest.profile_fields)), "", dtype=object),
        np.array([newest], dtype=np.int64),
    )


def _growth(model: Asked, data: PreparedData, k: int) -> float:
    """Bytes that 10,000 requests add, by the slope of the resident set over some hundred."""
    call, process = _call(model, data, 1, k), psutil.Process(os.getpid())
    sizes: list[int] = []
    for number in range(GROWTH_WARM_CALLS + GROWTH_CALLS):
        call()
        if number >= GROWTH_WARM_CALLS and number % STEP == 0:
            sizes.append(int(process.memory_info().rss))
    slope = np.polyfit(np.arange(len(sizes)) * STEP, sizes, 1)[0]
    return float(max(slope, 0.0)) * EXTRAPOLATED_CALLS
