import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_a_relative_path_means_where_the_caller_stands_when_called_from_below_the_root(
    tmp_path: Path,
) -> None:
    environment = {**os.environ, "TANDEM_HOME": str(tmp_path)}
    call = "from pipelines.cli.launcher import main; main()"

    ended = subprocess.run(
        [sys.executable, "-c", call, "ingest", "--params", "absent.yaml"],
        cwd=ROOT / "docs",
        env=environment | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 2
    assert str(ROOT / "docs" / "absent.yaml") in ended.stderr


def test_a_relative_home_means_where_the_caller_stands_too() -> None:
    call = "from pipelines.cli.launcher import main; main()"

    ended = subprocess.run(
        [sys.executable, "-c", call, "status"],
        cwd=ROOT / "docs",
        env={**os.environ, "TANDEM_HOME": "no-home", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 2
    assert f"where: {ROOT / 'docs' / 'no-home'}" in ended.stderr
