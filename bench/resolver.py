"""A name server for the benchmark: every `site-N.bench.test` is one of the target's addresses.

The names of the hostile websites (`monitoring.tests.hostile`) are found, fail, or get no answer, as they say.

`python -m bench.resolver [NAMES]` answers on 127.0.0.153, port 53, which takes root, and prints one line when it is
ready; NAMES is a JSON file of further names with their addresses.
A program sees it where its /etc/resolv.conf names it: `bench.pipeline` gives the worker a mount namespace of its own.
"""

import json
import re
import socket
import struct
import sys
from collections.abc import Mapping
from pathlib import Path

from bench.scenarios import ADDRESSES, DOMAIN
from bench.target import addresses

HOST = "127.0.0.153"
RESOLV_CONF = f"nameserver {HOST}\noptions timeout:2 attempts:2\n"
# https://www.rfc-editor.org/rfc/rfc1035#section-4.1
HEADER = struct.Struct("!6H")
ANSWERED = 0x8580
SERVER_FAILURE, NAME_ERROR = 2, 3
TYPE_A, CLASS_IN = 1, 1
TTL = 0
# The question's name, as a pointer to where it begins.
POINTER = b"\xc0\x0c"
SITE = re.compile(rf"site-(\d+)\.{re.escape(DOMAIN)}")
FOUND, FAILING, SILENT = "found.test", "servfail.test", "silent.test"
LOCALHOST = "127.0.0.1"


def reply(query: bytes, hosts: list[str], names: Mapping[str, str]) -> bytes | None:
    """The answer to one question, from the addresses of numbered websites and of other names; None for none.

    Raises `ValueError` or `struct.error` for what is no question.
    """
    number, *_ = HEADER.unpack_from(query)
    labels, place = [], HEADER.size
    while length := query[place]:
        labels.append(query[place + 1 : place + 1 + length].decode("ascii"))
        place += 1 + length
    kind, _ = struct.unpack_from("!2H", query, place + 1)
    question = query[HEADER.size : place + 5]
    name = ".".join(labels).lower()
    if name == SILENT:
        return None
    host = names.get(name) or _host(name, hosts)
    if host is None:
        code = SERVER_FAILURE if name == FAILING else NAME_ERROR
        return HEADER.pack(number, ANSWERED | code, 1, 0, 0, 0) + question
    if kind != TYPE_A:
        return HEADER.pack(number, ANSWERED, 1, 0, 0, 0) + question
    address = socket.inet_aton(host)
    record = POINTER + struct.pack("!2HIH", TYPE_A, CLASS_IN, TTL, len(address)) + address
    return HEADER.pack(number, ANSWERED, 1, 1, 0, 0) + question + record


def _host(name: str, hosts: list[str]) -> str | None:
    """The address of a name that has one."""
    if name == FOUND:
        return LOCALHOST
    found = SITE.fullmatch(name)
    return None if found is None else hosts[int(found[1]) % len(hosts)]


def main() -> None:
    hosts = addresses(ADDRESSES)
    names = json.loads(Path(sys.argv[1]).read_text()) if len(sys.argv) > 1 else {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        server.bind((HOST, 53))
        print("ready", flush=True)
        while True:
            query, client = server.recvfrom(512)
            try:
                answer = reply(query, hosts, names)
            except (ValueError, IndexError, struct.error):
                # Not a question; nobody waits for an answer.
                continue
            if answer is not None:
                server.sendto(answer, client)


if __name__ == "__main__":
    main()
