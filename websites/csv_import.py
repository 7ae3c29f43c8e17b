"""Websites read from CSV, compared with those there are, and written in one go."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models, transaction

from websites import locks
from websites.csv_files import COLUMNS, REQUIRED_COLUMNS, Line
from websites.models import Website, WebsiteQuerySet
from websites.request_options import check_together
from websites.tags import store_text
from websites.validators import normalise_url
from websites.written_values import BAD_NUMBER, is_number, is_whole_number, read_flag, read_word

# Columns whose white space counts.
AS_WRITTEN = ("regex", "request_body")


@dataclass(frozen=True, slots=True)
class BadLine:
    """Why a line is not taken; the column is blank where the fault is the line's."""

    number: int
    column: str
    message: str

    def __str__(self) -> str:
        return f"line {self.number}{self.column and f', {self.column}'}: {self.message}"


@dataclass(slots=True)
class Batch:
    """What a file asks for: the wanted values by normalised URL, and the lines that cannot be taken."""

    wanted: dict[str, dict[str, Any]] = field(default_factory=dict)
    bad_lines: list[BadLine] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How many websites an import made, changed and found as they should be."""

    created: int
    updated: int
    unchanged: int


def parse(lines: Iterable[Line]) -> Batch:
    """Check every line, by itself and with what is known of its website; each of its faults is reported."""
    batch = Batch()
    first_lines: dict[str, int] = {}
    for line in lines:
        values, faults = _checked(line)
        url = values.get("website_url", "")
        if url in first_lines:
            faults.append(BadLine(line.number, "website_url", f"the same URL is in line {first_lines[url]} already."))
        elif url:
            first_lines[url] = line.number
        if faults:
            batch.bad_lines.extend(faults)
        else:
            batch.wanted[url] = values
    _check_together(batch, first_lines)
    return batch


def _check_together(batch: Batch, numbers: Mapping[str, int]) -> None:
    """Move what is good cell by cell, but not together, to the bad lines."""
    existing = _existing(list(batch.wanted))
    for url, values in list(batch.wanted.items()):
        try:
            check_together(existing.get(url, DEFAULTS) | values)
        except ValidationError as error:
            del batch.wanted[url]
            batch.bad_lines += [
                BadLine(numbers[url], column, message)
                for column, messages in error.message_dict.items()
                for message in messages
            ]
    batch.bad_lines.sort(key=lambda line: line.number)


def write(batch: Batch, *, dry_run: bool = False) -> Outcome:
    """Create and update what the batch asks for, in one transaction; a dry run only compares."""
    with transaction.atomic():
        urls = list(batch.wanted)
        # What is read is what there is until it is written.
        locks.hold_to_change(
            Website, [pk for some in locks.chunks(urls) for pk in _rows(some).values_list("pk", flat=True)]
        )
        existing = _existing(urls)
        new = [values for url, values in batch.wanted.items() if url not in existing]
        changed = [
            existing[url] | values
            for url, values in batch.wanted.items()
            if url in existing and existing[url] != existing[url] | values
        ]
        if not dry_run and (new or changed):
            Website.objects.bulk_create(
                [Website(**values) for values in [*new, *changed]],
                update_conflicts=True,
                unique_fields=["website_url"],
                update_fields=COLUMNS[1:],
            )
    return Outcome(len(new), len(changed), len(batch.wanted) - len(new) - len(changed))


def _existing(urls: Sequence[str]) -> dict[str, dict[str, Any]]:
    rows = (values for some in locks.chunks(urls) for values in _rows(some).values(*COLUMNS))
    return {str(values["website_url"]): dict(values) for values in rows}


def _rows(urls: Sequence[str]) -> WebsiteQuerySet:
    return Website.objects.filter(website_url__in=urls)


def _checked(line: Line) -> tuple[dict[str, Any], list[BadLine]]:
    """The line's values, as far as they are good, and its faults."""
    if line.fault:
        return {}, [BadLine(line.number, "", f"{line.fault}.")]
    values: dict[str, Any] = {}
    faults: list[BadLine] = []
    for column, cell in line.cells.items():
        try:
            # An empty cell leaves a website active or paused as it is.
            if column != "is_active" or cell.strip():
                values[column] = _value(column, cell)
        except ValidationError as error:
            faults.extend(BadLine(line.number, column, message) for message in error.messages)
    return values, faults


def _value(column: str, cell: str) -> Any:
    """A cell as its field's value; raises `ValidationError` with the API's messages."""
    if column == "request_body" and "\0" in cell:
        raise ValidationError("Null characters are not allowed.")
    if column not in AS_WRITTEN:
        cell = cell.strip()
    if not cell and column not in REQUIRED_COLUMNS:
        return DEFAULTS[column]
    try:
        if column in FLAGS:
            return read_flag(cell)
        if column in WORDS:
            return read_word(cell, WORDS[column])
    except ValueError as error:
        raise ValidationError(str(error)) from error
    return _field(column).clean(_checked_text(column, cell), None)


def _checked_text(column: str, cell: str) -> str:
    """What the column's field takes for the cell; raises `ValidationError` with the API's messages."""
    if column in WHOLE_NUMBERS:
        if not is_whole_number(cell):
            raise ValidationError(BAD_NUMBER)
        return cell[:20]
    if column in NUMBERS and not is_number(cell):
        raise ValidationError("A valid number is required.")
    if not cell:
        raise ValidationError("This field is required.")
    if column == "tags":
        return store_text(cell)
    return normalise_url(cell) if column == "website_url" else cell


def _field(column: str) -> Any:
    return Website._meta.get_field(column)


DEFAULTS: dict[str, Any] = {name: _field(name).get_default() if name != "regex" else None for name in COLUMNS}
FLAGS = [name for name in COLUMNS if isinstance(_field(name), models.BooleanField)]
WHOLE_NUMBERS = [name for name in COLUMNS if isinstance(_field(name), models.IntegerField)]
NUMBERS = [name for name in COLUMNS if isinstance(_field(name), models.FloatField)]
WORDS = {name: list(dict(_field(name).choices)) for name in COLUMNS if _field(name).choices}
