"""Websites as CSV: a header row with the API's field names, then one website a line.

A cell that a spreadsheet would run as a formula is written with a single quote before it and
read without it (https://owasp.org/www-community/attacks/CSV_Injection); what is written is read
back exactly, quotes included.
"""

import csv
import difflib
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from websites import tags

# Credentials are not among them: they never leave the database.
COLUMNS = (
    "website_url",
    "monitoring_interval",
    "regex",
    "is_active",
    "regex_must_match",
    "accepted_statuses",
    "timeout",
    "method",
    "request_headers",
    "request_body",
    "follow_redirects",
    "verify_tls",
    "ip_version",
    "tags",
    "failures_before_down",
    "successes_before_up",
    "slow_threshold",
    "slow_checks",
    "alert_on_value_change",
    "alert_on_value_missing",
    "value_min",
    "value_max",
)
REQUIRED_COLUMNS = COLUMNS[:2]
DELIMITERS = (",", ";", "\t", "|")

# What a spreadsheet takes for a formula, behind any number of guards; some take the full-width signs for the others.
SIGNS = r"[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]"
FORMULA = re.compile(f"'*{SIGNS}")
GUARDED = re.compile(f"'+{SIGNS}")


class FormatError(Exception):
    """The file cannot be read as websites; the message is a sentence for its owner."""


class Writable(Protocol):
    def write(self, text: str, /) -> Any: ...


@dataclass(frozen=True, slots=True)
class Line:
    """One record: its first line's number in the file and its cells by column, or what is wrong with it."""

    number: int
    cells: dict[str, str]
    fault: str = ""


def write(file: Writable, rows: Iterable[Sequence[Any]]) -> int:
    """Write a header and rows in the order of `COLUMNS`; returns the number of rows."""
    writer = csv.writer(file)
    writer.writerow(COLUMNS)
    count = 0
    for row in rows:
        writer.writerow([guarded(_cell(*pair)) for pair in zip(COLUMNS, row, strict=True)])
        count += 1
    return count


def read(content: bytes) -> Iterator[Line]:
    """The lines of a file, blank ones left out. Raises `FormatError` where the whole file is unusable."""
    text = _decoded(content)
    header = io.StringIO(text.lstrip("\r\n"), newline="").readline().strip("\r\n")
    if not header.strip():
        raise FormatError("The file is empty: it needs a header row that names the columns.")
    delimiter = _delimiter(header)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    return _lines(reader)


def _lines(reader: Any) -> Iterator[Line]:
    columns: list[str] | None = None
    number = 1
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if columns is None:
                raise FormatError(f"The header row is not CSV: {error}.") from error
            yield Line(number, {}, f"not CSV: {error}")
            cells = []
        if any(cells):
            if columns is None:
                columns = _checked_header(cells)
            else:
                yield _line(number, columns, cells)
        number = reader.line_num + 1


def _line(number: int, columns: list[str], cells: list[str]) -> Line:
    if len(cells) != len(columns):
        return Line(number, {}, f"it has {len(cells)} cells, the header has {len(columns)}")
    return Line(number, dict(zip(columns, map(_unguarded, cells), strict=True)))


def _decoded(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise FormatError("The file is UTF-16: save it as CSV in UTF-8.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise FormatError(f"Line {line} is not UTF-8: save the file as CSV in UTF-8.") from error


def _delimiter(header: str) -> str:
    """The delimiter that finds most known columns in the header; a comma where none does."""

    def known(delimiter: str) -> int:
        return sum(_column_name(cell) in COLUMNS for cell in next(csv.reader([header], delimiter=delimiter)))

    return max(DELIMITERS, key=known)


def _checked_header(cells: list[str]) -> list[str]:
    """The columns' names; raises `FormatError` for one that is unknown, missing or there twice."""
    names = [_column_name(cell) for cell in cells]
    for name in names:
        if name not in COLUMNS:
            close = difflib.get_close_matches(name, COLUMNS, n=1)
            hint = f"did you mean {close[0]}?" if close else f"the columns are {', '.join(COLUMNS)}."
            raise FormatError(f'There is no column "{name[:100]}": {hint}')
        if names.count(name) > 1:
            raise FormatError(f"The column {name} is there twice.")
    for name in REQUIRED_COLUMNS:
        if name not in names:
            raise FormatError(f"The column {name} is missing.")
    return names


def _column_name(cell: str) -> str:
    return cell.strip().lower()


def _cell(column: str, value: Any) -> str:
    if value is None:
        return ""
    if column == "tags":
        return tags.as_text(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def guarded(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if FORMULA.match(cell) else cell


def _unguarded(cell: str) -> str:
    return cell[1:] if GUARDED.match(cell) else cell
