"""The typer application: verbs in four groups, one exit code for each kind of error."""

import json
import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import typer
from typer import exceptions

from pipelines.cli import data, model, operate, release
from pipelines.errors import TandemError, UsageError
from pipelines.home import Home

BUG = 1
USAGE = UsageError.exit_code
INTERRUPTED = 130

app = typer.Typer(
    name="tandem",
    help="Data to a live recommender: validate, train, judge, package, deploy.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
for group in (data, model, release, operate):
    group.register(app)


def main(arguments: Sequence[str]) -> int:
    """Runs one verb and returns its exit code.

    An error of ours is printed in three parts (as JSON on stdout under `--json`), and written to
    the file that TANDEM_ERROR_FILE names, for whoever started us and cannot see the code.
    """
    as_json = "--json" in arguments
    try:
        code = app(list(arguments), standalone_mode=False, prog_name="tandem")
    except TandemError as error:
        return _report(error.record(), error.render(), as_json, error.answer)
    except exceptions.TyperException as error:
        return _misused(error, as_json)
    except exceptions.Abort:
        code = INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        return _bug(error, as_json)
    if code == INTERRUPTED:  # typer makes that of Ctrl-C
        print("interrupted; run the same again to go on", file=sys.stderr)
    return code if isinstance(code, int) else 0


def _misused(error: exceptions.TyperException, as_json: bool) -> int:
    """A wrong verb, option or argument; a call without any got its help instead."""
    message, context = error.format_message(), getattr(error, "ctx", None)
    if not message:
        return USAGE
    hint = f"{context.command_path if context else 'tandem'} --help"
    fault = UsageError(message, hint=hint)
    return _report(fault.record(), fault.render(), as_json)


def _report(
    record: dict[str, object], text: str, as_json: bool, answer: Mapping[str, object] | None = None
) -> int:
    """Tells of an error; a verb's answer beside it stays one JSON object."""
    from pipelines import storage
    from pipelines.progress import log

    error_file = os.environ.get("TANDEM_ERROR_FILE")
    if error_file:
        with suppress(TandemError):  # the error that we have comes first
            storage.write_json(Path(error_file), record)
    if as_json:
        fields = ("code", "message", "where", "hint")
        error = {field: record[field] for field in fields}
        print(json.dumps({**(answer or {}), "error": error}))
    log(text)
    code = record["exit_code"]
    return code if isinstance(code, int) else BUG


def _bug(error: Exception, as_json: bool) -> int:
    from pipelines import storage

    trace = "".join(traceback.format_exception(error))
    name = f"error-{storage.now_utc():%Y%m%dT%H%M%S}-{os.getpid()}.log"
    try:
        path = _log_folder() / name
        storage.write_atomic(path, trace.encode(), mode=0o600)
        place, where = f"in {path}", [str(path)]
    except (OSError, TandemError):  # a full disk, or cwd is gone
        print(trace, file=sys.stderr)
        place, where = "above", []
    message = f"a bug in Tandem: {type(error).__name__}; the traceback is {place}"
    record = {"code": "bug", "message": message, "where": where, "hint": "", "exit_code": BUG}
    return _report(record, f"error: {message}", as_json)


def _log_folder() -> Path:
    try:
        return Home.find().ensure().logs
    except (OSError, TandemError):
        return Path.cwd()
