"""W9: the system's own name lookups against a name server that refuses, fails or says nothing.

The command that checks a website runs in a mount namespace of its own, where that server is the system's.
"""

import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from monitoring.tests.servers import Server, answering, response

ADDRESS = "127.0.0.154"
# https://www.rfc-editor.org/rfc/rfc1035#section-4.1
HEADER = struct.Struct("!6H")
ANSWERED = 0x8180
SERVER_FAILURE, NAME_ERROR = 2, 3
A_RECORD = b"\xc0\x0c" + struct.pack("!2HIH", 1, 1, 0, 4) + socket.inet_aton("127.0.0.1")
PROJECT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("unshare") is None, reason="takes root and unshare(1): a name server on port 53"
)


def reply(query: bytes) -> bytes | None:
    """The answer to one question by the first label of its name; None for none."""
    number = HEADER.unpack_from(query)[0]
    length = query[HEADER.size]
    label = query[HEADER.size + 1 : HEADER.size + 1 + length]
    end = query.index(b"\0", HEADER.size) + 5
    question, kind = query[HEADER.size : end], struct.unpack_from("!H", query, end - 4)[0]
    if label == b"silent":
        return None
    if label == b"found" and kind == 1:
        return HEADER.pack(number, ANSWERED, 1, 1, 0, 0) + question + A_RECORD
    code = {b"nxdomain": NAME_ERROR, b"servfail": SERVER_FAILURE}.get(label, 0)
    return HEADER.pack(number, ANSWERED | code, 1, 0, 0, 0) + question


@pytest.fixture(scope="module")
def resolv_conf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What names the server that runs meanwhile."""
    file = tmp_path_factory.mktemp("names") / "resolv.conf"
    file.write_text(f"nameserver {ADDRESS}\noptions timeout:1 attempts:2\n")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((ADDRESS, 53))

        def serve() -> None:
            while (received := server.recvfrom(512))[0]:
                if (answer := reply(received[0])) is not None:
                    server.sendto(answer, received[1])

        thread = threading.Thread(target=serve)
        thread.start()
        yield file
        server.sendto(b"", (ADDRESS, 53))
        thread.join()


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Of a process that knows nothing but an empty database of its own."""
    folder = tmp_path_factory.mktemp("product")
    made = {"PATH": os.environ["PATH"], "WEBMONITOR_DOTENV": os.devnull, "DATA_DIR": str(folder), "HOME": str(folder)}
    command = [sys.executable, "manage.py", "prepare", "--database-only"]
    subprocess.run(command, cwd=PROJECT, env=made, check=True)
    return made


def check(url: str, resolv_conf: Path, environment: dict[str, str]) -> dict[str, Any]:
    """What `check_website --json` says."""
    script = f'mount --bind {resolv_conf} /etc/resolv.conf && exec "$@"'
    command = [sys.executable, "manage.py", "check_website", url, "--timeout", "3", "--json"]
    ended = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, "sh", *command],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        ("nxdomain.test", "dns", "does not exist"),
        ("servfail.test", "dns", "no name server gave a usable answer"),
        ("silent.test", "dns", "could not be resolved"),
        ("empty.test", "dns", "has no address"),
        ("found.test", "", ""),
    ],
)
def test_w9_a_name_that_is_not_found_is_told_by_why(
    resolv_conf: Path, environment: dict[str, str], name: str, error: str, words: str
) -> None:
    with Server(answering(response())) as server:
        found = check(server.url(host=name), resolv_conf, environment)
    assert found["error"] == error
    assert words in found["error_detail"]
    assert found["outcome"] == ("down" if error else "up")
