"""Recurrence rules: the RRULE of RFC 5545 (section 3.3.10), for what starts at most once a day.

Rules are evaluated a local year at a time: dateutil names the year's days that the BY parts allow, and INTERVAL,
BYSETPOS, COUNT and UNTIL choose among them. So no rule takes longer than others, even one that never comes round,
and what began long ago costs no more than what begins now.
"""

from collections.abc import Iterable, Iterator
from datetime import MAXYEAR, date, datetime, time, timedelta
from functools import lru_cache, partial
from itertools import chain, groupby
from typing import Any

from dateutil.rrule import YEARLY, rrule, weekday
from django.core.exceptions import ValidationError

from monitoring.recurrence_text import Frequency, Rule, read_rule
from monitoring.wall_clock import moment_of

# The years in which rules may start, and beyond which nothing is looked for.
FIRST_YEAR, LAST_YEAR = 1970, 2199
# How far ahead of any moment the next occurrence is looked for: ten years.
AHEAD = timedelta(days=3653)
# Years of occurrences that are kept: one of a daily rule takes some 20 kB.
KEPT = 512


def check_day(day: date) -> None:
    """Raises `ValidationError` for a day whose moments cannot be reckoned with everywhere on Earth."""
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        # A field has words of its own for what it calls invalid.
        raise ValidationError(f"The year must be from {FIRST_YEAR} to {LAST_YEAR}.", code="range")


def check_rrule(text: str, starts: datetime, zone: str) -> None:
    """Raises `ValidationError` with a sentence where `starts_in` would, and for a rule that never comes round.

    `starts` is local (naive) time in the zone, which must exist.
    """
    rule = read_rule(text)
    if not FIRST_YEAR <= starts.year <= LAST_YEAR:
        raise ValidationError(f"A rule starts in the years from {FIRST_YEAR} to {LAST_YEAR}.", code="invalid")
    before = moment_of(starts, zone) + AHEAD
    first = next(
        chain.from_iterable(starts_in(year, text, starts, zone) for year in range(starts.year, before.year + 1)), None
    )
    if first is not None and first < before:
        return
    if rule.until is not None and rule.until.year <= before.year:
        raise ValidationError("This rule does not come round before its UNTIL.", code="invalid")
    raise ValidationError("This rule never comes round within ten years.", code="invalid")


@lru_cache(maxsize=KEPT)
def starts_in(year: int, text: str, starts: datetime, zone: str) -> tuple[datetime, ...]:
    """The moments (UTC, in order) of a local year at which a rule's occurrences start.

    `starts` is local (naive) time in the zone. Nothing starts earlier, INTERVAL and COUNT are counted from it,
    and what the rule leaves open is as in it: the time of day, and the day. Where the rule does not name its day,
    `starts` itself is no occurrence. Raises `ValidationError` where the text is no rule.
    """
    rule = read_rule(text)
    # By the decade, so that few counts are kept and none goes on for centuries.
    last = _last_counted(text, starts, year - year % 10 + 9) if "COUNT" in rule.numbers else None
    # A year more, as UNTIL may be in UTC, where local years end up to 14 hours later or earlier.
    ends = [moment.year + 1 for moment in (last, rule.until) if moment is not None]
    if not starts.year <= year <= min(ends, default=year):
        return ()
    found = ((local, moment_of(local, zone)) for local in _local_starts(rule, starts, year))
    return tuple(
        moment for local, moment in found if (last is None or local <= last) and not _is_over(rule, local, moment)
    )


def _is_over(rule: Rule, local: datetime, moment: datetime) -> bool:
    if rule.until is None:
        return False
    return (local if rule.until.tzinfo is None else moment) > rule.until


@lru_cache(maxsize=KEPT)
def _last_counted(text: str, starts: datetime, through: int) -> datetime | None:
    """The local start of the last occurrence that COUNT leaves; None where that is after the year `through`."""
    rule = read_rule(text)
    left = rule.numbers["COUNT"][0]
    for year in range(starts.year, through + 1):
        found = _local_starts(rule, starts, year)
        if left <= len(found):
            return found[left - 1]
        left -= len(found)
    return None


