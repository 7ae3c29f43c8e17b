"""Where a redirect leads, and why it cannot be followed."""

import re

import pycurl

REDIRECT_STATUSES = frozenset((301, 302, 303, 307, 308))
LOCATION = re.compile(rb"location[ \t]*:\s*(.*?)\s*", re.IGNORECASE | re.DOTALL)


def joined(url: str, location: bytes) -> str | None:
    """Where a redirect leads, read by libcurl's own parser; None where that is no http(s) URL."""
    try:
        target = pycurl.CurlUrl(url)
        target.setpart(pycurl.UPART_URL, location, pycurl.U_URLENCODE)
        if target.scheme not in ("http", "https"):
            return None
        target.fragment = None
        return str(target.url)
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
