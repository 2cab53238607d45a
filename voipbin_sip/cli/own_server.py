"""Asks the server that runs on this machine with a configuration, by the key that it leaves in its data folder."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from voipbin_sip.observe.running import Running, find

SECONDS = 60.0  # a reload of many files takes a while


class NoServerError(Exception):
    """There is no answer; the message says why and what to do."""


def own_server(config: Path) -> Running:
    """Return the server that runs with a configuration. Raises NoServerError.

    A configuration with mistakes in it still says where its data is, or else the default is taken.
    """
    named = _named_folder(config)
    running = (find(named) if named is not None else None) or find(_data_folder(config))
    if running is None:
        raise NoServerError(f"no server runs with {config}; start it: voipbin-sip serve --config {config}")
    return running


def ask(
    server: Running,
    method: str,
    path: str,
    body: Mapping[str, Any] | None = None,
    *,
    seconds: float = SECONDS,
) -> Any:
    """Return what the API answers to a request, `path` beginning with "/v1.0/". Raises NoServerError.

    Errors of the API are raised in its words.
    """
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(server.api + path, data, method=method)
    request.add_header("Authorization", f"Bearer {server.token}")
    request.add_header("Content-Type", "application/json")
    trust = ssl.create_default_context()
    trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE  # it is this machine, by its address
    # No proxy is asked for what is on this machine.
    handlers = (urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trust))
    try:
        with urllib.request.build_opener(*handlers).open(request, timeout=seconds) as answer:
            text = answer.read()
    except urllib.error.HTTPError as error:
        raise NoServerError(_message(error)) from error
    except OSError as error:
        why = getattr(error, "reason", error)
        raise NoServerError(
            f"the server (process {server.pid}) does not answer at {server.api}: {why}"
        ) from error
    return json.loads(text) if text else None


def _data_folder(path: Path) -> Path:
    from voipbin_sip.config import load_config, locations  # half a second, which most commands do without

    config, _ = load_config(path)
    if config is not None:
        return locations(config, path).data
    return _named_folder(path) or (path.resolve().parent / "../data").resolve()


def _named_folder(path: Path) -> Path | None:
    """Return the folder that the file names in a line of its own, whatever mistakes are in other lines."""
    for line in _lines(path):
        if line.startswith("data_dir:"):
            named = line.partition(":")[2].partition(" #")[0].strip().strip("\"'")
            return (path.resolve().parent / named).resolve()
    return None


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(errors="replace").splitlines()
    except OSError as error:
        raise NoServerError(f"cannot read {path}: {error.strerror}") from error


def _message(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.loads(error.read())["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return f"the server answers {error.code} {error.reason}"
