"""What a rebuilt version and its commit have in common, and what they have not."""

from pipelines.contracts.reproduce import Figure, Rebuilt
from pipelines.reproduce.comparison import compare_figures, compare_outputs, lock_of

LOCK = b"""\
schema: '2.0'
stages:
  prepare:
    cmd: python -m pipelines prepare
    deps:
    - {path: data/items, md5: 1a.dir}
    outs:
    - {path: data/prepared, md5: 2b.dir}
  refit:
    cmd: python -m pipelines refit
    outs:
    - {path: artifacts/refit, md5: 3c.dir}
"""
DATA = {"data/items": "1a.dir"}


def changed(old: bytes, new: bytes) -> list[Rebuilt]:
    rows = compare_outputs(lock_of(LOCK), lock_of(LOCK.replace(old, new)), DATA)
    return [row for row in rows if not row.equal]


def test_the_same_lock_has_every_table_and_output_equal() -> None:
    rows = compare_outputs(lock_of(LOCK), lock_of(LOCK), DATA)

    assert [(row.stage, row.path, row.equal) for row in rows] == [
        ("data", "data/items", True),
        ("prepare", "data/prepared", True),
        ("refit", "artifacts/refit", True),
    ]


def test_an_output_that_came_out_otherwise_is_named_with_both_digests() -> None:
    assert changed(b"2b", b"2c") == [
        Rebuilt(
            stage="prepare", path="data/prepared", expected="2b.dir", found="2c.dir", equal=False
        )
    ]


def test_an_output_that_only_one_of_them_has_is_a_difference() -> None:
    rows = changed(b"artifacts/refit", b"artifacts/other")

    assert [(row.path, row.expected, row.found) for row in rows] == [
        ("artifacts/other", None, "3c.dir"),
        ("artifacts/refit", "3c.dir", None),
    ]


def test_data_that_the_lock_was_not_made_from_are_a_difference() -> None:
    rows = compare_outputs(lock_of(LOCK), lock_of(LOCK), {"data/items": "1f.dir"})

    assert [(row.stage, row.expected, row.found) for row in rows if not row.equal] == [
        ("data", "1a.dir", "1f.dir")
    ]


def test_equal_figures_are_only_counted() -> None:
    figures = compare_figures({"a": {"b": 1.0, "c": [1, None]}}, {"a": {"c": [1, None], "b": 1}})

    assert (figures.compared, figures.different, figures.largest) == (3, 0, [])


def test_figures_that_differ_are_named_the_largest_difference_first() -> None:
    # 10 % of 0.1 is more than 1 % of 100
    figures = compare_figures({"small": 0.1, "large": 100.0}, {"small": 0.09, "large": 99.0})

    assert [figure.name for figure in figures.largest] == ["small", "large"]


def test_a_figure_that_is_gone_comes_before_all_that_differ() -> None:
    figures = compare_figures({"a": 1.0, "b": 1.0}, {"a": 0.5})

    assert figures.largest[0] == Figure(name="b", expected=1.0, found=None)
    assert figures.different == 2


def test_of_many_differences_ten_are_shown() -> None:
    before = {str(number): float(number) for number in range(1, 31)}

    figures = compare_figures(before, {name: value + 1 for name, value in before.items()})

    assert (figures.different, len(figures.largest)) == (30, 10)
