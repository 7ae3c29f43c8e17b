"""Scripted servers on loopback for the probe's tests: real sockets, raw bytes, a certificate authority of their own."""

import contextlib
import datetime
import socket
import ssl
import struct
import threading
import warnings
import zlib
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from pathlib import Path
from types import TracebackType
from typing import Self

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

HEAD_LIMIT = 65_536


class Peer:
    """One accepted connection, as its script sees it."""

    def __init__(self, server: "Server", connection: socket.socket) -> None:
        self.server = server
        self.connection = connection

    def request(self) -> bytes:
        """The request's head."""
        head = b""
        while b"\r\n\r\n" not in head and len(head) < HEAD_LIMIT:
            received = self.connection.recv(HEAD_LIMIT)
            if not received:
                break
            head += received
        self.server.requests.append(head)
        return head

    def protocol(self) -> str | None:
        """What was agreed on by ALPN."""
        return self.connection.selected_alpn_protocol() if isinstance(self.connection, ssl.SSLSocket) else None

    def first_bytes(self) -> bytes:
        """Whatever comes first, HTTP or not."""
        return self.connection.recv(HEAD_LIMIT)

    def send(self, data: bytes) -> None:
        self.connection.sendall(data)

    def drip(self, data: bytes) -> None:
        """Send a byte at a time, slower than any timeout of the tests allows to finish."""
        for byte in data:
            self.send(bytes([byte]))
            if self.server.closing.wait(0.05):
                return

    def hold(self) -> None:
        """Say nothing until the test is over."""
        self.server.closing.wait(60)

    def reset(self) -> None:
        """Close with a TCP reset."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def finish(self) -> None:
        """Close in an orderly way: nothing the probe has not yet read is lost to a reset."""
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)
            self.connection.settimeout(5)
            while self.connection.recv(HEAD_LIMIT):
                pass


Script = Callable[[Peer], None]


class Server:
    """Runs a script for every connection, each in a thread; counts what it accepts."""

    def __init__(
        self, script: Script, *, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None
    ) -> None:
        self.script = script
        self.tls = tls
        self.accepted = 0
        self.requests: list[bytes] = []
        self.closing = threading.Event()
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, port), family=family, backlog=1024)
        self._connections: set[socket.socket] = set()
        self._threads = [threading.Thread(target=self._accept)]
        self.host = f"[{host}]" if ":" in host else host
        self.port: int = self._listener.getsockname()[1]

    def url(self, path: str = "/", *, host: str | None = None) -> str:
        return f"{'https' if self.tls else 'http'}://{host or self.host}:{self.port}{path}"

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.closing.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._threads[0].join()
        self._listener.close()
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def close(self) -> None:
        """For a server that was never entered."""
        self._listener.close()

    def _accept(self) -> None:
        while not self.closing.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        # The probe leaves in the middle of many of these exchanges, which is no fault of the script.
        with contextlib.suppress(OSError), connection:
            self._connections.add(connection)
            try:
                if self.tls is None:
                    self.script(Peer(self, connection))
                    return
                with self.tls.wrap_socket(connection, server_side=True) as secured:
                    self._connections.add(secured)
                    self.script(Peer(self, secured))
            finally:
                self._connections.discard(connection)


def answering(*parts: bytes) -> Script:
    """Reads the request, sends these bytes and closes."""

    def script(peer: Peer) -> None:
        peer.request()
        for part in parts:
            peer.send(part)
        peer.finish()

    return script


def response(status: str = "200 OK", body: bytes = b"", *headers: str) -> bytes:
    """A well-formed HTTP/1.1 response with a Content-Length."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def redirect(location: str, status: str = "302 Found") -> bytes:
    return response(status, b"", f"Location: {location}")


def routing(routes: dict[str, bytes]) -> Script:
    """Answers each path with its bytes; others with 404."""

    def script(peer: Peer) -> None:
        words = peer.request().split()
        path = words[1].decode("latin-1") if len(words) > 1 else ""
        peer.send(routes.get(path, response("404 Not Found")))
        peer.finish()

    return script


def endless(head: bytes, chunk: bytes) -> Script:
    """Sends the head once and the chunk for ever."""

    def script(peer: Peer) -> None:
        peer.request()
        peer.send(head)
        while not peer.server.closing.is_set():
            peer.send(chunk)

    return script


def compressed_zeros(window_bits: int) -> tuple[bytes, bytes]:
    """The begin of a deflate stream, and a piece that adds a mebibyte of zeros each time it is repeated."""
    packer = zlib.compressobj(9, zlib.DEFLATED, window_bits)
    begin = packer.compress(b"\0") + packer.flush(zlib.Z_FULL_FLUSH)
    return begin, packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)


# A brotli stream, which Python has no compressor for: its begin, and a piece that adds a mebibyte of zeros each time.
BROTLI_ZEROS = bytes.fromhex("afffff877f02201e0b0472ef1f0c"), bytes.fromhex("faff7ff82700e2b00040f7fec100")


def http2_frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """RFC 9113, section 4.1; kind 0 is DATA, 1 HEADERS, 4 SETTINGS."""
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


class Authority:
    """A certificate authority for tests; `ca_file` is what a probe has to trust."""

    def __init__(self, folder: Path) -> None:
        self._ca = trustme.CA()
        self.ca_file = str(folder / "ca.pem")
        self._ca.cert_pem.write_to_path(self.ca_file)

    def context(self, *names: str, expired: bool = False, days: int = 1) -> ssl.SSLContext:
        """A server's TLS settings with a certificate for these names, good for so many days."""
        now = datetime.datetime.now(datetime.UTC)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate = self._ca.issue_cert(
            *names,
            not_before=now - datetime.timedelta(days=2),
            not_after=now + datetime.timedelta(days=-1 if expired else days),
        )
        certificate.configure_cert(context)
        return context

    def outdated_context(self, *names: str) -> ssl.SSLContext:
        """TLS 1.0 and nothing else."""
        context = self.context(*names)
        context.set_ciphers("DEFAULT@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = ssl.TLSVersion.TLSv1
        return context


def self_signed_context(folder: Path, address: str) -> ssl.SSLContext:
    """A server's TLS settings with a certificate for this address that nobody but itself has signed."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, address)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "self-signed.pem"
    pem.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + certificate.public_bytes(Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context


@contextlib.contextmanager
def refusing_port(host: str = "127.0.0.1") -> Iterator[int]:
    """A port that is bound, so that nobody takes it, but not listened on."""
    with socket.socket() as bound:
        bound.bind((host, 0))
        yield bound.getsockname()[1]


@contextlib.contextmanager
def full_port(host: str = "127.0.0.1") -> Iterator[int]:
    """A port that is full: nobody who asks for a connection hears anything."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server((host, 0), backlog=0))
        port: int = listener.getsockname()[1]
        for _ in range(4):
            queued = stack.enter_context(socket.socket())
            queued.setblocking(False)
            queued.connect_ex((host, port))
        yield port
