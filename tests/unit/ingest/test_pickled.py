"""A pickle is read as data: plain frames come through, and nothing in it is ever called."""

import io
import lzma
import os
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipelines.descriptors import Columns, Interactions, TextFormat
from pipelines.errors import SourceCorrupt
from pipelines.ingest import inert, mapping
from pipelines.ingest.inert import Call, Name, Unreadable
from pipelines.ingest.tables import RawTable, read_table
from pipelines.params import IngestParams

LIMITS = IngestParams(max_source_bytes=100_000, max_field_length=1_000, fetch_attempts=1)
TABLE = Interactions(
    path="rows.pkl",
    format=TextFormat(kind="pickle"),
    columns=Columns(user_id="user", item_id="item", value="stars", timestamp="when"),
    timestamp_unit="seconds",
    event="rating",
)


def read(content: bytes) -> RawTable:
    wanted = mapping.wanted_interactions(TABLE)
    return read_table(io.BytesIO(content), "rows.pkl", TABLE, wanted, LIMITS)


def frame_pickle(protocol: int = 5) -> bytes:
    """As pandas below 3 wrote one: numbers in blocks, text in an object array."""
    text = np.array([["u1", "u2"], ["i1", float("nan")]], dtype=object)
    blocks = (
        (text, slice(0, 2, 1)),
        (np.array([[2.5, float("nan")]]), slice(2, 3, 1)),
        (np.array([[100, 200]]), slice(3, 4, 1)),
    )
    header = np.array(["user", "item", "stars", "when"], dtype=object)
    return Written(protocol).frame(blocks, header)


class Written:
    """Pickles calls by name, of things that need not exist here."""

    def __init__(self, protocol: int) -> None:
        self.protocol = protocol

    def frame(self, blocks: object, header: object) -> bytes:
        class Asked:
            def __init__(self, name: str, arguments: tuple[object, ...], state: object = None):
                self.name, self.arguments, self.state = name, arguments, state

        class Pickler(pickle._Pickler):  # type: ignore[name-defined,misc]  # the one in Python
            def save(self, thing: object, save_persistent_id: bool = True) -> None:
                if isinstance(thing, slice):  # dill, which TensorFlow brings, writes it otherwise
                    thing = Asked("builtins.slice", (thing.start, thing.stop, thing.step))
                if not isinstance(thing, Asked):
                    super().save(thing, save_persistent_id)
                    return
                module, _, name = thing.name.rpartition(".")
                super().save(module)
                super().save(name)
                self.write(pickle.STACK_GLOBAL)
                super().save(thing.arguments)
                self.write(pickle.REDUCE)
                if thing.state is not None:
                    self.save(thing.state)
                    self.write(pickle.BUILD)

        unpickle = "pandas._libs.internals._unpickle_block"
        made = tuple(Asked(unpickle, (values, place, 2)) for values, place in blocks)  # type: ignore[attr-defined]
        index = Asked("pandas.core.indexes.base._new_Index", (None, {"data": header}))
        manager = Asked("pandas.core.internals.managers.BlockManager", (made, [index, None]))
        whole = Asked("pandas.core.frame.DataFrame", (), {"_mgr": manager})
        sink = io.BytesIO()
        Pickler(sink, self.protocol).dump(whole)
        return sink.getvalue()


@pytest.mark.parametrize("pack", [bytes, lzma.compress], ids=["plain", "xz"])
def test_a_pickled_frame_comes_as_text_with_its_gaps_empty(pack: object) -> None:
    frame = read(pack(frame_pickle())).frame  # type: ignore[operator]

    assert frame[["user_id", "item_id", "value", "timestamp"]].to_numpy().tolist() == [
        ["u1", "i1", "2.5", "100"],
        ["u2", "", "", "200"],
    ]
    assert frame["source_line"].tolist() == [1, 2]


class Hostile:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_a_hostile_pickle_is_refused_and_nothing_in_it_is_called(
    tmp_path: Path, protocol: int
) -> None:
    content = pickle.dumps(Hostile(tmp_path / "made"), protocol)

    with pytest.raises(SourceCorrupt):
        read(content)

    assert not (tmp_path / "made").exists()


def test_a_call_in_a_pickle_is_its_name_and_arguments() -> None:
    found = inert.load(pickle.dumps(Hostile(Path("x")), 5))

    assert found == Call("posix.mkdir", ("x",))
    assert inert.load(pickle.dumps(os.mkdir, 5)) == Name("posix.mkdir")


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"\x80\x05", b"\x80\x05.", b"\x80\x05N", b"\x80\x05(", b"\x80\x05a."),
        *(b"\x80\x05h\x01.", b"\x80\x05Nt."),
    ],
)
def test_a_broken_pickle_is_unreadable(content: bytes) -> None:
    with pytest.raises(Unreadable):
        inert.load(content)


def test_a_frame_of_this_pandas_is_refused_and_not_guessed_at() -> None:
    with pytest.raises(SourceCorrupt) as refused:
        read(pickle.dumps(pd.DataFrame({"user": ["u1"], "item": ["i1"]})))

    assert refused.value.hint == "save it as Parquet"
