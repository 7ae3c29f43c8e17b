"""How a website is asked and which answers are good, as people write it: read and checked in one place.

API, admin and import call the validators through the model's fields and `check_together`; whoever makes checks
reads the same texts with the `read_*` functions. All raise `ValidationError` with a sentence.
"""

import math
import re
import socket
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.db import models

from websites import alert_options

TIMEOUT_MIN, TIMEOUT_MAX = 0.1, 60.0
HEADERS_MAX_LENGTH = 4_000
BODY_MAX_LENGTH = 10_000
STATUSES_MAX_LENGTH = 200
STATUS_MIN, STATUS_MAX = 100, 999
# RFC 9110, section 15: what is below 400 is no failure.
ACCEPTED_STATUSES = "200-399"

# RFC 9110, section 5.1: a name is a token; a value here is visible ASCII with spaces between.
HEADER_LINE = re.compile(r"([A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}):[ \t]*([\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?)")
# What frames the message, belongs to the connection or asks for encodings is the probe's own business.
OWN_HEADERS = {
    *("accept-encoding", "connection", "content-length", "expect", "keep-alive"),
    *("proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"),
}
STATUS_RANGE = re.compile(r"([0-9]{3})(?:\s*-\s*([0-9]{3}))?")


class Method(models.TextChoices):
    GET = "GET", "GET"
    HEAD = "HEAD", "HEAD"
    POST = "POST", "POST"
    PUT = "PUT", "PUT"
    PATCH = "PATCH", "PATCH"
    DELETE = "DELETE", "DELETE"
    OPTIONS = "OPTIONS", "OPTIONS"


class IpVersion(models.TextChoices):
    ANY = "any", "any"
    V4 = "4", "IPv4 only"
    V6 = "6", "IPv6 only"


METHODS_WITH_BODY = {Method.POST, Method.PUT, Method.PATCH}


@lru_cache(maxsize=1024)
def read_headers(text: str) -> tuple[tuple[str, str], ...]:
    """Names and values of headers written as one `Name: value` a line."""
    if len(text) > HEADERS_MAX_LENGTH:
        raise ValidationError(f"The headers are longer than {HEADERS_MAX_LENGTH} characters.", code="max_length")
    headers: list[tuple[str, str]] = []
    for number, written in enumerate(text.replace("\r\n", "\n").split("\n"), start=1):
        line = written.strip(" \t")
        if not line:
            continue
        found = HEADER_LINE.fullmatch(line)
        if found is None:
            raise ValidationError(f"Line {number} is not of the form Name: value (in ASCII).", code="invalid")
        name = found[1].lower()
        if name == "authorization":
            raise ValidationError("Give credentials as http_auth, where they are kept secret.", code="invalid")
        if name in OWN_HEADERS:
            raise ValidationError(f"The header {found[1]} is set by the monitor itself.", code="invalid")
        if name == "host" and any(other.lower() == name for other, _ in headers):
            raise ValidationError("The header Host is there twice.", code="invalid")
        headers.append((found[1], found[2]))
    return tuple(headers)


@lru_cache(maxsize=1024)
def read_statuses(text: str) -> frozenset[int]:
    """The statuses that a text such as `200-299,304` names."""
    if len(text) > STATUSES_MAX_LENGTH:
        raise ValidationError(f"The list is longer than {STATUSES_MAX_LENGTH} characters.", code="max_length")
    statuses: set[int] = set()
    for part in text.split(","):
        found = STATUS_RANGE.fullmatch(part.strip())
        if found is None:
            raise ValidationError("Write statuses and ranges with commas between, such as 200-299,304.", code="invalid")
        first, last = int(found[1]), int(found[2] or found[1])
        if not STATUS_MIN <= first <= last <= STATUS_MAX:
            raise ValidationError(
                f"{part.strip()}: statuses are from {STATUS_MIN} to {STATUS_MAX}, the smaller first.", code="invalid"
            )
        statuses.update(range(first, last + 1))
    return frozenset(statuses)


def validate_headers(text: str) -> None:
    read_headers(text)


def validate_statuses(text: str) -> None:
    read_statuses(text)


def validate_timeout(seconds: float) -> None:
    if not (math.isfinite(seconds) and TIMEOUT_MIN <= seconds <= TIMEOUT_MAX):
        # A field has words of its own for what it calls invalid.
        raise ValidationError(f"The timeout must be from {TIMEOUT_MIN} to {TIMEOUT_MAX:g} seconds.", code="range")


def check_together(values: Mapping[str, Any]) -> None:
    """Raise `ValidationError`, by field, for values that are good by themselves and not together."""
    errors = alert_options.faults(values)
    timeout, interval = values.get("timeout"), values.get("monitoring_interval")
    if timeout is not None and interval is not None and timeout > interval:
        errors["timeout"] = f"A check must end before the next one begins: at most {interval} seconds."
    if values.get("request_body") and values.get("method") not in METHODS_WITH_BODY:
        errors["request_body"] = "Only POST, PUT and PATCH requests have a body."
    if values.get("regex") and values.get("method") == Method.HEAD:
        errors["method"] = "The answer to HEAD has no body that the regex could read."
    version, address_version = values.get("ip_version"), _address_version(values.get("website_url") or "")
    if version in (IpVersion.V4, IpVersion.V6) and address_version not in (None, version):
        errors["ip_version"] = f"The URL's address is of IPv{address_version}, so IPv{version} cannot reach it."
    if values.get("regex_must_match") and not values.get("regex"):
        errors["regex_must_match"] = "There is no regex that must match."
    if errors:
        raise ValidationError(errors)


def _address_version(url: str) -> IpVersion | None:
    """Of which version of IP the address in a URL is; None where it has a name instead."""
    try:
        host = urlsplit(url).hostname or ""
        if ":" in host:
            return IpVersion.V6
        # Whatever a probe takes for an address, 127.1 and 2130706433 as well.
        socket.inet_aton(host)
    except (OSError, ValueError):
        # A name; or no URL at all, which is refused elsewhere.
        return None
    return IpVersion.V4
