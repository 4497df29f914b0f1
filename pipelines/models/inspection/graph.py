"""Reads a SavedModel without running it: which operations it holds, and what it can be asked.

A SavedModel is a program. All of its graphs are read as data (protocol buffers): the main one, the
function library, and the functions that those call.
"""

import importlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.errors import BadArtifact
from pipelines.models.artifact import CARD, GOLDEN, MANIFEST, SAVED_MODEL
from pipelines.models.inspection.operations import CLOCK, CONTAINED, PURE, RANDOM, SAVER

GRAPH = f"{SAVED_MODEL}/saved_model.pb"
FILES = frozenset(
    [
        MANIFEST,
        GOLDEN,
        CARD,
        GRAPH,
        f"{SAVED_MODEL}/fingerprint.pb",  # TensorFlow's own digest of the graph
        f"{SAVED_MODEL}/variables/variables.index",
        f"{SAVED_MODEL}/variables/variables.data-00000-of-00001",
    ]
)
"""All that an artifact may hold. TensorFlow would also load `saved_model.pbtxt` and assets."""
INITIAL = "__saved_model_init_op"
"""What TensorFlow runs at loading; listed among the signatures, and none."""


@dataclass(frozen=True)
class TensorType:
    """What a signature takes or gives under a name."""

    dtype: str
    """TensorFlow's name, such as `DT_FLOAT`."""
    shape: tuple[int | None, ...] | None
    """None = an open dimension; as a whole: an open rank."""


@dataclass(frozen=True)
class Signature:
    """One function that a model offers."""

    inputs: dict[str, TensorType]
    outputs: dict[str, TensorType]


@dataclass(frozen=True)
class Graph:
    """What a SavedModel holds."""

    unsafe: list[str]
    """Operations that are never run, by name."""
    contained: list[str]
    """Operations that no model needs and that have no effect outside the process."""
    foreign_files: list[str]
    signatures: dict[str, Signature]

    @property
    def reads_clock(self) -> bool:
        """Whether an answer can depend on when it is asked for, beyond the request's `now`."""
        return not CLOCK.isdisjoint(self.contained)

    @property
    def draws(self) -> list[str]:
        """Operations that make an answer random."""
        return [name for name in self.contained if name in RANDOM]


def inspect(folder: Path) -> Graph:
    """Reads an artifact's graph.

    Args:
        folder: The artifact.

    Raises:
        BadArtifact: There is no graph, or not exactly one for serving.
    """
    meta = _only_meta_graph(folder / GRAPH)
    operations = set(_operations(meta)) | ({"asset file"} if meta.asset_file_def else set())
    names = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return Graph(
        unsafe=sorted(operations - PURE - CONTAINED),
        contained=sorted((operations & CONTAINED) - PURE),
        foreign_files=sorted(name for name in names if name not in FILES),
        signatures={
            name: Signature(_types(signature.inputs), _types(signature.outputs))
            for name, signature in meta.signature_def.items()
            if name != INITIAL
        },
    )


def _only_meta_graph(path: Path) -> Any:
    from google.protobuf.message import DecodeError

    importlib.import_module("pipelines.models.engine")  # sets TensorFlow up before it is imported
    from tensorflow.core.protobuf import saved_model_pb2

    content = saved_model_pb2.SavedModel()
    try:
        content.ParseFromString(path.read_bytes())
    except (OSError, DecodeError) as error:
        raise BadArtifact("its graph cannot be read", where=[str(path)]) from error
    if len(content.meta_graphs) != 1:
        raise BadArtifact(f"{len(content.meta_graphs)} graphs for one", where=[str(path)])
    return content.meta_graphs[0]


def _operations(meta: Any) -> Iterator[str]:
    """Operations of all graphs; the saver's own are left out where nothing else can reach them."""
    savers = _savers(meta)
    for node in meta.graph_def.node:
        yield node.op
    for function in meta.graph_def.library.function:
        spared = SAVER if function.signature.name in savers else frozenset()
        yield from (node.op for node in function.node_def if node.op not in spared)


def _savers(meta: Any) -> set[str]:
    """Functions that write and read checkpoints, which nobody but the saver's two nodes calls."""
    ends = (meta.saver_def.save_tensor_name, meta.saver_def.restore_op_name)
    names = {name.split(":")[0] for name in ends}
    nodes = meta.graph_def.node
    own = [reference for node in nodes if node.name in names for reference in _called([node])]
    inside = (function.node_def for function in meta.graph_def.library.function)
    calls = Counter(_called(nodes))
    for body in inside:
        calls.update(_called(body))
    elsewhere = set(meta.object_graph_def.concrete_functions)
    is_used = not names.isdisjoint(_consumed(meta))
    return set() if is_used else {n for n in own if calls[n] == 1 and n not in elsewhere}


def _called(nodes: Sequence[Any]) -> Iterator[str]:
    """Names of the functions that nodes call."""
    for node in nodes:
        for value in node.attr.values():
            yield from (
                function.name for function in (value.func, *value.list.func) if function.name
            )


def _consumed(meta: Any) -> Iterator[str]:
    """Nodes of the main graph whose outcome something waits for: a node or a signature."""
    for node in meta.graph_def.node:
        yield from (name.removeprefix("^").split(":")[0] for name in node.input)
    for signature in meta.signature_def.values():
        yield from (output.name.split(":")[0] for output in signature.outputs.values())


def _types(tensors: Any) -> dict[str, TensorType]:
    from tensorflow.core.framework.types_pb2 import DataType

    return {
        name: TensorType(DataType.Name(info.dtype), _shape(info.tensor_shape))
        for name, info in tensors.items()
    }


def _shape(shape: Any) -> tuple[int | None, ...] | None:
    if shape.unknown_rank:
        return None
    return tuple(None if dimension.size < 0 else int(dimension.size) for dimension in shape.dim)
