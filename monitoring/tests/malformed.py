"""A corpus of malformed and odd HTTP responses, byte by byte; what must come of each is only that nothing breaks."""

import gzip
import zlib

OK = b"HTTP/1.1 200 OK\r\n"
END = b"\r\n\r\n"


def with_head(*lines: bytes, body: bytes = b"hello") -> bytes:
    return OK + b"".join(line + b"\r\n" for line in lines) + b"\r\n" + body


def redirected(location: bytes, status: bytes = b"302 Found") -> bytes:
    return b"HTTP/1.1 " + status + b"\r\nLocation: " + location + b"\r\nContent-Length: 0" + END


def chunked(body: bytes, *lines: bytes) -> bytes:
    return with_head(b"Transfer-Encoding: chunked", *lines, body=body)


def encoded(encoding: bytes, body: bytes) -> bytes:
    return with_head(b"Content-Encoding: " + encoding, b"Content-Length: %d" % len(body), body=body)


STATUS_LINES = [
    b"",
    b"\r\n",
    b"\n\n",
    b"H",
    b"HTTP",
    b"HTTP/",
    b"HTTP/1.1",
    b"HTTP/1.1\r\n\r\n",
    b"HTTP/1.1 \r\n\r\n",
    b"HTTP/1.1 2\r\n\r\n",
    b"HTTP/1.1 20\r\n\r\n",
    b"HTTP/1.1 200\r\n\r\n",
    b"HTTP/1.1 2000 OK\r\n\r\n",
    *(
        b"HTTP/1.1 000 Zero\r\n\r\n",
        b"HTTP/1.1 099 Low\r\n\r\n",
        b"HTTP/1.1 -200 OK\r\n\r\n",
        b"HTTP/1.1 +200 OK\r\n\r\n",
    ),
    *(
        b"HTTP/1.1 0200 OK\r\n\r\n",
        b"HTTP/1.1 2e2 OK\r\n\r\n",
        b"HTTP/1.1 \xb2\xb2\xb2 OK\r\n\r\n",
        b"HTTP/1.1\t200\tOK\r\n\r\n",
    ),
    b"HTTP/1.1  200 OK\r\n\r\n",
    b" HTTP/1.1 200 OK\r\n\r\n",
    b"http/1.1 200 OK\r\n\r\n",
    b"HTTP/1.1 200 OK\n\n",
    b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n",
    b"HTTP/0.9 200 OK\r\n\r\n",
    b"HTTP/1.2 200 OK\r\n\r\n",
    b"HTTP/2 200 OK\r\n\r\n",
    b"HTTP/3 200 OK\r\n\r\n",
    b"HTTP/9.9 200 OK\r\n\r\n",
    b"HTTP/11 200 OK\r\n\r\n",
    b"HTTP/1.1 200 " + b"x" * 100_000 + END,
    b"HTTP/1.1 200 O\0K\r\n\r\n",
    b"HTTP/1.1 200 \xff\xfe\r\n\r\n",
    b"RTSP/1.0 200 OK\r\n\r\n",
    b"ICY 200 OK\r\n\r\n",
    b"SIP/2.0 200 OK\r\n\r\n",
    b"220 ftp.example ESMTP\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
    b"\x15\x03\x03\x00\x02\x02\x28",
    b"\x00" * 1000,
    bytes(range(256)),
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"\x00\x00\x00\x04\x00\x00\x00\x00\x00",
    b"GET / HTTP/1.1\r\n\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x81\x05hello",
    b"HTTP/1.1 100 Continue" + END,
    b"HTTP/1.1 102 Processing" + END * 1 + OK + END,
    (b"HTTP/1.1 103 Early Hints" + END) * 50 + OK + END,
    b"HTTP/1.1 204 No Content\r\nContent-Length: 5" + END + b"hello",
    b"HTTP/1.1 304 Not Modified" + END + b"hello",
    b"HTTP/1.1 205 Reset" + END + b"hello",
    b"HTTP/1.1 407 Proxy\r\nProxy-Authenticate: Basic" + END,
    b"HTTP/1.1 401 No\r\nWWW-Authenticate: Negotiate\r\nWWW-Authenticate: NTLM" + END,
    OK + OK + END,
    OK * 200 + END,
]
HEADERS = [
    with_head(b"no colon"),
    with_head(b": no name"),
    with_head(b"Name : space"),
    with_head(b"Name:"),
    with_head(b""),
    with_head(b"A: b", b" folded"),
    with_head(b" folded at once"),
    with_head(b"\tA: b"),
    with_head(b"A: b\rC: d"),
    *(
        with_head(b"A: b\nC: d"),
        with_head(b"A: \0"),
        with_head(b"A\0: b"),
        with_head(b"\xff\xfe: \xff"),
        with_head(b"A: \x1b[31m"),
    ),
    with_head(b"A" * 70_000 + b": b"),
    with_head(*[b"A: b"] * 3000),
    with_head(*[b"Content-Type: a/b"] * 50),
    with_head(b"Set-Cookie: "),
    with_head(b"Set-Cookie: =; Path=/"),
    with_head(b"Set-Cookie: a=b; Domain=.com"),
    with_head(b"Set-Cookie: a=" + b"x" * 60_000),
    with_head(b"Set-Cookie: a=\0; Expires=Never", b"Set-Cookie: b"),
    *(
        with_head(b'Alt-Svc: h3=":443"; ma=1'),
        with_head(b"Connection: close, keep-alive, upgrade"),
        with_head(b"Date: x"),
    ),
    *(
        with_head(b"Content-Type:"),
        with_head(b"Content-Type: \xff"),
        with_head(b"Content-Type: text/html; charset=" + b"x" * 9000),
    ),
    with_head(b"Strict-Transport-Security: max-age=99999999999999999999"),
    with_head(b"Retry-After: -1"),
]
LENGTHS = [
    with_head(b"Content-Length: " + value)
    for value in (
        b"",
        b"+5",
        b"-1",
        b"0x5",
        b"5_0",
        b" 5",
        b"5 ",
        b"5,5",
        b"5, 6",
        b"05",
        b"5.0",
        b"5e0",
        b"five",
        b"\xb2",
        b"9" * 30,
        b"18446744073709551616",
        b"9223372036854775807",
        b"9223372036854775808",
        b"0",
        b"4",
        b"6",
    )
] + [with_head(b"Content-Length: 5", b"Content-Length: " + value) for value in (b"5", b"6", b"", b"x")]
CHUNKS = [
    chunked(body)
    for body in (
        b"",
        b"0\r\n\r\n",
        b"0\r\n",
        b"0",
        b"5\r\nhello\r\n0\r\n\r\n",
        b"5\r\nhello0\r\n\r\n",
        b"5\nhello\n0\n\n",
        *(
            b"5;ext=1\r\nhello\r\n0\r\n\r\n",
            b'5 ; a="b"\r\nhello\r\n0\r\n\r\n',
            b"05\r\nhello\r\n0\r\n\r\n",
            b"-5\r\nhello\r\n",
        ),
        *(
            b"0x5\r\nhello\r\n0\r\n\r\n",
            b"FFFFFFFFFFFFFFFF\r\nhello",
            b"FFFFFFFFFFFFFFFFF\r\nhello",
            b"5\r\nhel",
            b"\r\n\r\n",
        ),
        *(
            b"5\r\nhello\r\n0\r\nA: b\r\n\r\n",
            b"5\r\nhello\r\n0\r\nno colon\r\n\r\n",
            b"5\r\nhello\r\n0\r\n" + b"A: b\r\n" * 9000,
        ),
        *(
            b"1\r\nx\r\n" * 5000 + b"0\r\n\r\n",
            b"5" + b";" + b"x" * 70_000 + b"\r\nhello\r\n0\r\n\r\n",
            b"g\r\n",
            b"\0\r\n",
        ),
    )
] + [
    *(
        chunked(b"5\r\nhello\r\n0\r\n\r\n", b"Content-Length: 3"),
        chunked(b"5\r\nhello\r\n0\r\n\r\n", b"Transfer-Encoding: chunked"),
    ),
    *(
        with_head(b"Transfer-Encoding: " + value)
        for value in (b"", b"xchunked", b"identity", b"gzip", b"chunked, gzip", b"\0")
    ),
]
PACKED = gzip.compress(b"hello " * 1000)
ENCODINGS = [
    *(
        encoded(b"gzip", PACKED),
        encoded(b"gzip", PACKED[:-9]),
        encoded(b"gzip", PACKED + b"junk"),
        encoded(b"gzip", PACKED * 2),
    ),
    *(
        encoded(b"gzip", b""),
        encoded(b"gzip", PACKED[:5]),
        encoded(b"gzip", b"\x1f\x8b\x08\xff" + PACKED[4:]),
        encoded(b"x-gzip", PACKED),
    ),
    *(
        encoded(b"deflate", zlib.compress(b"hello")),
        encoded(b"deflate", zlib.compress(b"hello")[2:-4]),
        encoded(b"deflate", PACKED),
    ),
    *(
        encoded(b"identity", b"hello"),
        encoded(b"", b"hello"),
        encoded(b"gzip, gzip", gzip.compress(PACKED)),
        encoded(b"br", b"\x0b\x02"),
    ),
    *(
        encoded(b"zstd", b"\x28\xb5\x2f\xfd"),
        encoded(b"compress", b"\x1f\x9d"),
        encoded(b"gzip;q=1", PACKED),
        encoded(b"\0", b"hello"),
    ),
]
LOCATIONS = [
    redirected(location)
    for location in (
        *(
            b"",
            b" ",
            b"\0",
            b"\r",
            b"#",
            b"?",
            b"//",
            b"///",
            b"http:",
            b"http://",
            b"http:///x",
            b"http:x",
            b"http://[",
            b":",
        ),
        *(
            b"http://user:pass@127.0.0.1:1/",
            b"http://127.0.0.1:1\\@x/",
            b"\\\\127.0.0.1:1\\x",
            b"http://127.0.0.1:0/",
            b"%zz",
            b"%00",
        ),
        *(
            b"http://127.0.0.1:99999999999/",
            b"HTTP://127.0.0.1:1/",
            b"http://xn--/",
            b"http://\xc3\xbc.localhost/",
            b"http://a..localhost/",
        ),
        *(
            b"http://" + b"a" * 70_000 + b"/",
            b"/" + b"a" * 100_000,
            b"/\xff\xfe",
            b"/a b",
            b"/a\tb",
            b"data:,x",
            b"about:blank",
            b"mailto:x",
        ),
        *(
            b"file:///etc/passwd",
            b"FILE:///etc/passwd",
            b"http://0x7f.1:1/",
            b"http://[::1%25lo]:1/",
            b"http://[::ffff:127.0.0.1]:1/",
        ),
    )
] + [
    *(redirected(b"/x", status) for status in (b"300 Choices", b"304 Not Modified", b"305 Proxy", b"306 ?", b"399 ?")),
    OK + b"Location: /x" + END,
    b"HTTP/1.1 302 Found\r\nLocation: /a\r\nLocation: /b" + END,
    b"HTTP/1.1 302" + END,
    b"HTTP/1.1 301 Moved\r\nLocation : /x" + END,
    b"HTTP/1.1 302 Found\r\nlOcAtIoN:\t\t" + END,
]

CORPUS = [*STATUS_LINES, *HEADERS, *LENGTHS, *CHUNKS, *ENCODINGS, *LOCATIONS]
