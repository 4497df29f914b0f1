"""What every artifact can be asked: names, types and shapes of the served signatures."""

from collections.abc import Iterator, Mapping

from pipelines.models.artifact import Manifest
from pipelines.models.inspection.graph import Signature, TensorType

OPTIONAL = frozenset(["explain"])
"""Offered only by families whose score is a sum."""


def expected(manifest: Manifest) -> dict[str, Signature]:
    """The signatures of a model with this manifest; None = any size."""
    n_items, n_heads = len(manifest.item_ids), len(manifest.heads)
    rows, table = (None,), (None, None)
    query = {
        "history_item_ids": TensorType("DT_STRING", table),
        "history_events": TensorType("DT_STRING", table),
        "history_values": TensorType("DT_FLOAT", table),
        "history_timestamps": TensorType("DT_INT64", table),
        "profile": TensorType("DT_STRING", (None, len(manifest.profile_fields))),
        "now": TensorType("DT_INT64", rows),
    }
    weighted = {**query, "task_weights": TensorType("DT_FLOAT", table)}
    k, ids = TensorType("DT_INT32", ()), TensorType("DT_STRING", table)
    scores = {"scores": TensorType("DT_FLOAT", table)}
    answer = {**scores, "predictions": TensorType("DT_FLOAT", (None, None, n_heads))}
    parts = {name: TensorType("DT_FLOAT", table) for name in ("history", "profile", "features")}
    items = TensorType("DT_STRING", rows)
    return {
        "recommend": Signature(
            {**weighted, "allow": TensorType("DT_BOOL", table), "k": k}, {"item_ids": ids, **answer}
        ),
        "rank": Signature({**weighted, "item_ids": ids}, answer),
        "similar": Signature({"item_ids": items, "k": k}, {"item_ids": ids, **scores}),
        "item_vectors": Signature({}, {"item_vectors": TensorType("DT_FLOAT", (n_items, None))}),
        "explain": Signature(
            {**query, "item_ids": items}, {**parts, "base": TensorType("DT_FLOAT", rows)}
        ),
    }


def problems(found: Mapping[str, Signature], manifest: Manifest) -> list[str]:
    """Where signatures are not those of the contract; empty = all are.

    Args:
        found: What a graph offers.
        manifest: Of the same artifact; it says how many items, heads and profile fields.
    """
    wrong: list[str] = []
    for name, wanted in expected(manifest).items():
        if name in found:
            own = found[name]
            wrong += _differences(f"{name} takes", own.inputs, wanted.inputs, is_input=True)
            wrong += _differences(f"{name} gives", own.outputs, wanted.outputs, is_input=False)
        elif name not in OPTIONAL:
            wrong.append(f"there is no {name}")
    return wrong


def _differences(
    what: str,
    found: Mapping[str, TensorType],
    wanted: Mapping[str, TensorType],
    *,
    is_input: bool,
) -> Iterator[str]:
    for name in sorted(wanted.keys() - found.keys()):
        yield f"{what} no {name}"
    for name in sorted(found.keys() - wanted.keys()):
        yield f"{what} {name}, which nobody knows"
    for name in sorted(found.keys() & wanted.keys()):
        own, other = found[name], wanted[name]
        if own.dtype != other.dtype:
            yield f"{what} {name} as {own.dtype} and not as {other.dtype}"
        elif not _fits(own.shape, other.shape, is_input=is_input):
            yield f"{what} {name} of shape {_text(own.shape)} and not {_text(other.shape)}"


def _fits(
    own: tuple[int | None, ...] | None, other: tuple[int | None, ...] | None, *, is_input: bool
) -> bool:
    """An open input takes any size. An output may know its size better, or not at all."""
    if own is None or other is None:
        return True
    if len(own) != len(other):
        return False
    pairs = zip(own, other, strict=True)
    return all(a is None or a == b or (b is None and not is_input) for a, b in pairs)


def _text(shape: tuple[int | None, ...] | None) -> str:
    return "any" if shape is None else str([("?" if n is None else n) for n in shape])
