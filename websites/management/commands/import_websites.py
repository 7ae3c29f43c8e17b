"""`manage.py import_websites FILE.csv`: websites from a file, created or updated by their URL."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import track

from websites import csv_files, csv_import
from websites.plain_text import inert


class Command(BaseCommand):
    help = (
        "Import websites from a CSV file with a header row. Columns: "
        f"{', '.join(csv_files.COLUMNS)}; the first two are needed. "
        "A website whose URL is known is updated; a column that is absent changes nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE.csv", help="the file, or - for standard input")
        parser.add_argument("--skip-invalid", action="store_true", help="import the good lines although some are bad")
        parser.add_argument("--dry-run", action="store_true", help="say what would happen, and write nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            lines = list(csv_files.read(_content(options["file"])))
        except csv_files.FormatError as error:
            raise CommandError(inert(str(error))) from error
        except OSError as error:
            raise CommandError(f"{options['file']} cannot be read: {error.strerror}.") from error
        batch = csv_import.parse(_tracked(lines))
        for bad_line in batch.bad_lines:
            self.stderr.write(inert(str(bad_line)))
        bad_count = len({bad_line.number for bad_line in batch.bad_lines})
        if bad_count and not options["skip_invalid"]:
            raise CommandError(f"{_lines(bad_count)} bad; nothing was imported. Mend the file, or pass --skip-invalid.")
        outcome = csv_import.write(batch, dry_run=options["dry_run"])
        self.stdout.write(_report(outcome, bad_count, dry_run=options["dry_run"]))


def _content(name: str) -> bytes:
    return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()


def _tracked(lines: list[csv_files.Line]) -> Iterable[csv_files.Line]:
    """The same lines, with a progress bar where somebody looks at a terminal."""
    console = Console(stderr=True)
    return track(lines, "Checking lines", console=console, transient=True) if console.is_terminal else lines


def _report(outcome: csv_import.Outcome, bad_count: int, *, dry_run: bool) -> str:
    counts = f"{outcome.created} created, {outcome.updated} updated, {outcome.unchanged} unchanged"
    skipped = f", {bad_count} skipped" if bad_count else ""
    return f"{'Dry run, nothing was written: ' if dry_run else ''}{counts}{skipped}."


def _lines(count: int) -> str:
    return "1 line is" if count == 1 else f"{count} lines are"
