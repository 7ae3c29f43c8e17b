"""`manage.py report --month 2026-10`: how websites were in a month, as a file to hand on."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from monitoring.chosen_websites import choose
from monitoring.reports import csv_report, html_report, json_report, months
from monitoring.reports.collect import Report, collect
from monitoring.wall_clock import check_time_zone
from websites.plain_text import inert

BAD_USAGE = 2
WRITERS: dict[str, Callable[[Report], Iterator[str]]] = {
    "html": html_report.write,
    "csv": csv_report.write,
    "json": json_report.write,
}


class Command(BaseCommand):
    help = (
        "Write a report of a month: uptime with coverage, outages with bounds, incidents and response times of each "
        "website, and of all together. docs/statistics.md tells how it is counted. Exit code 2: bad usage."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--month", metavar="YYYY-MM", help="such as 2026-10; the last one that is over by default")
        parser.add_argument(
            "--time-zone", metavar="NAME", default="UTC", help="whose midnights begin and end the month; UTC by default"
        )
        parser.add_argument(
            "--tag", metavar="TAG", nargs="+", action="extend", default=[], help="only websites with one of these tags"
        )
        parser.add_argument(
            "--website", metavar="ID|URL", nargs="+", action="extend", default=[], help="only these websites"
        )
        parser.add_argument("--format", choices=WRITERS, default="html", help="html by default")
        parser.add_argument("--output", metavar="FILE", help="standard output where left out")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            report = _report(options)
        except ValidationError as error:
            raise CommandError(error.messages[0], returncode=BAD_USAGE) from error
        pieces = WRITERS[options["format"]](report)
        if options["output"] is None:
            for piece in pieces:
                self.stdout.write(piece, ending="")
        else:
            _write(options["output"], pieces)
            self.stderr.write(f"The report is in {inert(options['output'])}.")


def _report(options: dict[str, Any]) -> Report:
    """Raises `ValidationError` with a sentence for what people got wrong."""
    zone = options["time_zone"]
    check_time_zone(zone)
    text = options["month"]
    month = months.last(zone, timezone.now()) if text is None else months.read(text, zone)
    return collect(choose(options["website"], options["tag"]), month)


def _write(name: str, pieces: Iterator[str]) -> None:
    # All of it is there before the file is opened, so that a fault leaves the one of before as it is.
    text = "".join(pieces)
    try:
        with Path(name).open("w", encoding="utf-8", newline="") as file:
            file.write(text)
    except OSError as error:
        raise CommandError(f"{inert(name)} cannot be written: {error.strerror}.") from error
    except ValueError as error:  # a NUL in the name
        raise CommandError(f"{inert(name)} is no name of a file.", returncode=BAD_USAGE) from error
