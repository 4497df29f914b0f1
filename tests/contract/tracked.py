"""What this repository tracks, or would at the next commit: the subject of the house's rules."""

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
CODE = ("pipelines/", "services/", "dags/", "infra/", "benchmarks/", "tests/")
OUTPUTS = ("data/", "artifacts/", "reports/", "dvc.lock")


class Function(NamedTuple):
    """One function of ours."""

    place: str
    """`file:line name`."""
    n_lines: int
    """Of the body, docstring aside."""
    n_parameters: int
    """Without self and cls."""


@cache
def files() -> tuple[str, ...]:
    """Paths from the root: tracked, or new and neither ignored nor the output of a step."""
    tracked = _listed("--cached")
    new = {name for name in _listed("--others", "--exclude-standard") if not _is_output(name)}
    return tuple(sorted(name for name in tracked | new if (ROOT / name).is_file()))


def _listed(*options: str) -> set[str]:
    command = ["git", "ls-files", "-z", *options]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout
    return set(listed.split("\0")) - {""}


def _is_output(name: str) -> bool:
    return name.startswith(OUTPUTS)


def modules(*folders: str) -> list[str]:
    """Our Python files, below some folders or below all of them."""
    return [name for name in files() if name.endswith(".py") and name.startswith(folders or CODE)]


def text(name: str) -> str:
    """A tracked file's text; bytes that are none are replaced."""
    return (ROOT / name).read_text(encoding="utf-8", errors="replace")


@cache
def functions(name: str) -> tuple[Function, ...]:
    """All functions and methods of a module, inner ones too."""
    return tuple(_functions(name))


def _functions(name: str) -> Iterator[Function]:
    for node in ast.walk(ast.parse(text(name))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            n_lines = (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0
            arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            named = [argument for argument in arguments if argument.arg not in {"self", "cls"}]
            yield Function(f"{name}:{node.lineno} {node.name}", n_lines, len(named))


def imports(name: str) -> set[str]:
    """Modules that a file imports, as dotted names, at any depth of its code."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(text(name))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found
