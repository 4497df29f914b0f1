"""HTTP to our own services on this machine."""

import ssl

import httpx


def local_client(timeout_seconds: float, **headers: str) -> httpx.Client:
    """A client to be kept: it takes no proxy from the environment.

    All URLs are plain http, so it gets an empty TLS context: to read the machine's certificates
    would cost more than all the calls of a rollback.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return httpx.Client(timeout=timeout_seconds, headers=headers, trust_env=False, verify=context)
