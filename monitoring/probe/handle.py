"""A libcurl handle as every check uses it."""

from typing import Any

import pycurl

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
    (pycurl.ACCEPT_ENCODING, ""),
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
    (pycurl.SSL_VERIFYPEER, 1),
    (pycurl.SSL_VERIFYHOST, 2),
)


def new_handle(user_agent: str, ca_file: str) -> pycurl.Curl:
    """A handle that makes one check after another, each without a trace of the one before."""
    curl = pycurl.Curl()
    for option, value in CONSTANT_OPTIONS:
        curl.setopt(option, value)
    curl.setopt(pycurl.USERAGENT, user_agent)
    curl.setopt(pycurl.CAINFO, ca_file)
    # libcurl may have been built with a folder of certificates beside the file.
    curl.unsetopt(pycurl.CAPATH)
    return curl