def _local_starts(rule: Rule, starts: datetime, year: int) -> list[datetime]:
    """The local starts of a year, whatever COUNT and UNTIL say."""
    given = (("BYHOUR", starts.hour), ("BYMINUTE", starts.minute), ("BYSECOND", starts.second))
    hour, minute, second = (rule.numbers.get(name, (default,))[0] for name, default in given)
    clock = time(hour, minute, second, starts.microsecond)
    found = (datetime.combine(day, clock) for day in _days(rule, starts.date(), year))
    return [local for local in found if local >= starts]


def _days(rule: Rule, first: date, year: int) -> Iterator[date]:
    """The days of a year on which occurrences start, where `first` is the day that intervals are counted from."""
    period = partial(_period, rule)
    days: Iterable[date] = _named_days(rule, first, year)
    if "BYSETPOS" in rule.numbers:
        # Weeks reach into the years before and after.
        near = (year - 1, year, year + 1) if rule.frequency is Frequency.WEEKLY else (year,)
        around = chain.from_iterable(_named_days(rule, first, each) for each in near)
        chosen = (_at_positions(list(group), rule.numbers["BYSETPOS"]) for _, group in groupby(around, period))
        days = (day for day in chain.from_iterable(chosen) if day.year == year)
    (interval,) = rule.numbers.get("INTERVAL", (1,))
    return (day for day in days if (period(day) - period(first)) % interval == 0)


def _period(rule: Rule, day: date) -> int:
    """The number of the day, week, month or year that the rule's interval counts."""
    match rule.frequency:
        case Frequency.DAILY:
            return day.toordinal()
        case Frequency.WEEKLY:
            # Day 1 of the calendar is a Monday.
            return (day.toordinal() - 1 - rule.week_start) // 7
        case Frequency.MONTHLY:
            return day.year * 12 + day.month
        case Frequency.YEARLY:
            return day.year


def _at_positions(days: list[date], positions: tuple[int, ...]) -> list[date]:
    return sorted(
        {days[position - 1 if position > 0 else position] for position in positions if abs(position) <= len(days)}
    )


def _named_days(rule: Rule, first: date, year: int) -> list[date]:
    """The days of a year that the BY parts allow, in order."""
    # The interval leads out of the calendar: dateutil ends after this year, whether it finds anything or not.
    # Of BYWEEKNO it misses days that belong to a week of the year before or after: 1 January 2022 in week 52, and
    # in some years the last days of December where weeks are counted from the end.
    found = rrule(
        YEARLY, dtstart=date(year, 1, 1), interval=MAXYEAR, wkst=rule.week_start, **_day_arguments(rule, first)
    )
    return [midnight.date() for midnight in found]


def _day_arguments(rule: Rule, first: date) -> dict[str, Any]:
    """What dateutil is to look for in a year; where the rule leaves it open, as on the first day."""
    given: dict[str, Any] = {
        name.lower(): rule.numbers[name]
        for name in ("BYMONTH", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO")
        if name in rule.numbers
    }
    if rule.weekdays:
        given["byweekday"] = [weekday(day, number) for day, number in _each_numbered(rule)]
    if given.keys() <= {"bymonth"}:
        match rule.frequency:
            case Frequency.DAILY:
                given["byweekday"] = range(7)
            case Frequency.WEEKLY:
                given["byweekday"] = first.weekday()
            case Frequency.MONTHLY:
                given["bymonthday"] = first.day
            case Frequency.YEARLY:
                given["bymonthday"] = first.day
                given.setdefault("bymonth", first.month)
    elif given.keys() <= {"bymonth", "byweekno"}:
        given["byweekday"] = first.weekday()
    if rule.frequency is Frequency.MONTHLY:
        # Only with months named does dateutil count weekdays in each of them.
        given.setdefault("bymonth", range(1, 13))
    return given


def _each_numbered(rule: Rule) -> list[tuple[int, int | None]]:
    """The weekdays, either all with a number or none: dateutil would want days to match one of each."""
    if not any(number for _, number in rule.weekdays):
        return [(day, None) for day, _ in rule.weekdays]
    every = range(1, rule.most_of_a_weekday + 1)
    return [(day, n) for day, number in rule.weekdays for n in ([number] if number else every)]
