"""A libcurl handle as every check uses it, and as a website's own options ask for."""

import re
from typing import Any

import pycurl

from monitoring.probe.types import BODY_CAP, PLAIN, RequestOptions

# Bytes of a body as it is sent. What is packed is smaller than what it holds, but may hold nothing, for ever.
SENT_CAP = 2 * BODY_CAP

WEB = pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS

# https://curl.se/libcurl/c/curl_easy_setopt.html
CONSTANT_OPTIONS: tuple[tuple[int, Any], ...] = (
    (pycurl.NOSIGNAL, 1),
    (pycurl.PROTOCOLS, WEB),
    (pycurl.REDIR_PROTOCOLS, WEB),
    # Redirects are followed here: so an endless body of one is not waited for, and times are those of one hop.
    (pycurl.FOLLOWLOCATION, 0),
    (pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_2TLS),
    (pycurl.HTTP09_ALLOWED, 0),
    # What is asked for is what the website's URL says, `..` included.
    (pycurl.PATH_AS_IS, 1),
    (pycurl.ACCEPT_ENCODING, "gzip, deflate"),
    # Bodies come as they are sent: what they hold may be much more than there is room for.
    (pycurl.HTTP_CONTENT_DECODING, 0),
    # Every check makes a connection of its own, with nothing remembered from the one before.
    (pycurl.FRESH_CONNECT, 1),
    (pycurl.FORBID_REUSE, 1),
    (pycurl.SSL_SESSIONID_CACHE, 0),
    (pycurl.DNS_CACHE_TIMEOUT, 0),
    # An empty name switches the cookie engine on without reading a file.
    (pycurl.COOKIEFILE, ""),
    # Nothing from the environment or the home of whoever runs the monitor.
    (pycurl.NETRC, pycurl.NETRC_IGNORED),
    (pycurl.PROXY, ""),
    (pycurl.NOPROXY, "*"),
)
# How keys are agreed on where nothing of the user's is sent: without the post-quantum way (X25519MLKEM768), which
# servers of any kind can do without, and which takes a tenth of a check with TLS.
CLASSICAL_GROUPS = "X25519:P-256:P-384:P-521"
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
METHODS_WITH_BODY = ("POST", "PUT", "PATCH")
IP_RESOLVE = {None: pycurl.IPRESOLVE_WHATEVER, 4: pycurl.IPRESOLVE_V4, 6: pycurl.IPRESOLVE_V6}


def new_handle(user_agent: str, ca_file: str) -> pycurl.Curl:
    """A handle that makes one check after another, each without a trace of the one before."""
    curl = pycurl.Curl()
    for option, value in CONSTANT_OPTIONS:
        curl.setopt(option, value)
    curl.setopt(pycurl.USERAGENT, user_agent)
    curl.setopt(pycurl.CAINFO, ca_file)
    set_options(curl, PLAIN)
    # libcurl may have been built with a folder of certificates beside the file.
    curl.unsetopt(pycurl.CAPATH)
    return curl


def set_options(curl: pycurl.Curl, options: RequestOptions) -> None:
    """Make a handle ask as the options say, and as no options before them did.

    Raises `ValueError` for headers that would be more than headers, and `pycurl.error`.
    """
    method = options.method
    # Sets back what another method has left.
    curl.setopt(pycurl.HTTPGET, 1)
    curl.unsetopt(pycurl.CUSTOMREQUEST)
    if method == "HEAD":
        curl.setopt(pycurl.NOBODY, 1)
    elif method in METHODS_WITH_BODY:
        curl.setopt(pycurl.POSTFIELDS, options.body or b"")
    if method not in ("GET", "HEAD", "POST"):
        curl.setopt(pycurl.CUSTOMREQUEST, method)
    # To pycurl, an empty list is no wish to change anything.
    curl.unsetopt(pycurl.HTTPHEADER)
    curl.setopt(pycurl.HTTPHEADER, _header_lines(options))
    curl.setopt(pycurl.IPRESOLVE, IP_RESOLVE[options.ip_version])
    if options.authorization or options.headers or options.body:
        curl.unsetopt(pycurl.SSL_EC_CURVES)
    else:
        curl.setopt(pycurl.SSL_EC_CURVES, CLASSICAL_GROUPS)
    # The length in an answer to HEAD is that of a body which does not come; zero is no limit.
    curl.setopt(pycurl.MAXFILESIZE_LARGE, 0 if method == "HEAD" else SENT_CAP)
    set_verification(curl, on=True)


def set_verification(curl: pycurl.Curl, *, on: bool) -> None:
    curl.setopt(pycurl.SSL_VERIFYPEER, int(on))
    curl.setopt(pycurl.SSL_VERIFYHOST, 2 if on else 0)


def _header_lines(options: RequestOptions) -> list[str]:
    lines = [f"{name}: {value}" for name, value in options.headers]
    if options.authorization is not None:
        lines.append(f"Authorization: {options.authorization}")
    if any(map(CONTROL.search, lines)):
        raise ValueError("a header has control characters")
    return lines
