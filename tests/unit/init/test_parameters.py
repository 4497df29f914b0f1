"""Parameters that `init` writes into the state."""

from pathlib import Path

import pytest

from pipelines.init import parameters
from pipelines.params import Params

ORIGINAL = Path(__file__).resolve().parents[3] / "params.yaml"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    copy = tmp_path / "params.yaml"
    copy.write_text(ORIGINAL.read_text())
    return copy


def test_equal_parameters_change_nothing(file: Path) -> None:
    assert parameters.changes(Params.load(file), file) == {}


def test_changed_leaves_alone_are_written_and_read_back(file: Path) -> None:
    wanted = Params.load(file, ["cf.l2=1.5", "families=[popularity]", "blends=[]"])

    changed = parameters.changes(wanted, file)
    parameters.apply(file, changed)

    assert changed == {("cf", "l2"): 1.5, ("families",): ["popularity"], ("blends",): []}
    assert Params.load(file) == wanted
    lines = zip(file.read_text().splitlines(), ORIGINAL.read_text().splitlines(), strict=True)
    assert sum(new != old for new, old in lines) == 3
