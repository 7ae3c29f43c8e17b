"""Where a redirect leads, how to ask there, and why it cannot be followed."""

import re
from dataclasses import replace

import pycurl

from monitoring.probe.types import PLAIN, RequestOptions

REDIRECT_STATUSES = frozenset((301, 302, 303, 307, 308))
LOCATION = re.compile(rb"location[ \t]*:(.*)", re.IGNORECASE | re.DOTALL)

DEFAULT_PORTS = {"http": "80", "https": "443"}
# Headers that tell nothing that one website should not know of another.
HARMLESS = {"accept", "accept-language", "cache-control", "pragma", "user-agent"}


def joined(url: str, location: bytes) -> str | None:
    """Where a redirect leads, read by libcurl's own parser; None where that is no http(s) URL."""
    try:
        target = pycurl.CurlUrl(url)
        target.setpart(pycurl.UPART_URL, location, pycurl.U_URLENCODE)
        if target.scheme not in ("http", "https"):
            return None
        target.fragment = None
        if "%00" in f"{target.user}{target.password}":
            # libcurl refuses it only when it makes the request.
            return None
        if not target.host.isascii():
            target.host = target.host.encode("idna").decode("ascii")
        joint = str(target.url)
        # A path or query that is not ASCII was encoded; a user name or password was not.
        return joint if joint.isascii() else None
    except (pycurl.error, ValueError):
        return None


def location_problem(location: bytes) -> str:
    """Why a redirect with this Location header cannot be followed."""
    if not location:
        return "The server redirects without saying where to (no Location header)."
    scheme = re.match(rb"([A-Za-z][A-Za-z0-9+.-]{0,20}):", location)
    if scheme and scheme[1].lower() not in (b"http", b"https"):
        return f"The redirect leads to a {scheme[1].decode().lower()}: address, which is not followed."
    return "The redirect leads to an address that is not valid."


def redirected(options: RequestOptions, status: int, url: str, target: str) -> RequestOptions:
    """How to ask where a redirect from `url` leads to (RFC 9110, section 15.4).

    What was POSTed is not sent again unless the status says so, and credentials never reach another website.
    """
    if options is PLAIN:
        return PLAIN
    headers, authorization = options.headers, options.authorization
    method, body = options.method, options.body
    if (status == 303 and method != "HEAD") or (status in (301, 302) and method == "POST"):
        method, body = "GET", None
        headers = tuple(header for header in headers if not header[0].lower().startswith("content-"))
    if not _may_know(url, target):
        headers, authorization = tuple(header for header in headers if header[0].lower() in HARMLESS), None
    return replace(options, method=method, body=body, headers=headers, authorization=authorization)


def _may_know(url: str, target: str) -> bool:
    """Whether both are of one origin, or the second is the first one's encrypted side."""
    (scheme, *place), (target_scheme, *target_place) = _origin(url), _origin(target)
    if (scheme, target_scheme) == ("http", "https"):
        return (place[0], "443") == tuple(target_place) and place[1] == "80"
    return (scheme, place) == (target_scheme, target_place)


def _origin(url: str) -> tuple[str, str, str]:
    parts = pycurl.CurlUrl(url)
    return parts.scheme, parts.host.lower(), parts.port or DEFAULT_PORTS[parts.scheme]
