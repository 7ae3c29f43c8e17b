"""`manage.py export_websites [FILE]`: all websites in the format that `import_websites` reads."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from websites import csv_files
from websites.models import Website


class Command(BaseCommand):
    help = "Export all websites as CSV, in the format that import_websites reads."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE.csv", nargs="?", default="-", help="standard output where left out")

    def handle(self, *args: Any, **options: Any) -> None:
        rows = Website.objects.order_by("pk").values_list(*csv_files.COLUMNS).iterator(chunk_size=2000)
        if options["file"] == "-":
            csv_files.write(self.stdout, rows)
            return
        try:
            with Path(options["file"]).open("w", encoding="utf-8", newline="") as file:
                count = csv_files.write(file, rows)
        except OSError as error:
            raise CommandError(f"{options['file']} cannot be written: {error.strerror}.") from error
        self.stderr.write(f"{count} websites exported to {options['file']}.")
