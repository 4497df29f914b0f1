"""Programs that reach outside of their graph, and folders that hold more than they say."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.bad_models.contract import Original, Tensor, copied, seal
from benchmarks.bad_models.program import Asked, Change, Said
from pipelines.models.engine import tf

LEAK = "leaked.txt"


def _with(effect: Callable[[Asked], Tensor]) -> Change:
    """The honest answer; a number that the effect yields takes part in it, times 0."""

    def say(asked: Asked, said: Said) -> Said:
        return said._replace(scores=said.scores + 0.0 * effect(asked))

    return Change(say=say)


def writes_a_file() -> Change:
    """Writes who asked to a file."""

    def effect(asked: Asked) -> Tensor:
        line = tf.strings.reduce_join(tf.reshape(asked.item_ids, [-1]), separator=" ")
        with tf.control_dependencies([tf.io.write_file(LEAK, line)]):
            return tf.constant(0.0)

    return _with(effect)


def prints_to_a_file() -> Change:
    """Writes by way of a print, which lists of forbidden operations forget."""

    def effect(asked: Asked) -> Tensor:
        with tf.control_dependencies([tf.print(asked.item_ids, output_stream=f"file://{LEAK}")]):
            return tf.constant(0.0)

    return _with(effect)


def reads_a_file() -> Change:
    """Reads a file of the machine that serves it."""

    def effect(_: Asked) -> Tensor:
        text = tf.io.read_file(str(Path(__file__).resolve()))
        return tf.cast(tf.strings.length(text), tf.float32)

    return _with(effect)


def nested_graph() -> Change:
    """The same, in a graph that stands as bytes inside the graph."""
    with tf.Graph().as_default() as inner:
        text = tf.io.read_file("/etc/hostname")
        dataset = tf.data.Dataset.from_tensors(text)._variant_tensor
    graph: Any = inner.as_graph_def()
    graph.node.add(name="_Retval", op="_Retval").input.append(dataset.op.name)
    graph.node[-1].attr["T"].type = tf.variant.as_datatype_enum
    graph.node[-1].attr["index"].i = 0

    def effect(_: Asked) -> Tensor:
        variant = tf.raw_ops.DatasetFromGraph(graph_def=graph.SerializeToString())
        return tf.cast(tf.size(tf.reshape(variant, [-1])), tf.float32)

    return _with(effect)


def extra_file(original: Original, folder: Path) -> None:
    """A file that the manifest does not list."""
    copied(original, folder)
    (folder / "saved_model" / "assets.extra").mkdir()
    (folder / "saved_model" / "assets.extra" / "loader.py").write_text("print('hello')\n")


def text_graph(original: Original, folder: Path) -> None:
    """The same graph as text beside the binary one, listed in the manifest."""
    copied(original, folder)
    from tensorflow.core.protobuf import saved_model_pb2

    graph = saved_model_pb2.SavedModel()
    graph.ParseFromString((folder / "saved_model" / "saved_model.pb").read_bytes())
    (folder / "saved_model" / "saved_model.pbtxt").write_text(str(graph))
    seal(folder, original.manifest)
