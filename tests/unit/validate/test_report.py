from html.parser import HTMLParser

from pipelines.contracts.data import Example, Notice
from pipelines.validate.report import page
from tests.unit.validate.reports import a_check, a_report


class _Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)


def test_what_came_from_the_data_cannot_become_markup() -> None:
    hostile = "<script>alert(1)</script>"
    checks = [a_check(outcome="failed", n_unexpected=3, observed=hostile)]
    notices = [Notice(slug="columns-new", text=hostile)]

    parsed = _Tags(page(a_report(decision="REJECT", checks=checks, notices=notices)))

    assert "script" not in parsed.tags


def test_the_page_needs_nothing_but_itself() -> None:
    parsed = _Tags(page(a_report(checks=[a_check()])))

    assert not parsed.tags & {"script", "img", "link", "iframe", "a"}
    assert not parsed.attributes & {"src", "href"}


def test_a_refusal_shows_the_failed_check_first_with_its_hint() -> None:
    failed = a_check(
        check="timestamp.wrong-partition",
        outcome="failed",
        n_unexpected=90,
        reason="the timestamp lies outside the partition",
        hint="land such rows with their own KEY",
    )

    text = page(a_report(decision="REJECT", tag=None, checks=[a_check(), failed]))

    assert text.index("timestamp.wrong-partition") < text.index("value.value-range")
    assert "land such rows with their own KEY" in text
    assert "Nothing of it was accepted" in text


def test_examples_are_shown_with_their_lines_and_cannot_become_markup() -> None:
    hostile = "<img src=x onerror=alert(1)>"
    example = Example(line=7, user="p1_0123…", item=hostile, column="title", value=hostile)
    check = a_check(outcome="failed", n_unexpected=1).model_copy(update={"examples": [example]})

    text = page(a_report(decision="REJECT", tag=None, checks=[check]))

    assert "<td>7</td><td>p1_0123…</td>" in text
    assert "&lt;img src=x onerror=alert(1)&gt;" in text
    assert not _Tags(text).tags & {"img", "script"}
