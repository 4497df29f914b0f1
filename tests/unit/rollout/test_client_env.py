"""client.env and the API key."""

import shlex
import subprocess
from pathlib import Path

from pipelines.home import Home
from pipelines.rollout import client_env


def test_key_is_made_once_private_and_recognisable(tmp_path: Path) -> None:
    home = Home(tmp_path).ensure()

    key = client_env.api_key(home)

    assert client_env.api_key(home) == key
    assert key.startswith("tdm_")
    assert len(key) >= 4 + 43  # 32 random bytes in base64
    assert home.api_key.stat().st_mode & 0o777 == 0o600


def test_shell_reads_what_was_written(tmp_path: Path) -> None:
    home = Home(tmp_path / "a $HOME with 'quotes'").ensure()
    password_file = str(home.airflow / "passwords.json")

    client_env.write(home, {"TANDEM_URL": "http://x", "AIRFLOW_PASSWORD_FILE": password_file})

    script = f'. {shlex.quote(str(home.client_env))}; printf "%s" "$AIRFLOW_PASSWORD_FILE"'
    told = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    assert told.stdout == password_file
    assert home.client_env.stat().st_mode & 0o777 == 0o600


def test_later_writes_keep_the_other_variables(tmp_path: Path) -> None:
    home = Home(tmp_path).ensure()
    client_env.write(home, {"TANDEM_URL": "http://one", "AIRFLOW_USER": "admin"})

    client_env.write(home, {"TANDEM_URL": "http://two"})

    assert client_env.read(home) == {"TANDEM_URL": "http://two", "AIRFLOW_USER": "admin"}
