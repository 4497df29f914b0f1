"""The pages of docs/ that are generated: the command line from its help, errors from their classes.

`make format` writes them; a contract test compares what is committed with what would be written.
"""

from collections.abc import Iterator
from pathlib import Path

import typer

from pipelines import errors
from pipelines.cli.application import app
from pipelines.errors import TandemError

DOCS = Path(__file__).resolve().parent.parent / "docs"
WIDTH = 96  # columns of a help text
GROUPS = ("Data", "Model", "Release", "Operate")
CATEGORIES = (
    errors.UsageError,
    errors.InputRefused,
    errors.CheckFailed,
    errors.EnvironmentFault,
    errors.NothingToDo,
)


def pages() -> dict[str, str]:
    """Every generated page by file name."""
    return {"cli.md": command_page(), "errors.md": error_page()}


# --- the command line


def command_page() -> str:
    """All verbs with their help, by group."""
    parts = [
        "# Command line\n",
        "Generated from `--help` by `make format`. With `--json` a verb prints exactly one JSON"
        " object on stdout; what is for people goes to stderr. Exit codes: [errors](errors.md).\n",
    ]
    for group in GROUPS:
        parts.append(f"## {group}\n")
        parts += [_section(words, text) for words, text in verbs(group)]
    return "\n".join(parts)


def verbs(group: str | None = None) -> Iterator[tuple[str, str]]:
    """Each verb of a group (default: of all) as people type it, with its help text."""
    root = typer.main.get_command(app)
    for name, command in sorted(getattr(root, "commands", {}).items()):
        if group in (None, command.rich_help_panel):
            yield from _described(f"tandem {name}", command)


def _described(words: str, command: typer.core.TyperCommand) -> Iterator[tuple[str, str]]:
    below = getattr(command, "commands", {})
    for name, inner in sorted(below.items()):
        yield from _described(f"{words} {name}", inner)
    if below:
        return
    command.rich_markup_mode = None  # boxes are for terminals
    context = command.make_context(
        words, [], resilient_parsing=True, terminal_width=WIDTH, max_content_width=WIDTH
    )
    yield words, command.get_help(context)


def _section(words: str, text: str) -> str:
    return f"### {words}\n\n```text\n{text}\n```\n"


# --- errors


def error_page() -> str:
    """All errors that a user can cause, by exit code."""
    parts = [
        "# Errors\n",
        "Generated from `pipelines/errors.py` by `make format`. An error says what happened"
        " (`error:`), where (`where:`) and how to fix it (`hint:`); with `--json` it is"
        ' `{"error": {"code", "message", "where", "hint"}}` on stdout. Exit code 0 means done; 1 is'
        " a bug of ours, and its message names the log file with the traceback. The codes of the"
        " prediction API are on [its page](api.md).\n",
    ]
    for category in CATEGORIES:
        parts.append(f"## Exit code {category.exit_code}: {_first_line(category)}\n")
        parts.append("| code | when |\n|---|---|")
        parts += [f"| `{error.code}` | {_first_line(error)} |" for error in concrete(category)]
        parts.append("")
    parts.append("## The exit code of another verb\n")
    parts.append("| code | when |\n|---|---|")
    parts += [f"| `{error.code}` | {_first_line(error)} |" for error in passed_on()]
    return "\n".join(parts) + "\n"


def concrete(category: type[TandemError]) -> list[type[TandemError]]:
    """The errors of a category, by code; the category itself is only a name."""
    found: set[type[TandemError]] = set()
    waiting = list(category.__subclasses__())
    while waiting:
        error = waiting.pop()
        found.add(error)
        waiting += error.__subclasses__()
    return sorted(found, key=lambda error: error.code)


def passed_on() -> list[type[TandemError]]:
    """Errors outside the categories: they hand on the exit code of a verb that they drove."""
    outside = [error for error in TandemError.__subclasses__() if error not in CATEGORIES]
    return sorted(outside, key=lambda error: error.code)


def _first_line(error: type[TandemError]) -> str:
    return (error.__doc__ or "").strip().splitlines()[0]


def main() -> None:
    """Writes every page that differs."""
    for name, text in pages().items():
        path = DOCS / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
