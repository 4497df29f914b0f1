"""The data verbs in processes that faults are done to: loaded once, forked for each try.

Run as `python -m tests.faults.data_verbs`; orders come on stdin, answers go to stdout, JSON both.
 `start` forks a process that runs one verb, `wait` gives its exit status (negative: the
signal that killed it).
"""

import json
import os
import resource
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).parents[2]


def serve() -> None:
    """Loads what the verbs need, then obeys until stdin ends."""
    answer = {"ready": _load()}
    print(json.dumps(answer), flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        if "wait" in order:
            status = os.waitstatus_to_exitcode(os.waitpid(order["wait"], 0)[1])
            print(json.dumps({"status": status}), flush=True)
        else:
            print(json.dumps({"pid": _start(order)}), flush=True)


def _load() -> bool:
    from pipelines.cli import application
    from pipelines.ingest import columnar, delimited, jsonlines, step
    from pipelines.validate import step as validate

    return all((application, columnar, delimited, jsonlines, step, validate))


def _start(order: dict[str, Any]) -> int:
    pid = os.fork()
    if not pid:
        _become(order)
    return pid


def _become(order: dict[str, Any]) -> NoReturn:
    """One verb, as the order wants it."""
    code = 70
    try:
        os.setpgid(0, 0)
        os.chdir(order["cwd"])
        os.environ.update(order["env"])
        with open(order["out"], "wb") as file:  # noqa: PTH123
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        if order["broken_check"]:
            _break_a_check()
        if order["file_size"]:
            resource.setrlimit(resource.RLIMIT_FSIZE, (order["file_size"],) * 2)
        if order["uid"]:
            os.setgroups([])
            os.setgid(order["uid"])
            os.setuid(order["uid"])
        if order["stopped"]:
            os.kill(os.getpid(), signal.SIGSTOP)
        from pipelines.cli import application

        code = application.main(order["arguments"])
    finally:
        os._exit(code)


def _break_a_check() -> None:
    """An expectation about a column that no frame has."""
    from pipelines.validate import expectations
    from pipelines.validate.rules import Expected, Present

    broken = Expected("no_such_column", Present(), "feature-missing", "it is missing")
    whole = expectations.partition
    expectations.partition = lambda limits: [*whole(limits), broken]


# --- the other side


@dataclass(frozen=True)
class Ended:
    """How a verb ended."""

    status: int
    said: str
    """Both its streams."""


class DataVerbs:
    """Starts verbs in a process that has everything loaded."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.faults.data_verbs"]
        self._server = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._outputs: dict[int, Path] = {}
        self._answer()

    def start(
        self,
        clone: Path,
        *arguments: str,
        stopped: bool = False,
        uid: int = 0,
        file_size: int = 0,
        broken_check: bool = False,
        env: dict[str, str] | None = None,
    ) -> int:
        """Starts a verb in a clone; its pid, which is its process group's, too."""
        out = clone / f"out-{len(self._outputs)}.txt"
        out.touch(mode=0o666)
        order = {
            "arguments": [*arguments, "-P", "dataset=tiny"],
            "cwd": str(clone),
            "env": {"TANDEM_HOME": str(clone / "var"), **(env or {})},
            "out": str(out),
            "stopped": stopped,
            "uid": uid,
            "file_size": file_size,
            "broken_check": broken_check,
        }
        pid = int(self._ask(order)["pid"])
        self._outputs[pid] = out
        while stopped and "State:\tT" not in Path(f"/proc/{pid}/status").read_text():
            os.sched_yield()  # a SIGCONT before it has stopped would be lost
        return pid

    def wait(self, pid: int) -> Ended:
        """Waits for a verb's end."""
        status = int(self._ask({"wait": pid})["status"])
        return Ended(status, self._outputs[pid].read_text())

    def run(self, clone: Path, *arguments: str, **how: Any) -> Ended:
        """A verb from start to end."""
        return self.wait(self.start(clone, *arguments, **how))

    def traced(self, clone: Path, injection: str, *arguments: str) -> Ended:
        """A verb under strace, which injects a fault."""
        pid = self.start(clone, *arguments, stopped=True)
        command = ["strace", "-f", "-qq", "-o", os.devnull, "-p", str(pid)]
        tracer = subprocess.Popen([*command, "-e", f"inject={injection}"])
        while "TracerPid:\t0" in Path(f"/proc/{pid}/status").read_text():
            os.sched_yield()
            assert tracer.poll() is None, "strace did not start"
        os.kill(pid, signal.SIGCONT)
        ended = self.wait(pid)
        tracer.wait()
        return ended

    def close(self) -> None:
        """Ends the server."""
        assert self._server.stdin is not None
        self._server.stdin.close()
        self._server.wait()

    def _ask(self, order: dict[str, Any]) -> dict[str, Any]:
        assert self._server.stdin is not None
        self._server.stdin.write(f"{json.dumps(order)}\n")
        self._server.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._server.stdout is not None
        answer: dict[str, Any] = json.loads(self._server.stdout.readline())
        return answer


if __name__ == "__main__":
    serve()
