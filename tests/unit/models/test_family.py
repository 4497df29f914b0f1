"""Digests of families' code, and fits that have nothing to learn from."""

import shutil

import pytest

from pipelines.errors import NothingToLearn
from pipelines.models import family
from tests.unit.models.small_data import make_data
from tests.world import world_params

PARAMS = world_params()
FAMILIES = ("cf", "popularity", "content", "multitask")


@pytest.fixture
def copied_code(tmp_path, monkeypatch):
    target = tmp_path / "models"
    shutil.copytree(family._HERE, target, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(family, "_HERE", target)
    return target


def test_edit_of_a_family_changes_its_own_digest_alone(copied_code):
    before = {name: family.code_digest(name) for name in FAMILIES}

    (copied_code / "cf" / "ease.py").write_text("changed = True\n")

    after = {name: family.code_digest(name) for name in before}
    assert [name for name in before if before[name] != after[name]] == ["cf"]


def test_edit_of_what_families_share_changes_all_digests(copied_code):
    before = {name: family.code_digest(name) for name in FAMILIES}

    (copied_code / "serving.py").write_text("changed = True\n")

    assert all(family.code_digest(name) != digest for name, digest in before.items())


def test_edit_of_the_loop_changes_the_families_that_use_it(copied_code):
    before = {name: family.code_digest(name) for name in ("cf", "multitask")}

    (copied_code / "fitting" / "loop.py").write_text("changed = True\n")

    assert family.code_digest("cf") == before["cf"]
    assert family.code_digest("multitask") != before["multitask"]


def test_edit_of_a_source_changes_the_blend(copied_code):
    before = family.code_digest("blend", PARAMS.blend.sources)

    (copied_code / PARAMS.blend.sources[1] / "__init__.py").write_text("changed = True\n")

    assert family.code_digest("blend", PARAMS.blend.sources) != before


def test_a_blend_reads_the_parameters_of_its_sources():
    assert {"fit", "blend", *PARAMS.blend.sources} == set(family.sections("blend", PARAMS))
    assert set(family.sections("cf", PARAMS)) == {"fit", "cf"}


def test_fit_window_without_interactions_is_refused():
    data = make_data([("u", "gone", 1, 5.0), ("u", "a", 9, 5.0)])

    with pytest.raises(NothingToLearn) as refused:
        family.fit("popularity", data, world_params(), until=9, epochs=None, calibration=None)

    assert refused.value.exit_code == 3
