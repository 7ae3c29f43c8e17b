"""What libcurl tells of a server's certificate, read: https://curl.se/libcurl/c/CURLINFO_CERTINFO.html"""

import ssl
from collections.abc import Iterable

from monitoring.probe.types import Certificate

# Of a certificate's own words, so much at most.
NAME_MAX_LENGTH = 255
NAMES_CAP = 100
NAME_KINDS = ("DNS:", "IP Address:")

Fields = Iterable[tuple[bytes, bytes]]


def read(host: str, fields: Fields) -> Certificate | None:
    """A certificate from its fields as OpenSSL writes them; None where its dates cannot be read."""
    texts = {name.decode(errors="replace"): value.decode(errors="replace") for name, value in fields}
    try:
        begins = ssl.cert_time_to_seconds(texts.get("Start date", "").strip())
        ends = ssl.cert_time_to_seconds(texts.get("Expire date", "").strip())
    except ValueError:
        return None
    names = texts.get("X509v3 Subject Alternative Name", "").split(", ")
    return Certificate(
        host=host,
        subject=texts.get("Subject", "")[:NAME_MAX_LENGTH],
        issuer=texts.get("Issuer", "")[:NAME_MAX_LENGTH],
        names=tuple(
            name.removeprefix(kind)[:NAME_MAX_LENGTH] for name in names for kind in NAME_KINDS if name.startswith(kind)
        )[:NAMES_CAP],
        not_before=begins,
        not_after=ends,
    )


def first_to_expire(one: Certificate | None, other: Certificate | None) -> Certificate | None:
    if one is None or other is None:
        return one or other
    return other if other.not_after < one.not_after else one
