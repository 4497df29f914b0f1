"""The house's rules on files: names, sizes, who imports whom, and what is never committed."""

import re
import sys
from pathlib import PurePosixPath

import pytest

from tests.contract.tracked import CODE, ROOT, files, functions, imports, modules, text

HERE = "tests/contract/test_layout.py"
MODULE_LINES = 400
FUNCTION_LINES = 40
DAG_LINES = 60
PARAMETERS = 5
FORBIDDEN_NAMES = {"utils", "helpers", "common", "misc", "base", "core", "manager", "handler"}
# One entry for each error, or for each bad model, and no logic: as long as there are such.
LISTS = {"pipelines/errors.py", "benchmarks/bad_models/table.py"}
# Verbs take their options as parameters; DESIGN fixes the signatures of models.
SIGNATURES = (
    "pipelines/cli/",
    "pipelines/models/family.py",
    "pipelines/models/multitask/recipe.py",
    "pipelines/models/serving.py",
)
TREE = [
    ".ci/run",
    ".dvcignore",
    ".gitignore",
    ".importlinter",
    ".pre-commit-config.yaml",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "Makefile",
    "README.md",
    "champion.json",
    "dags/recommender_deployment.py",
    "dags/recommender_ingestion.py",
    "dags/recommender_training.py",
    "datasets/movielens-100k.yaml",
    "docs/api.md",
    "docs/architecture.md",
    "docs/cli.md",
    "docs/data-contract.md",
    "docs/errors.md",
    "docs/glossary.md",
    "docs/models.md",
    "docs/runbook.md",
    "docs/security.md",
    "dvc.yaml",
    "params.yaml",
    "pyproject.toml",
    "requirements/requirements.lock",
    "requirements/serving.lock",
    "run.yaml",
    "services/recommender/service.py",
    "tests/world.py",
]
# Spelled in two parts, so that this file may be searched, too.
SECRETS = ["-----BEGIN " + "PRIVATE", "-----BEGIN " + "RSA", "AK" + "IA[0-9A-Z]{16}", "gh" + "p_"]
HOSTS = ["pypi" + r"\.org", "python" + "hosted", "npm" + r"js\.", "deb" + r"\.debian"]
PLACES = ["/ro" + "ot/", "/wo" + "rk/", r"\.py" + "env"]


@pytest.mark.parametrize("name", TREE)
def test_the_tree_has_what_the_design_names(name: str) -> None:
    assert name in files()


@pytest.mark.parametrize("kind", ["data", "artifacts", "reports", "var", ".venv"])
def test_outputs_and_runtime_state_are_not_tracked(kind: str) -> None:
    assert [name for name in files() if name.startswith(f"{kind}/")] == []


def test_what_dvc_tracks_is_not_ignored_by_us() -> None:
    ignored = text(".gitignore").split()

    assert "/var/" in ignored
    assert [line for line in ignored if re.search("data|artifacts|reports", line)] == []


def test_a_file_is_named_by_the_noun_that_it_holds() -> None:
    stems = {name: PurePosixPath(name).stem for name in files()}

    assert [name for name, stem in stems.items() if stem in FORBIDDEN_NAMES] == []


def test_no_module_is_too_long() -> None:
    lengths = {name: len(text(name).splitlines()) for name in modules() if name not in LISTS}

    assert {name: n for name, n in lengths.items() if n > MODULE_LINES} == {}


def test_no_function_is_too_long() -> None:
    found = [function for name in modules() for function in functions(name)]

    assert [f"{f.place}: {f.n_lines}" for f in found if f.n_lines > FUNCTION_LINES] == []


def test_a_function_with_many_parameters_takes_a_record_instead() -> None:
    named = modules("pipelines/", "services/", "dags/", "infra/")
    judged = [name for name in named if not name.startswith(SIGNATURES)]
    found = [function for name in judged for function in functions(name)]

    assert [f"{f.place}: {f.n_parameters}" for f in found if f.n_parameters > PARAMETERS] == []


def test_dag_files_are_wiring_only() -> None:
    dags = [name for name in modules("dags/") if name.count("/") == 1]

    assert len(dags) >= 3
    assert [name for name in dags if len(text(name).splitlines()) > DAG_LINES] == []


def test_dags_import_airflow_the_standard_library_and_their_own_package() -> None:
    allowed = {"airflow", "tandem_dags", *sys.stdlib_module_names}
    found = {(name, word) for name in modules("dags/") for word in imports(name)}

    assert {(name, word) for name, word in found if word.split(".")[0] not in allowed} == set()


def test_of_serving_the_platform_imports_the_slate_alone() -> None:
    found = {word for name in modules("pipelines/") for word in imports(name)}
    serving = {word for word in found if word.startswith("services")}

    assert serving <= {"services.recommender.slate"} | {
        word for word in serving if word.startswith("services.recommender.slate.")
    }


def test_a_package_marker_is_empty_or_re_exports() -> None:
    markers = [name for name in modules("pipelines/", "services/") if name.endswith("__init__.py")]
    own_code = [name for name in markers if list(functions(name))]

    assert own_code == []


# --- what is never committed


@pytest.mark.parametrize(
    ("what", "patterns"),
    [("secrets", SECRETS), ("registry hosts", HOSTS), ("places of one machine", PLACES)],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_tracked_files_hold_none_of(what: str, patterns: list[str]) -> None:
    pattern = re.compile("|".join(patterns))

    assert [f"{what}: {name}" for name in files() if pattern.search(text(name))] == []


def test_code_does_not_talk_of_the_tracker_and_leaves_nothing_for_later() -> None:
    pattern = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|\bissue \d|\bissue #")
    judged = [name for name in files() if name.startswith(CODE) and name != HERE]

    assert [name for name in judged if pattern.search(text(name))] == []


# --- requirements


def test_locks_name_no_host() -> None:
    pattern = re.compile("://|index-url|find-links")
    locks = [name for name in files() if name.startswith("requirements/")]

    assert len(locks) == 4
    assert [name for name in locks if pattern.search(text(name))] == []


def test_every_pin_of_a_lock_is_hashed() -> None:
    entries = re.findall(r"^\S+==\S+ \\\n +--hash=sha256:[0-9a-f]{64}", LOCK, re.MULTILINE)

    assert len(entries) == len(pins(LOCK))


def test_what_serves_is_a_strict_subset_of_what_is_tested() -> None:
    assert pins(text("requirements/serving.lock")) < pins(LOCK)


def test_the_project_names_the_same_packages_as_its_requirements() -> None:
    declared = re.findall(
        r'^    "([a-z][a-z0-9._-]+)[^"/]*",$', text("pyproject.toml"), re.MULTILINE
    )
    required = re.findall(
        r"^([a-z][a-z0-9._-]+)", text("requirements/requirements.in"), re.MULTILINE
    )

    assert set(declared) == set(required)


LOCK = text("requirements/requirements.lock")


def pins(lock: str) -> set[str]:
    """`name==version` of a lock."""
    return set(re.findall(r"^([a-z0-9._-]+==\S+)", lock, re.MULTILINE))


def test_the_hook_calls_what_a_person_types() -> None:
    assert "entry: make check" in text(".pre-commit-config.yaml")
    assert "exec make test" in text(".ci/run")
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111
