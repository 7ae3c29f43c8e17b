"""How recurrence rules are written (RFC 5545, section 3.3.10), read strictly and with sentences for people."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time
from enum import StrEnum
from typing import NamedTuple

from django.core.exceptions import ValidationError

MAX_LENGTH = 500
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


class Frequency(StrEnum):
    DAILY = "DAILY"
    WEEKLY = "WEEKLY"
    MONTHLY = "MONTHLY"
    YEARLY = "YEARLY"


class Numbers(NamedTuple):
    """What a part takes."""

    lowest: int
    highest: int
    # Whether negative ones count from the end.
    both_ways: bool = False
    # What forbids a list of them; blank where nothing does.
    only_one: str = ""


AT_MOST_DAILY = "a window starts at most once a day"
NUMBERS = {
    "INTERVAL": Numbers(1, 1000, only_one="it cannot have several"),
    "COUNT": Numbers(1, 10_000, only_one="it cannot have several"),
    "BYMONTH": Numbers(1, 12),
    "BYMONTHDAY": Numbers(1, 31, both_ways=True),
    "BYYEARDAY": Numbers(1, 366, both_ways=True),
    "BYWEEKNO": Numbers(1, 53, both_ways=True),
    "BYSETPOS": Numbers(1, 366, both_ways=True),
    "BYHOUR": Numbers(0, 23, only_one=AT_MOST_DAILY),
    "BYMINUTE": Numbers(0, 59, only_one=AT_MOST_DAILY),
    "BYSECOND": Numbers(0, 59, only_one=AT_MOST_DAILY),
}
PARTS = ("FREQ", "UNTIL", "WKST", "BYDAY", *NUMBERS)
# With which frequencies a part goes, where not with all: the table of section 3.3.10. BYSETPOS has nothing to choose
# from in a day.
GOES_WITH = {
    "BYMONTHDAY": (Frequency.DAILY, Frequency.MONTHLY, Frequency.YEARLY),
    "BYYEARDAY": (Frequency.YEARLY,),
    "BYWEEKNO": (Frequency.YEARLY,),
    "BYSETPOS": (Frequency.WEEKLY, Frequency.MONTHLY, Frequency.YEARLY),
}
# The numeric parts that name days, so that BYSETPOS has something to choose from; BYDAY does too.
NAMES_DAYS = {"BYMONTH", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO"}
# What calendars write beside rules.
BESIDE = {
    "DTSTART": "DTSTART belongs into the field for the start.",
    "DTEND": "DTEND has no place in a rule: give the duration in its field.",
    "DURATION": "DURATION belongs into the field for the duration.",
    "RDATE": "RDATE is not supported: give the rule alone, and a window of its own for a single date.",
    "EXDATE": "EXDATE is not supported: give the rule alone.",
    "EXRULE": "EXRULE is not supported: give the rule alone.",
}

NUMBER = re.compile(r"[+-]?[0-9]{1,5}")
NUMBERED_DAY = re.compile(rf"([+-]?[0-9]{{1,2}})?({'|'.join(WEEKDAYS)})")
UNTIL = re.compile(r"[0-9]{8}(T[0-9]{6}Z?)?")
PROPERTY = re.compile(rf"\b({'|'.join(BESIDE)})\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule whose parts go together."""

    frequency: Frequency
    # The numeric parts that are given, by name.
    numbers: Mapping[str, tuple[int, ...]]
    # Weekdays from 0 (Monday), each with which one of the month or year it is (from the end where negative; 0: any).
    weekdays: tuple[tuple[int, int], ...]
    week_start: int
    # The last moment at which an occurrence may start: in UTC, or local (naive).
    until: datetime | None

    @property
    def most_of_a_weekday(self) -> int:
        """How many of a weekday there can be in what its numbers count in."""
        is_of_month = self.frequency is Frequency.MONTHLY or "BYMONTH" in self.numbers
        return 5 if is_of_month else 53


def read_rule(text: str) -> Rule:
    """Raises `ValidationError` with a sentence for everything that is no rule, or comes round more than daily."""
    parts = _parts(text)
    rule = Rule(
        frequency=_frequency(parts.get("FREQ")),
        numbers={name: _numbers(name, value) for name, value in parts.items() if name in NUMBERS},
        weekdays=tuple(map(_weekday, parts["BYDAY"].split(","))) if "BYDAY" in parts else (),
        week_start=_week_start(parts.get("WKST", "MO")),
        until=_until(parts["UNTIL"]) if "UNTIL" in parts else None,
    )
    _check_together(rule)
    return rule


def _invalid(sentence: str) -> ValidationError:
    return ValidationError(sentence, code="invalid")


