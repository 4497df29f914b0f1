"""A program that the supervisor keeps running, and its file for supervisord."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

_PROGRAM = """\
[{kind}:{name}]
command = {command}
directory = {directory}
environment = {environment}
autostart = true
autorestart = true
startsecs = {start_seconds}
startretries = {retries}
stopsignal = TERM
stopwaitsecs = {stop_seconds}
stopasgroup = {as_group}
killasgroup = true
{output}
"""

_TO_LOG = """\
redirect_stderr = true
stdout_logfile = {log}
stdout_logfile_maxbytes = 10MB
stdout_logfile_backups = 2"""

# A listener talks to the supervisor by its standard output.
_LISTENS = """\
events = {events}
buffer_size = 100
stdout_logfile = NONE
stderr_logfile = {log}
stderr_logfile_maxbytes = 10MB
stderr_logfile_backups = 2"""


@dataclass(frozen=True)
class Program:
    """A process to keep running; on a crash it is restarted after 1, 2, 3 … seconds."""

    name: str
    command: tuple[str, ...]
    directory: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    start_seconds: int = 1
    """Runs this long, or counts as a failed start, which is tried again later and later."""
    stop_seconds: int = 15
    stop_as_group: bool = True
    """Send TERM to the whole group; off where the program drains its own children."""
    retries: int = 30
    events: tuple[str, ...] = ()
    """The supervisor's events that it is told of; it then speaks the event listeners' protocol."""


def render(program: Program, log: Path) -> str:
    """The program's file, as supervisord reads it."""
    variables = (f"{name}={_quoted(value)}" for name, value in program.environment.items())
    output = _LISTENS if program.events else _TO_LOG
    return _PROGRAM.format(
        kind="eventlistener" if program.events else "program",
        name=program.name,
        command=escaped(shlex.join(program.command)),
        directory=escaped(str(program.directory)),
        environment=escaped(",".join(variables)),
        start_seconds=program.start_seconds,
        retries=program.retries,
        stop_seconds=program.stop_seconds,
        as_group=str(program.stop_as_group).lower(),
        output=output.format(log=escaped(str(log)), events=",".join(program.events)),
    )


def _quoted(value: str) -> str:
    return f"'{value}'" if '"' in value else f'"{value}"'


def escaped(text: str) -> str:
    """Text in which supervisord expands nothing."""
    return text.replace("%", "%%")
