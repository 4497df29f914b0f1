"""What a rebuilt version and its commit have in common: outputs, model digest and figures."""

from collections.abc import Iterator, Mapping
from io import BytesIO
from typing import Any, NamedTuple

from ruamel.yaml import YAML

from pipelines.contracts.reproduce import Figure, Figures, Rebuilt

SHOWN = 10
DATA = "data"
MISSING = 1.0
"""How far apart a figure and none are, beside relative differences."""

Leaf = float | str | None


class Lock(NamedTuple):
    """What a `dvc.lock` says, in MD5 by path."""

    read: dict[str, str]
    """What any stage read."""
    stages: dict[str, dict[str, str]]
    """What each stage wrote."""


def lock_of(text: bytes) -> Lock:
    """The content of a `dvc.lock`."""
    stages = (YAML(typ="safe", pure=True).load(BytesIO(text)) or {}).get("stages", {})
    return Lock(
        {
            entry["path"]: entry["md5"]
            for stage in stages.values()
            for entry in stage.get("deps", ())
        },
        {
            name: {entry["path"]: entry["md5"] for entry in stage.get("outs", ())}
            for name, stage in stages.items()
        },
    )


def compare_outputs(committed: Lock, rebuilt: Lock, data: Mapping[str, str]) -> list[Rebuilt]:
    """Every accepted table and every output of a rebuilt stage, in the order of the work.

    Args:
        committed: The lock of the commit.
        rebuilt: The lock of the rebuilt stages, in the order in which they ran.
        data: MD5 by path of the accepted tables that the commit names.
    """
    rows = [_rebuilt(DATA, path, committed.read.get(path), md5) for path, md5 in data.items()]
    for stage, found in rebuilt.stages.items():
        expected = committed.stages.get(stage, {})
        for path in sorted({*expected, *found}):
            rows.append(_rebuilt(stage, path, expected.get(path), found.get(path)))
    return rows


def compare_figures(expected: Any, found: Any) -> Figures:
    """The figures of two JSON documents, by their dotted names."""
    before, after = dict(_leaves(expected)), dict(_leaves(found))
    names = sorted({*before, *after})
    figures = [
        Figure(name=name, expected=before.get(name), found=after.get(name))
        for name in names
        if name not in before or name not in after or before[name] != after[name]
    ]
    largest = sorted(figures, key=_distance, reverse=True)[:SHOWN]
    return Figures(compared=len(names), different=len(figures), largest=largest)


def _rebuilt(stage: str, path: str, expected: str | None, found: str | None) -> Rebuilt:
    is_equal = expected == found and found is not None
    return Rebuilt(stage=stage, path=path, expected=expected, found=found, equal=is_equal)


def _leaves(content: Any, prefix: str = "") -> Iterator[tuple[str, Leaf]]:
    if isinstance(content, Mapping):
        for key, value in content.items():
            yield from _leaves(value, f"{prefix}.{key}" if prefix else str(key))
    elif isinstance(content, list):
        for number, value in enumerate(content):
            yield from _leaves(value, f"{prefix}.{number}")
    else:
        yield prefix, float(content) if isinstance(content, int) else content


def _distance(figure: Figure) -> float:
    before, after = figure.expected, figure.found
    if not isinstance(before, float) or not isinstance(after, float):
        return MISSING
    return abs(before - after) / max(abs(before), abs(after))
