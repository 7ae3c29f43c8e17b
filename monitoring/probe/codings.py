"""Content codings of a body (RFC 9110, section 8.4), judged before libcurl undoes any of them."""

from collections.abc import Iterable

# What libcurl passes on as it is.
NO_CODINGS = (b"identity", b"none")
# Bodies that make their reader keep as much as they like: 16 MiB in brotli (RFC 7932, section 9.1), 8 MiB and more in
# zstd (RFC 8878, section 3.1.1.1.2). So they are not asked for, and not read where they come all the same.
UNASKED = (b"br", b"zstd")
# What libcurl leaves out around a coding's name.
BLANKS = bytes(range(0x21))

STACKED = "The body comes in several content codings, one within the other, which are not undone."


def refusal(lines: Iterable[bytes]) -> str:
    """Why a body with these Content-Encoding lines is not to be read, in a sentence; blank where it may be.

    Of codings within each other, the inner one may be as large as it likes and yet yield nothing, so that no limit
    on the body ever stops it.
    """
    parts = [part.strip(BLANKS).lower() for line in lines for part in line.partition(b":")[2].split(b",")]
    codings = [part for part in parts if part and part not in NO_CODINGS]
    unasked = next((coding for coding in codings if coding in UNASKED), None)
    if unasked is not None:
        return f"The body comes in an encoding that was not asked for ({unasked.decode()})."
    return STACKED if len(codings) > 1 else ""
