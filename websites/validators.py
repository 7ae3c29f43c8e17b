"""What a website's URL and regex may be; API, admin and import all end up here."""

import ipaddress
import re
from urllib.parse import quote, urlsplit

import idna
import re2
from django.core.exceptions import ValidationError

URL_MAX_LENGTH = 2048
# Beyond that it is not even read: normalising Unicode takes time by the square of what one makes up for it. Room is
# left for what the normal spelling drops.
URL_READ_LENGTH = 4 * URL_MAX_LENGTH
TOO_LONG = f"The URL is longer than {URL_MAX_LENGTH} characters."
DEFAULT_PORTS = {"http": 80, "https": 443}

# White space, control characters, backslashes (which browsers read as slashes) and lone surrogates.
FORBIDDEN = re.compile(r"[\x00-\x20\x7f-\x9f\\\ud800-\udfff]")
# Host names as they occur, underscores included (service names of containers have them).
HOST_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
# RFC 3986 sections 2.2 and 2.3, and "%" of what is encoded already; anything else gets encoded.
PATH_SAFE = "%/:@!$&'()*+,;=-._~"
QUERY_SAFE = PATH_SAFE + '?[]{}|^`"<>'
PERCENT_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
ESCAPED = re.compile(r"%[0-9A-Fa-f]{2}")

REGEX_MAX_LENGTH = 500
# RE2 gives up before a pattern needs more than this for its automaton (its default is 8 MiB);
# a huge counted repetition is refused instead of costing every check.
REGEX_MAX_MEMORY = 1 << 20
# Of the program that RE2 makes of it; several classes of Unicode letters have thousands.
REGEX_MAX_INSTRUCTIONS = 10_000


def normalise_url(text: str) -> str:
    """The one spelling of an http(s) URL: lower-case scheme and host, no default port, a path, ASCII only.

    The fragment is dropped since it is never sent. Raises `ValidationError` with a sentence for
    everything that is no such URL.
    """
    text = text.strip(" ")
    if len(text) > URL_READ_LENGTH:
        raise ValidationError(TOO_LONG, code="max_length")
    if FORBIDDEN.search(text):
        raise ValidationError("A URL has no spaces, control characters or backslashes.", code="invalid")
    scheme, separator, rest = text.partition("://")
    scheme = scheme.lower()
    if not separator or not rest or scheme not in DEFAULT_PORTS:
        raise ValidationError("The URL must begin with http:// or https://.", code="invalid")
    try:
        parts = urlsplit(f"{scheme}://{rest}")
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise ValidationError("The URL has no valid host and port.", code="invalid") from error
    if "@" in parts.netloc:
        raise ValidationError("A URL has no user name or password here: give them as http_auth.", code="invalid")
    if port == 0:
        raise ValidationError("The port must be from 1 to 65535.", code="invalid")
    if "[" in parts.netloc and ":" not in host:
        raise ValidationError("The URL has no valid IPv6 address.", code="invalid")
    authority = _normalise_host(host)
    if port is not None and port != DEFAULT_PORTS[scheme]:
        authority += f":{port}"
    path = _encode(parts.path, PATH_SAFE) or "/"
    query = f"?{_encode(parts.query, QUERY_SAFE)}" if parts.query else ""
    url = f"{scheme}://{authority}{path}{query}"
    if len(url) > URL_MAX_LENGTH:
        raise ValidationError(TOO_LONG, code="max_length")
    return url


def _normalise_host(host: str) -> str:
    if ":" in host:
        # A scope ("%eth0") names an interface of the machine that dials, so it is no part of a website's address.
        if "%" in host:
            raise ValidationError("The URL has no valid IPv6 address.", code="invalid")
        try:
            return f"[{ipaddress.IPv6Address(host).compressed}]"
        except ValueError as error:
            raise ValidationError("The URL has no valid IPv6 address.", code="invalid") from error
    if not host.isascii():
        try:
            host = idna.encode(host, uts46=True).decode("ascii")
        except (idna.IDNAError, UnicodeError) as error:
            raise ValidationError("The URL's host name is not a valid international name.", code="invalid") from error
    host = host.lower()
    labels = host.removesuffix(".").split(".")
    if len(host) > 254 or not all(HOST_LABEL.fullmatch(label) for label in labels):
        raise ValidationError("The URL has no valid host name.", code="invalid")
    return host


def _encode(text: str, safe: str) -> str:
    encoded = quote(PERCENT_ESCAPE.sub("%25", text), safe=safe, errors="replace")
    # In capitals, as they go over the wire (RFC 3986, section 6.2.2.1).
    return ESCAPED.sub(lambda escape: escape[0].upper(), encoded)


def validate_url(text: str) -> None:
    """Raises `ValidationError` where `normalise_url` does."""
    normalise_url(text)


def validate_regex(pattern: str) -> None:
    """Raises `ValidationError`, with RE2's own words where it cannot compile the pattern."""
    # Not left to the field alone: RE2 takes seconds and more to refuse a pattern of a megabyte.
    if len(pattern) > REGEX_MAX_LENGTH:
        raise ValidationError(
            f"Not a valid RE2 pattern: it has more than {REGEX_MAX_LENGTH} characters", code="invalid_regex"
        )
    if "\0" in pattern:
        raise ValidationError("Not a valid RE2 pattern: it has a NUL character", code="invalid_regex")
    options = re2.Options()
    options.max_mem = REGEX_MAX_MEMORY
    options.log_errors = False
    try:
        instructions = re2.compile(pattern, options).programsize
    except re2.error as error:
        reason = error.args[0].decode(errors="replace") if isinstance(error.args[0], bytes) else str(error.args[0])
        raise ValidationError(f"Not a valid RE2 pattern: {reason}", code="invalid_regex") from error
    except UnicodeEncodeError as error:
        raise ValidationError("Not a valid RE2 pattern: invalid UTF-8", code="invalid_regex") from error
    if instructions > REGEX_MAX_INSTRUCTIONS:
        raise ValidationError(
            f"The regex is too complex: RE2 makes {instructions:,} instructions of it, and {REGEX_MAX_INSTRUCTIONS:,} "
            r"are allowed. Write smaller counts, such as {0,20}, or fewer classes of letters, such as \p{L}.",
            code="invalid_regex",
        )
