"""The gateway's own answers."""

from pathlib import Path

from pipelines.rollout import problems
from services.recommender import problems as service


def test_codes_shared_with_the_service_have_its_status_and_title() -> None:
    gateway = {problem.code: (problem.status, problem.title) for problem in problems.PROBLEMS}

    shared = gateway.keys() & service.KINDS.keys()

    assert {code: gateway[code] for code in shared} == {
        code: service.KINDS[code] for code in shared
    }
    assert {"not-found", "body-too-large", "unsupported-media-type"} <= shared


def test_the_api_page_names_every_code_of_the_gateway() -> None:
    page = (Path(__file__).parents[3] / "docs" / "api.md").read_text()

    assert [
        one.code for one in problems.PROBLEMS if f"{one.status} | `{one.code}`" not in page
    ] == []


def test_types_are_the_services() -> None:
    assert problems.TYPE_PREFIX == service.TYPE_PREFIX
    assert problems.MEDIA_TYPE == service.MEDIA_TYPE


def test_a_problem_with_a_filter_of_its_own_stands_before_the_plain_one_of_its_status() -> None:
    """Envoy takes the first mapper that matches; the other order would hide the special one."""
    order = [(problem.status, problem.only_if is None) for problem in problems.PROBLEMS]

    assert order == sorted(order)


def test_every_503_and_504_says_when_to_try_again() -> None:
    mappers = problems.local_replies()["mappers"]

    retried = [
        problem.status
        for problem, mapper in zip(problems.PROBLEMS, mappers, strict=True)
        if "headers_to_add" in mapper
    ]

    assert retried == [503, 503, 503, 504]
