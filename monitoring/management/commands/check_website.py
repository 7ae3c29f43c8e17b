"""`manage.py check_website <id|url>`: check a website now, and say what came; nothing is stored."""

import argparse
import math
import time
from dataclasses import replace
from io import StringIO
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console

from monitoring import check_report, probe, watchlist
from monitoring.models import Outcome
from monitoring.probe.classify import internal_exchange
from monitoring.probe.types import ProbeResult
from monitoring.states import Rules, judge
from monitoring.watchlist import Watched
from websites.models import MONITORING_INTERVAL_MAX, Website
from websites.plain_text import inert
from websites.validators import normalise_url, validate_regex

BAD_USAGE = 2
LONGEST_TIMEOUT = 300.0


def seconds(text: str) -> float:
    value = float(text)
    if not (math.isfinite(value) and 0 < value <= LONGEST_TIMEOUT):
        raise argparse.ArgumentTypeError(f"must be more than 0 and at most {LONGEST_TIMEOUT:.0f}")
    return value


class Command(BaseCommand):
    help = (
        "Check a website now and print what came; nothing is stored. Exit code 0: the website is up, "
        "1: it is down, or the check could not be made, 2: no such website, or a bad URL or regex."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("website", metavar="ID|URL", help="a website's ID, or any http or https URL")
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        parser.add_argument("--regex", metavar="PATTERN", help="extract this instead of the website's own regex")
        parser.add_argument("--timeout", metavar="SECONDS", type=seconds, help="for the whole exchange")

    def handle(self, *args: Any, **options: Any) -> None:
        website = self._website(options["website"])
        watched = _watched(website, options["regex"], options["timeout"])
        result = _check(watched)
        if options["json"]:
            self.stdout.write(check_report.as_json(result, watched.rules, website.pk))
        else:
            self._print(result, watched.rules, website.pk, no_color=options["no_color"])
        if judge(result, watched.rules)[0] != Outcome.UP:
            raise SystemExit(1)

    def _website(self, text: str) -> Website:
        """The website with this ID or URL, or an unsaved one for a URL that is not registered."""
        if text.isascii() and text.isdigit():
            website = Website.objects.filter(pk=text).first()
            if website is None:
                raise CommandError(f"There is no website with the ID {text}.", returncode=BAD_USAGE)
            return website
        try:
            url = normalise_url(text)
        except ValidationError as error:
            raise CommandError(f"{inert(text[:200])}: {error.messages[0]}", returncode=BAD_USAGE) from error
        return Website.objects.filter(website_url=url).first() or Website(
            website_url=url, monitoring_interval=MONITORING_INTERVAL_MAX
        )

    def _print(self, result: ProbeResult, rules: Rules, website_id: int | None, *, no_color: bool) -> None:
        text = StringIO()
        console = Console(file=text, force_terminal=self.stdout.isatty(), no_color=no_color, highlight=False)
        check_report.show(console, result, rules, website_id)
        self.stdout.write(text.getvalue(), ending="")


def _watched(website: Website, regex: str | None, timeout: float | None) -> Watched:
    """The check a worker would make, but for what the command line asks to be otherwise."""
    if regex:
        try:
            validate_regex(regex)
        except ValidationError as error:
            raise CommandError(inert(error.messages[0]), returncode=BAD_USAGE) from error
    if regex is not None:
        website.regex = regex or None
    if timeout is not None:
        website.timeout = timeout
    return watchlist.watched(website)


def _check(watched: Watched) -> ProbeResult:
    """What came of the check, or the monitor's own fault where it cannot be made."""
    if watched.problem:
        return ProbeResult(internal_exchange(watched.request, time.time(), watched.problem), None)
    request = replace(watched.request, wants_certificate=True)
    return probe.check(request, guard=watchlist.guard(), user_agent=watchlist.user_agent())
