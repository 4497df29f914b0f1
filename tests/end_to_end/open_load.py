"""`open_load.py CLIENT_ENV RATE BODY`: a steady stream of requests, until SIGTERM.

An open load: requests leave at their time, whether or not earlier ones were answered. At the end
one JSON object on stdout says how many were sent and which of them failed.
"""

import asyncio
import json
import shlex
import signal
import sys
import time
from collections import Counter
from pathlib import Path

import httpx

TIMEOUT_SECONDS = 30.0


async def main(client_env: Path, rate: float, body: bytes) -> None:
    """Sends until SIGTERM, waits for the last answers, and reports."""
    words = shlex.split(client_env.read_text(), comments=True)
    client = dict(word.split("=", 1) for word in words)
    headers = {
        "Authorization": f"Bearer {client['TANDEM_API_KEY']}",
        "Content-Type": "application/json",
    }
    stopped, outcomes, versions = asyncio.Event(), Counter[str](), Counter[str]()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)

    async def send(session: httpx.AsyncClient) -> None:
        try:
            answer = await session.post("/v1/recommend", content=body)
            outcomes[str(answer.status_code)] += 1
            if answer.status_code == httpx.codes.OK:
                versions[answer.json()["model"]["version"]] += 1
        except (httpx.HTTPError, ValueError, KeyError) as error:
            outcomes[repr(error)] += 1

    limits = httpx.Limits(max_connections=200)
    async with (
        httpx.AsyncClient(
            base_url=client["TANDEM_URL"], headers=headers, timeout=TIMEOUT_SECONDS, limits=limits
        ) as session,
        asyncio.TaskGroup() as group,
    ):
        start, sent = time.monotonic(), 0
        print("sending", file=sys.stderr, flush=True)
        while not stopped.is_set():
            group.create_task(send(session))
            sent += 1
            await asyncio.sleep(max(0.0, start + sent / rate - time.monotonic()))
    print(json.dumps({"sent": sent, "outcomes": outcomes, "versions": versions}))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), float(sys.argv[2]), sys.argv[3].encode()))
