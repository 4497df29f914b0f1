"""A SavedModel is read as data: what its graphs hold and what it can be asked."""

from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.errors import BadArtifact
from pipelines.models.engine import tf
from pipelines.models.inspection.contract import expected, problems
from pipelines.models.inspection.graph import GRAPH, TensorType, inspect
from tests.unit.small_tables import make_manifest

MANIFEST = make_manifest(["a", "b", "c"])


class Doubling(tf.Module):
    """A model with a weight and a table, and with one more thing that a test puts in."""

    def __init__(self, more=lambda x: x):
        super().__init__()
        self.weight = tf.Variable(2.0)
        self.counter = tf.Variable(0.0)
        keys = tf.lookup.KeyValueTensorInitializer(["a"], [1.0])
        self.table = tf.lookup.StaticHashTable(keys, 0.0)
        self.more = more

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def answer(self, item_ids):
        return {"scores": self.more(self.weight * self.table.lookup(item_ids))}


def save(folder: Path, module: Doubling) -> Path:
    tf.saved_model.save(module, str(folder / "saved_model"), signatures={"answer": module.answer})
    return folder


def printing(x):
    tf.print("seen", output_stream="file://told")
    return x


def writing(x):
    with tf.control_dependencies([tf.io.write_file("told", "seen")]):
        return tf.identity(x)


def asking_python(x):
    return tf.reshape(tf.py_function(lambda y: y, [x], tf.float32), tf.shape(x))


def saving(x):
    op = tf.raw_ops.SaveV2(prefix="told", tensor_names=["x"], shape_and_slices=[""], tensors=[x])
    with tf.control_dependencies([op]):
        return tf.identity(x)


def nested(x):
    return tf.cond(tf.reduce_sum(x) > 1e9, lambda: writing(x), lambda: x)


def in_a_data_set(x):
    for _ in tf.data.Dataset.from_tensors(x).map(writing):
        x = x + 0
    return x


@pytest.mark.parametrize(
    ("extra", "operation"),
    [
        (printing, "PrintV2"),
        (writing, "WriteFile"),
        (asking_python, "EagerPyFunc"),
        (saving, "SaveV2"),
        (nested, "WriteFile"),
        (in_a_data_set, "WriteFile"),
        (lambda x: x + tf.strings.to_number(tf.io.read_file("told")), "ReadFile"),
    ],
    ids=[
        "prints",
        "writes",
        "calls Python",
        "saves",
        "writes in a branch",
        "in a data set",
        "reads",
    ],
)
def test_an_operation_that_reaches_outside_is_found_without_running_it(
    tmp_path, monkeypatch, extra, operation
):
    monkeypatch.chdir(tmp_path)
    folder = save(tmp_path, Doubling(extra))

    found = inspect(folder)

    assert operation in found.unsafe
    assert not (tmp_path / "told").exists()


def test_a_plain_model_with_weights_and_tables_holds_nothing_else(tmp_path):
    found = inspect(save(tmp_path, Doubling()))

    assert (found.unsafe, found.contained) == ([], [])
    assert (found.draws, found.reads_clock) == ([], False)


def test_drawing_is_told_apart_from_reaching_outside(tmp_path):
    found = inspect(save(tmp_path, Doubling(lambda x: x + tf.random.uniform(tf.shape(x)))))

    assert (found.unsafe, found.draws) == ([], ["RandomUniform"])


def test_reading_the_clock_is_told(tmp_path):
    found = inspect(save(tmp_path, Doubling(lambda x: x + tf.cast(tf.timestamp(), tf.float32))))

    assert (found.unsafe, found.reads_clock) == ([], True)


def test_remembering_from_request_to_request_is_told(tmp_path):
    module = Doubling()
    module.more = lambda x: x + module.counter.assign_add(1.0)

    assert inspect(save(tmp_path, module)).contained == ["AssignAddVariableOp"]


@pytest.mark.parametrize(
    "name", ["saved_model/saved_model.pbtxt", "saved_model/assets/words.txt", "run.py"]
)
def test_a_file_that_no_artifact_has_is_told(tmp_path, name):
    folder = save(tmp_path, Doubling())
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("more")

    assert inspect(folder).foreign_files == [name]


@pytest.mark.parametrize("content", [b"no graph", b""], ids=["noise", "nothing"])
def test_a_graph_that_is_none_is_refused(tmp_path, content):
    folder = save(tmp_path, Doubling())
    (folder / GRAPH).write_bytes(content)

    with pytest.raises(BadArtifact):
        inspect(folder)


def test_types_and_shapes_are_read(tmp_path):
    found = inspect(save(tmp_path, Doubling())).signatures["answer"]

    assert found.inputs == {"item_ids": TensorType("DT_STRING", (None,))}
    assert found.outputs == {"scores": TensorType("DT_FLOAT", (None,))}


# --- the contract


def changed(name: str, part: str, tensor: str, value: TensorType | None):
    """The contract's own signatures with one tensor changed, or left out."""
    signatures = expected(MANIFEST)
    tensors = dict(getattr(signatures[name], part))
    tensors.pop(tensor, None)
    if value is not None:
        tensors[tensor] = value
    return {**signatures, name: replace(signatures[name], **{part: tensors})}


def test_the_contracts_own_signatures_have_no_problem():
    assert problems(expected(MANIFEST), MANIFEST) == []


def test_only_explain_may_be_missing():
    signatures = expected(MANIFEST)

    without = {
        name: problems(
            {**signatures, name: None}
            and {other: signature for other, signature in signatures.items() if other != name},
            MANIFEST,
        )
        for name in signatures
    }

    assert without.pop("explain") == []
    assert without == {name: [f"there is no {name}"] for name in without}


@pytest.mark.parametrize(
    ("signatures", "said"),
    [
        (changed("rank", "inputs", "now", None), "rank takes no now"),
        (changed("rank", "inputs", "user_id", TensorType("DT_STRING", (None,))), "user_id, which"),
        (changed("rank", "inputs", "now", TensorType("DT_INT32", (None,))), "DT_INT32"),
        (changed("recommend", "inputs", "now", TensorType("DT_INT64", (1,))), "[1]"),
        (changed("recommend", "inputs", "profile", TensorType("DT_STRING", (None, 2))), "2]"),
        (changed("recommend", "inputs", "k", TensorType("DT_INT32", (None,))), "k of shape"),
        (changed("rank", "outputs", "predictions", TensorType("DT_FLOAT", (None, None, 1))), "1]"),
        (changed("similar", "outputs", "scores", None), "similar gives no scores"),
        (changed("item_vectors", "outputs", "item_vectors", TensorType("DT_FLOAT", (4, 8))), "4"),
    ],
    ids=[
        *("a missing input", "an unknown input", "a type", "a closed dimension", "a profile field"),
        *("a rank", "heads", "a missing output", "items"),
    ],
)
def test_a_signature_that_is_not_the_contracts_is_told(signatures, said):
    (found,) = problems(signatures, MANIFEST)

    assert said in found


@pytest.mark.parametrize("shape", [None, (3, 16), (3, None)], ids=["open", "known", "its own"])
def test_an_output_may_know_its_size_better_or_not_at_all(shape):
    own = changed("item_vectors", "outputs", "item_vectors", TensorType("DT_FLOAT", shape))

    assert problems(own, MANIFEST) == []
