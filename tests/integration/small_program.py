"""A small stand-in for `python -m pipelines` in a run's clone: verbs that take milliseconds.

It is copied into a scratch repository as `pipelines/__main__.py`, reads and writes the same files
as the real verbs, and does as the files of the home's `orders/` say: `VERB` holds an exit code,
`hang`, or a signal's number with a minus. Standard library only.
"""

import hashlib
import json
import os
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

HOME = Path(os.environ.get("TANDEM_HOME", "var"))
TEMPLATES = Path("templates")


def main(verb: str, words: list[str]) -> int:
    code = obey(verb)
    if code == 0:
        globals()[verb](*words)
    return code


def obey(verb: str) -> int:
    order = HOME / "orders" / verb
    if not order.exists():
        return 0
    text = order.read_text()
    order.unlink()
    if text == "hang":
        (HOME / "orders" / "pid").write_text(str(os.getpid()))
        time.sleep(600)
    if text.startswith("-"):
        os.kill(os.getpid(), -int(text))
        signal.pause()
    record = {"code": "told", "message": "as ordered", "where": [], "hint": ""}
    write(Path(os.environ["TANDEM_ERROR_FILE"]), {**record, "exit_code": int(text)})
    return int(text)


def ingest(key: str, rows: str = "1") -> None:
    write(Path("var/landed.json"), {"key": key, "rows": rows})


def validate() -> None:
    landed = read(Path("var/landed.json"))
    key, rows = landed["key"], landed["rows"]
    known = [read(path) for path in sorted(Path("reports/validation").glob("*.json"))]
    revision = sum(report["key"] == key for report in known) + 1
    facts = {
        "key": key,
        "revision": revision,
        "tag": f"data/{key}" + (f".r{revision}" if revision > 1 else ""),
        "sequence": max((report["sequence"] for report in known), default=0) + 1,
        "rows": len(rows),
    }
    for table in ("interactions", "items", "users"):
        folder = Path("data") / table / f"dt={key}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "part-0.parquet").write_text(f"{table} of {key}: {rows}\n")
        digest = digest_of(folder / "part-0.parquet")
        manifest = {"schema": 1, **facts, "sha256": digest, "source_digest": "0" * 64}
        write(folder / "manifest.json", manifest)
    report = {
        **read(TEMPLATES / "partition.json"),
        **facts,
        "landing_digest": hashlib.sha256(rows.encode()).hexdigest(),
        "accepted_at": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
        "period_start": f"{key}T00:00:00Z",
        "period_end": f"{key}T23:00:00Z",
    }
    write(Path("reports/validation") / f"{key}.json", report)
    write(HOME / "validation" / f"{key}.json", report)
    for page in (Path("reports/validation"), HOME / "validation"):
        (page / f"{key}.html").write_text(f"<p>{key}</p>\n")


def prepare() -> None:
    parts = sorted(Path("data/interactions").glob("dt=*/part-0.parquet"))
    write(Path("data/prepared/prepared.json"), {"rows": [part.read_text() for part in parts]})
    note("prepare")


def train(_: str, family: str) -> None:
    fit(Path("artifacts") / family)
    report = {**read(TEMPLATES / "train.json"), "family": family}
    write(Path("reports/train") / f"{family}.json", report)
    note("train")


def evaluate() -> None:
    digest = tree_digest(Path("artifacts/popularity"))
    write(
        Path("reports/winner.json"), {**read(TEMPLATES / "winner.json"), "artifact_digest": digest}
    )
    rows = read(Path("data/prepared/prepared.json"))["rows"]
    write(Path("reports/metrics.json"), {"test": {"characters": len("".join(rows))}})


def refit() -> None:
    fit(Path("artifacts/refit"))


def gate() -> None:
    newest = max(Path("data/interactions").glob("dt=*")).name.removeprefix("dt=")
    verdict = {**read(TEMPLATES / "gate.json"), "data_version": f"data/{newest}"}
    write(Path("reports/gate.json"), verdict)


def fit(folder: Path) -> None:
    prepared = Path("data/prepared/prepared.json").read_text()
    code = Path("pipelines/models/popularity/model.py").read_text()
    write(folder / "manifest.json", {"fit_until": 889_401_600_000_000, "learnt": prepared})
    (folder / "saved_model").mkdir(exist_ok=True)
    (folder / "saved_model/saved_model.pb").write_text(code)


def note(verb: str) -> None:
    """Says which processes worked, for tests that count them."""
    with (HOME / "worked.log").open("a") as file:
        file.write(f"{verb} {os.environ.get('TANDEM_RUN_ID')} {Path.cwd()}\n")


def tree_digest(folder: Path) -> str:
    files = [path for path in folder.rglob("*") if path.is_file()]
    lines = sorted(f"{path.relative_to(folder).as_posix()}\0{digest_of(path)}\n" for path in files)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def digest_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text()))


def write(path: Path, content: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