def _parts(text: str) -> dict[str, str]:
    """The parts by name, in capitals."""
    if len(text) > MAX_LENGTH:
        raise ValidationError(f"The rule is longer than {MAX_LENGTH} characters.", code="max_length")
    text = text.strip()
    if not text:
        raise _invalid("Give a rule such as FREQ=MONTHLY;BYDAY=1SU.")
    beside = PROPERTY.search(text)
    if beside is not None:
        raise _invalid(BESIDE[beside[0].upper()])
    if not (text.isascii() and text.isprintable()):
        raise _invalid("A rule is one line of plain letters, digits and signs.")
    parts: dict[str, str] = {}
    for part in text.upper().removeprefix("RRULE:").split(";"):
        name, _, value = (piece.strip() for piece in part.partition("="))
        if not name or not value:
            raise _invalid("The parts of a rule are of the form NAME=VALUE, with one semicolon between them.")
        if name not in PARTS:
            raise _invalid(f"There is no part {name} in rules, only {', '.join(PARTS)}.")
        if name in parts:
            raise _invalid(f"{name} is given twice.")
        parts[name] = value
    return parts


def _frequency(value: str | None) -> Frequency:
    if value is None:
        raise _invalid(f"FREQ is missing: give one of {', '.join(Frequency)}.")
    if value in {"HOURLY", "MINUTELY", "SECONDLY"}:
        raise _invalid(f"FREQ={value} is too often: a rule comes round at most daily.")
    try:
        return Frequency(value)
    except ValueError as error:
        raise _invalid(f"There is no FREQ={value}: give one of {', '.join(Frequency)}.") from error


def _numbers(name: str, value: str) -> tuple[int, ...]:
    takes = NUMBERS[name]
    items = [item.strip() for item in value.split(",")]
    if takes.only_one and len(items) > 1:
        raise _invalid(f"{name} takes one number: {takes.only_one}.")
    numbers = tuple(int(item) for item in items if NUMBER.fullmatch(item))
    lowest = 1 if takes.both_ways else takes.lowest
    fit = (lowest <= (abs(number) if takes.both_ways else number) <= takes.highest for number in numbers)
    if len(numbers) < len(items) or not all(fit):
        backwards = f", or -1 to -{takes.highest} from the end" if takes.both_ways else ""
        raise _invalid(f"{name} takes whole numbers from {takes.lowest} to {takes.highest}{backwards}.")
    return numbers


def _weekday(item: str) -> tuple[int, int]:
    found = NUMBERED_DAY.fullmatch(item.strip())
    if found is None or (found[1] and not 1 <= abs(int(found[1])) <= 53):
        raise _invalid(f"BYDAY takes {', '.join(WEEKDAYS)}, with a number such as 1SU (the first) or -1SU (the last).")
    return WEEKDAYS.index(found[2]), int(found[1] or 0)


def _week_start(value: str) -> int:
    if value not in WEEKDAYS:
        raise _invalid(f"WKST takes one of {', '.join(WEEKDAYS)}.")
    return WEEKDAYS.index(value)


def _until(value: str) -> datetime:
    try:
        until = datetime.fromisoformat(value) if UNTIL.fullmatch(value) else None
    except ValueError:
        # The 31st of February, or the 25th hour.
        until = None
    if until is None:
        raise _invalid("UNTIL takes a date or time such as 20311231, 20311231T220000 or 20311231T210000Z (UTC).")
    return until if "T" in value else datetime.combine(until, time.max)


def _check_together(rule: Rule) -> None:
    for name, frequencies in GOES_WITH.items():
        if name in rule.numbers and rule.frequency not in frequencies:
            raise _invalid(f"{name} goes with FREQ={' or '.join(frequencies)}, not with FREQ={rule.frequency}.")
    most = max((abs(number) for _, number in rule.weekdays), default=0)
    if most and rule.frequency not in {Frequency.MONTHLY, Frequency.YEARLY}:
        raise _invalid(f"A number before a weekday goes with FREQ=MONTHLY or YEARLY, not with FREQ={rule.frequency}.")
    if most and "BYWEEKNO" in rule.numbers:
        raise _invalid("A number before a weekday does not go with BYWEEKNO.")
    if most > rule.most_of_a_weekday:
        raise _invalid("A month has five of a weekday at most.")
    if "BYSETPOS" in rule.numbers and not (rule.weekdays or NAMES_DAYS & rule.numbers.keys()):
        raise _invalid("BYSETPOS needs a part that it can choose from, such as BYDAY.")
    if "COUNT" in rule.numbers and rule.until is not None:
        raise _invalid("Give either COUNT or UNTIL, not both.")
