"""`manage.py replay_alerts --since 30d --failures 3`: what another policy would have made of the stored checks."""

import argparse
import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from io import StringIO
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from rich.console import Console
from rich.progress import track

from monitoring import chosen_websites, replay_report
from monitoring.api.moments import parse_moment
from monitoring.models.notifications import DELAY_MAX
from monitoring.replay import Telling
from monitoring.replay_comparison import Override, Summary, Window, compare
from monitoring.schedule import chunks
from websites.alert_options import IN_A_ROW_MAX, IN_A_ROW_MIN, validate_slow_threshold
from websites.models import Website
from websites.written_values import is_number, is_whole_number

BAD_USAGE = 2
UNITS = {"d": "days", "h": "hours", "m": "minutes"}
SPAN = re.compile(rf"([0-9]{{1,7}})([{''.join(UNITS)}])")
LONGEST_SPAN = timedelta(days=36_500)
BAD_MOMENT = "must be a span of at most 100 years such as 30d, 12h or 90m, or a time such as 2026-01-31T12:00:00Z"
# Columns where nobody's terminal says how many there are.
WIDTH = 120
LIMIT = 50


def moment(text: str) -> datetime | timedelta:
    """A time, or how long ago."""
    if match := SPAN.fullmatch(text.strip()):
        span = timedelta(**{UNITS[match[2]]: int(match[1])})
        if span <= LONGEST_SPAN:
            return span
    elif (found := parse_moment(text)) is not None:
        return found
    raise argparse.ArgumentTypeError(BAD_MOMENT)


def whole(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not (is_whole_number(text) and len(text) <= 20 and low <= int(text) <= high):
            raise argparse.ArgumentTypeError(f"must be a whole number from {low} to {high}")
        return int(text)

    return read


def slow_threshold(text: str) -> float:
    try:
        seconds = float(text) if is_number(text) else math.nan
        validate_slow_threshold(seconds)
    except ValueError as error:
        raise argparse.ArgumentTypeError("must be a number of seconds") from error
    except ValidationError as error:
        raise argparse.ArgumentTypeError(error.messages[0]) from error
    return seconds


class Command(BaseCommand):
    help = (
        "Judge the stored checks once more, by another policy, and print which incidents and alerts would have come "
        "of it, beside those that happened. Nothing is stored, and nobody is told. Exit code 2: bad usage."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        when = partial(parser.add_argument, metavar="WHEN", type=moment)
        when("--since", required=True, help="30d, 12h or 90m ago, or a time in ISO 8601")
        when("--until", default=timedelta(), help="likewise; now where left out")
        parser.add_argument("--website", metavar="ID|URL", action="append", help="only this one; may be repeated")
        parser.add_argument("--tag", help="only websites with this tag")
        policy = parser.add_argument_group("the other policy", "What is left out is as each website has it today.")
        in_a_row = partial(policy.add_argument, metavar="N", type=whole(IN_A_ROW_MIN, IN_A_ROW_MAX))
        in_a_row("--failures", help="in a row before a website is down")
        in_a_row("--successes", help="in a row before it is up again")
        policy.add_argument("--slow-threshold", metavar="SECONDS", type=slow_threshold, help="more than that is slow")
        in_a_row("--slow-checks", help="in a row before a website is slow")
        telling = parser.add_argument_group("the channel").add_argument
        seconds = partial(telling, metavar="SECONDS")
        seconds("--delay", type=whole(0, DELAY_MAX), default=0, help="what ends sooner is not told; 0 where left out")
        telling(
            "--flapping",
            metavar="N",
            type=whole(0, 1000),
            help="outages that are flapping, 0 for never; FLAPPING_OUTAGES",
        )
        seconds("--flapping-window", type=whole(60, 86_400), help="within which they begin; FLAPPING_WINDOW")
        parser.add_argument("--json", action="store_true", help="print one JSON object, with every incident")
        limit_help = f"incidents that are listed one by one; {LIMIT} where left out"
        parser.add_argument("--limit", metavar="N", type=whole(0, 1_000_000), default=LIMIT, help=limit_help)

    def handle(self, *args: Any, **options: Any) -> None:
        window = _window(options["since"], options["until"])
        website_ids = _website_ids(options["website"] or (), options["tag"])
        override = Override(*(options[name] for name in ("failures", "successes", "slow_threshold", "slow_checks")))
        telling = _telling(options["delay"], options["flapping"], options["flapping_window"])
        summary = Summary(window, None if options["json"] else options["limit"])
        for website in _tracked(_websites(website_ids), len(website_ids)):
            summary.add(website, compare(website, window, override, telling))
        if options["json"]:
            self.stdout.write(replay_report.as_json(summary, override, telling))
        else:
            self._print(summary, override, telling, no_color=options["no_color"])

    def _print(self, summary: Summary, override: Override, telling: Telling, *, no_color: bool) -> None:
        text, is_terminal = StringIO(), self.stdout.isatty()
        console = Console(
            file=text,
            force_terminal=is_terminal,
            no_color=no_color,
            highlight=False,
            width=None if is_terminal else WIDTH,
        )
        replay_report.show(console, summary, override, telling)
        self.stdout.write(text.getvalue(), ending="")


def _window(since: datetime | timedelta, until: datetime | timedelta) -> Window:
    now = timezone.now()
    begin, end = (when if isinstance(when, datetime) else now - when for when in (since, until))
    if begin >= end:
        raise CommandError("There is no time between: --since must be before --until.", returncode=BAD_USAGE)
    return Window(begin, end)


def _telling(delay: int, outages: int | None, window: int | None) -> Telling:
    """What is not given is as it is for everybody."""
    return Telling(
        delay,
        settings.FLAPPING_OUTAGES if outages is None else outages,
        settings.FLAPPING_WINDOW if window is None else window,
    )


def _website_ids(names: Sequence[str], tag: str | None) -> list[int]:
    try:
        return sorted(chosen_websites.choose(names, () if tag is None else [tag]))
    except ValidationError as error:
        raise CommandError(error.messages[0], returncode=BAD_USAGE) from error


def _websites(website_ids: Sequence[int]) -> Iterator[Website]:
    for some in chunks(website_ids):
        yield from Website.objects.filter(pk__in=some).order_by("pk")


def _tracked(websites: Iterable[Website], count: int) -> Iterable[Website]:
    """The same websites, with a progress bar where somebody looks at a terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        return websites
    return track(websites, "Replaying checks", total=count, console=console, transient=True)
