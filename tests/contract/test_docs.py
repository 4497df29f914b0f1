"""Documentation cannot go stale: generated pages are compared, links and commands resolved."""

import re
from pathlib import PurePosixPath

import pytest

from infra.reference_pages import pages, verbs
from tests.contract.tracked import ROOT, files, text

PAGES = [name for name in files() if name.endswith(".md")]
LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```(?:bash|sh|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"^    (.+)$", re.MULTILINE)
DECISIONS = [name for name in PAGES if re.match(r"docs/decisions/\d{4}-", name)]
PARTS = ["Status", "Context", "Decision", "Refused", "Consequences", "Confirmation"]
TEST_NAME = re.compile(r"`(tests/[\w/]+\.py)(?:::(test_\w+))?`")


@pytest.mark.parametrize("name", pages())
def test_a_generated_page_is_up_to_date(name: str) -> None:
    assert text(f"docs/{name}") == pages()[name], "run `make format`"


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_files_and_headings_that_exist(page: str) -> None:
    folder = PurePosixPath(page).parent
    targets = [link for link in LINK.findall(without_code(text(page))) if "://" not in link]

    assert [target for target in targets if not resolves(folder, page, target)] == []


@pytest.mark.parametrize("page", PAGES)
def test_commands_that_a_page_shows_exist(page: str) -> None:
    blocks = [*FENCE.findall(text(page)), *INDENTED.findall(text(page))]
    lines = [line.strip() for block in blocks for line in block.splitlines()]
    shown = [re.sub(r"^(\$ |\.venv/bin/)", "", line) for line in lines]

    assert [line for line in shown if line.startswith("make ") and not is_target(line)] == []
    assert [line for line in shown if line.startswith("tandem ") and not is_verb(line)] == []


@pytest.mark.parametrize("page", DECISIONS)
def test_a_decision_is_a_page_with_every_part(page: str) -> None:
    headings = re.findall(r"^## (.+)$", text(page), re.MULTILINE)

    assert headings == PARTS
    assert len(text(page).split()) <= 550


@pytest.mark.parametrize("page", PAGES)
def test_tests_that_a_page_names_exist(page: str) -> None:
    named = TEST_NAME.findall(text(page))

    assert [file for file, _ in named if file not in files()] == []
    assert [test for file, test in named if test and f"def {test}(" not in text(file)] == []


@pytest.mark.parametrize("page", DECISIONS)
def test_a_decision_is_confirmed_by_a_test(page: str) -> None:
    confirmation = text(page).partition("## Confirmation")[2]

    assert TEST_NAME.search(confirmation)


def test_the_quick_start_ends_in_a_real_recommendation() -> None:
    section = text("README.md").partition("## Quick start")[2].partition("\n## ")[0]

    assert "make demo" in section
    assert "client.env" in section
    assert "/v1/recommend" in section


def test_the_readme_has_its_parts_in_order() -> None:
    headings = re.findall(r"^## (.+)$", text("README.md"), re.MULTILINE)

    assert headings == [
        "Quick start",
        "Highlights",
        "Three ways in",
        "Results",
        "Limits",
        "Documentation",
    ]


def test_every_page_of_documentation_is_reachable_from_the_readme() -> None:
    assert sorted(set(PAGES) - reachable("README.md")) == []


def reachable(start: str) -> set[str]:
    """The pages that one gets to from a page by following links."""
    reached, waiting = {start}, [start]
    while waiting:
        page = waiting.pop()
        targets = {target_of(page, link) for link in LINK.findall(text(page))}
        waiting += (targets & set(PAGES)) - reached
        reached |= targets & set(PAGES)
    return reached


def without_code(page: str) -> str:
    """The text without its code blocks and code words."""
    return re.sub(r"`[^`\n]*`", "", re.sub(r"^```.*?^```", "", page, flags=re.M | re.S))


def target_of(page: str, link: str) -> str:
    """The file that a link of a page leads to, as a path from the root."""
    resolved = ((ROOT / page).parent / link.partition("#")[0]).resolve()
    return resolved.relative_to(ROOT).as_posix() if resolved.is_relative_to(ROOT) else link


def resolves(folder: PurePosixPath, page: str, link: str) -> bool:
    """Whether the file is there, and the heading in it."""
    target, _, heading = link.partition("#")
    path = ROOT / folder / target if target else ROOT / page
    if not path.exists():
        return False
    return not heading or heading in anchors(path.read_text(encoding="utf-8"))


def anchors(page: str) -> set[str]:
    """Headings as the anchors that Git hosts make of them."""
    headings = re.findall(r"^#+ (.+)$", page, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def is_target(line: str) -> bool:
    """Whether `make TARGET` names a target."""
    targets = set(re.findall(r"^([a-z-]+):", text("Makefile"), re.MULTILINE))
    return set(line.partition("#")[0].split()[1:]) <= targets


def is_verb(line: str) -> bool:
    """Whether a `tandem` line names a verb and only options that it has."""
    words = line.partition("#")[0].split()
    known = dict(verbs())
    depth = 3 if words[1] == "run" else 2
    given = known.get(" ".join(words[:depth]))
    options = {word.partition("=")[0] for word in words[depth:] if word.startswith("-")}
    return given is not None and all(f"{option}" in given for option in options)
