import xml.etree.ElementTree as ElementTree

import pytest

from pipelines.contracts.model import Difference, Estimate, TrainReport, Winner
from pipelines.evaluate import measuring
from pipelines.evaluate.findings import findings
from pipelines.evaluate.measuring import Asked
from pipelines.evaluate.report import Report, page
from pipelines.measures.protocols import Questions, live, window
from pipelines.measures.scores import Window
from tests.unit.small_tables import FixedOrder, make_data

ITEMS = ["1", "2", "3", "4"]
ROWS = [("a", 1, "1", 5.0), ("a", 9, "2", 4.0), ("d", 9, "4", 3.0), ("d", 11, "1", 5.0)]
PREDICTIONS = {item: (0.25 * int(item) - 0.05, 3.0) for item in ITEMS}
LOSSES = [{"epoch": 1.0, "loss": 3.0}, {"epoch": 2.0, "loss": 2.0}]


def make_report(family, ndcg, learning_curve):
    estimate = Estimate(value=ndcg, low=ndcg - 0.1, high=ndcg + 0.1, n_events=3, n_users=2)
    return TrainReport(
        schema=1,
        family=family,
        validation={"ndcg_at_2": estimate},
        validation_users=None,
        epochs=len(learning_curve),
        calibration={},
        learning_curve=learning_curve,
        params={},
        code_digest="c",
        artifact_digest="a",
        fit_until=7,
    )


@pytest.fixture(scope="module")
def content():
    data = make_data(ROWS, ITEMS, validation_cut=5, test_cut=9)
    test = Window(data, data.window("test"), k=2, samples=20, seed=1)
    asked = Questions(data, test.rows, 2, 9)
    models = {
        "<b>": FixedOrder(ITEMS, PREDICTIONS),
        "multitask": FixedOrder(ITEMS[::-1], PREDICTIONS),
    }
    unranked = live(FixedOrder(ITEMS), asked)
    answers = {
        family: Asked(
            live(model, asked),
            window(model, asked),
            unranked if family == "multitask" else None,
        )
        for family, model in models.items()
    }
    reports = [make_report("<b>", 0.1, []), make_report("multitask", 0.2, LOSSES)]
    winner = Winner(
        schema=1,
        kind="recipe",
        family="multitask",
        params={},
        epochs=2,
        calibration={},
        code_digest="c",
        artifact_digest="a",
        fit_until=7,
        prepared_digest="p",
        chosen_by="ndcg_at_2 on validation, live",
        scores={"<b>": 0.1, "multitask": 0.2},
    )
    return Report(
        winner=winner,
        prepared=data.prepared,
        metrics=measuring.metrics(answers, test),
        reports=reports,
        gaps={"multitask": Difference(difference=0.1, low=0.05, high=0.2, n_users=2)},
        findings=findings(answers, test, "multitask", reports),
        k=2,
    )


@pytest.fixture(scope="module")
def tree(content):
    """The page, which is well-formed XML, too."""
    return ElementTree.fromstring(page(content))  # noqa: S314  our own page


def words(element) -> str:
    return " ".join("".join(element.itertext()).split())


def table(tree, caption: str) -> dict[str, list[str]]:
    """The cells of a table by the name of the row."""
    found = next(t for t in tree.iter("table") if words(t.find("caption")) == caption)
    rows = found.find("tbody").findall("tr")
    return {words(row.find("th")): [words(cell) for cell in row.findall("td")] for row in rows}


def test_equal_figures_give_equal_bytes(content):
    assert page(content) == page(content)


def test_the_verdict_comes_first_and_says_by_what_it_was_chosen(tree):
    first = tree.find("body/main/section")

    assert words(first.find("h2")) == "multitask is the recipe that the gate judges"
    assert "Chosen by ndcg_at_2 on validation, live." in words(first)
    assert "live: multitask minus <b>" in words(first)


def test_what_is_not_told_apart_is_said(tree):
    said = words(tree.find("body/main/section"))

    # of two users one is served better by each of the models
    assert "not told apart" in said
    assert "On live that multitask differs from <b>" in said


def test_the_winner_is_marked_in_the_tables(tree):
    marked = {words(row.find("th")) for row in tree.iter("tr") if row.get("class") == "wins"}

    assert marked == {"multitask"}


def test_the_winner_is_compared_in_its_own_direction(content, tree):
    rows = table(tree, "The winner, paired by user, live")

    # the record holds "<b>-multitask": the winner's view has the other sign
    gap = content.metrics.paired["live"]["<b>-multitask"]["hr_at_2"].difference
    assert rows["multitask minus <b>"][0].startswith(f"{-gap:+.4f}")


def test_retrieval_order_stands_beside_the_served_order(tree):
    rows = table(tree, "The same artifact with all weights but retrieval's at 0")

    assert list(rows) == ["multitask minus multitask (retrieval order)"]


def test_every_bin_of_calibration_says_its_count(tree):
    rows = table(tree, "like, multitask: predictions in 10 bins")

    # 1 at .2, 2 at .45 and 4 at .95: of these 2 and 1 are liked
    assert rows["0.2 to 0.3"] == ["1", "0.200", "1.000"]
    assert rows["0.4 to 0.5"] == ["1", "0.450", "1.000"]
    assert rows["0.9 to 1.0"] == ["1", "0.950", "0.000"]
    assert rows["0.5 to 0.6"] == ["0", "", ""]


def test_shares_of_users_that_the_rival_serves_better(tree):
    rows = table(tree, "Shares of users, by mean NDCG@2, live")

    # <b> shows a: 2, 3 (a hit at place 1), d: 1, 2 (a miss), then 1, 2 (a hit): a 1, d 1/2
    # multitask shows a: 4, 3 (a miss), d: 4, 3 (a hit), then 3, 2 (a miss): a 0, d 1/2
    assert rows["everybody"] == ["2", "0.0%", "50.0%", "50.0%"]
    assert rows["gender:F"] == ["1", "0.0%", "0.0%", "100.0%"]


def test_the_page_is_self_contained(tree):
    links = [
        value
        for element in tree.iter()
        for name, value in element.attrib.items()
        if name.rpartition("}")[2] in {"src", "href"}
    ]

    assert all(link.startswith("#") for link in links)
    assert list(tree.iter("script")) == []


def test_tables_and_charts_are_told_to_those_who_do_not_see_them(tree):
    tables = list(tree.iter("table"))
    charts = [element for element in tree.iter() if element.tag.endswith("svg")]

    assert all(words(found.find("caption")) for found in tables)
    assert {th.get("scope") for th in tree.iter("th")} == {"col", "row"}
    assert all(chart.get("role") == "img" and chart.get("aria-label") for chart in charts)
    # calibration, two trade-offs, slices, one learning curve; the items have no features
    assert len(charts) == 5


def test_no_id_stands_twice(tree):
    ids = [element.get("id") for element in tree.iter() if element.get("id")]

    assert len(ids) == len(set(ids)) > 0


def test_references_within_charts_name_ids_that_are_there(content, tree):
    ids = {element.get("id") for element in tree.iter()}
    referred = {
        value.removeprefix("#")
        for element in tree.iter()
        for name, value in element.attrib.items()
        if name.endswith("href")
    }

    assert referred
    assert referred <= ids


def test_names_are_escaped(content):
    text = page(content)

    assert '<th scope="row"><b></th>' not in text
    assert "&lt;b&gt;" in text
