"""When recurrence rules come round, compared with a calendar that is read day by day."""

from calendar import monthrange
from datetime import date, datetime, time, timedelta
from itertools import groupby
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from monitoring.recurrence import starts_in
from monitoring.recurrence_text import WEEKDAYS

YEARS = 3

GOES_WITH = {
    "DAILY": ["BYMONTH", "BYMONTHDAY", "BYDAY"],
    "WEEKLY": ["BYMONTH", "BYDAY", "BYSETPOS"],
    "MONTHLY": ["BYMONTH", "BYMONTHDAY", "BYDAY", "BYSETPOS"],
    "YEARLY": ["BYMONTH", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYDAY", "BYSETPOS"],
}


def days(rule: str, first: date) -> list[date]:
    noon = datetime.combine(first, time(12))
    return [start.date() for n in range(YEARS) for start in starts_in(first.year + n, rule, noon, "UTC")]


def numbers(low: int, high: int, most: int) -> st.SearchStrategy[list[int]]:
    return st.lists(st.integers(low, high).filter(bool), min_size=1, max_size=most, unique=True)


@st.composite
def rules(draw: st.DrawFn) -> dict[str, Any]:
    """Parts that go together; BYDAY is a list of weekday and number."""
    frequency = draw(st.sampled_from(sorted(GOES_WITH)))
    names = draw(st.sets(st.sampled_from(GOES_WITH[frequency])))
    values = {
        "BYMONTH": numbers(1, 12, 6),
        "BYMONTHDAY": numbers(-31, 31, 20),
        "BYYEARDAY": numbers(-366, 366, 60),
        # Without the last weeks of years, about some of which dateutil errs.
        "BYWEEKNO": numbers(1, 51, 20),
        "BYSETPOS": numbers(-4, 4, 2),
        "BYDAY": st.lists(st.tuples(st.integers(0, 6), st.just(0)), min_size=1, max_size=5, unique=True),
    }
    if frequency in {"MONTHLY", "YEARLY"} and "BYWEEKNO" not in names:
        most = 5 if frequency == "MONTHLY" or "BYMONTH" in names else 53
        numbered = st.tuples(st.integers(0, 6), st.integers(-most, most))
        values["BYDAY"] = st.lists(numbered, min_size=1, max_size=5, unique=True)
    if names == {"BYSETPOS"}:
        names = set()
    rule: dict[str, Any] = {name: draw(values[name]) for name in sorted(names)}
    interval, week_start = draw(st.integers(1, 5)), draw(st.integers(0, 6))
    return {"FREQ": frequency, "INTERVAL": interval, "WKST": week_start, **rule}


def written(rule: dict[str, Any]) -> str:
    def value(name: str) -> str:
        match name:
            case "WKST":
                return WEEKDAYS[rule[name]]
            case "BYDAY":
                return ",".join(f"{number or ''}{WEEKDAYS[day]}" for day, number in rule[name])
            case "FREQ" | "INTERVAL":
                return str(rule[name])
        return ",".join(map(str, rule[name]))

    return ";".join(f"{name}={value(name)}" for name in rule)


def week_of(day: date, rule: dict[str, Any]) -> date:
    return day - timedelta(days=(day.weekday() - rule["WKST"]) % 7)


def is_named(day: date, first: date, rule: dict[str, Any]) -> bool:
    length, in_year = monthrange(day.year, day.month)[1], day.timetuple().tm_yday
    year_length = date(day.year, 12, 31).timetuple().tm_yday
    middle_of_week = week_of(day, rule) + timedelta(days=3)
    of_month = rule["FREQ"] == "MONTHLY" or "BYMONTH" in rule
    at, end = (day.day, length) if of_month else (in_year, year_length)
    either_way = {
        "BYMONTH": {day.month},
        "BYMONTHDAY": {day.day, day.day - length - 1},
        "BYYEARDAY": {in_year, in_year - year_length - 1},
        "BYWEEKNO": {(middle_of_week.timetuple().tm_yday + 6) // 7},
    }
    matches = all(not either_way[name].isdisjoint(rule[name]) for name in either_way if name in rule)
    kinds = {(day.weekday(), number) for number in (0, (at + 6) // 7, -((end - at) // 7 + 1))}
    matches &= "BYDAY" not in rule or not kinds.isdisjoint(rule["BYDAY"])
    given = rule.keys() & {"BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYDAY"}
    if (rule["FREQ"] == "WEEKLY" and not given) or given == {"BYWEEKNO"}:
        matches &= day.weekday() == first.weekday()
    elif rule["FREQ"] in {"MONTHLY", "YEARLY"} and not given:
        matches &= day.day == first.day
        matches &= rule["FREQ"] == "MONTHLY" or "BYMONTH" in rule or day.month == first.month
    return matches


def read_day_by_day(rule: dict[str, Any], first: date, last: date) -> list[date]:
    def period(day: date) -> int:
        counts = {
            "DAILY": day.toordinal(),
            "WEEKLY": week_of(day, rule).toordinal() // 7,
            "MONTHLY": day.year * 12 + day.month,
            "YEARLY": day.year,
        }
        return counts[rule["FREQ"]]

    begin = date(first.year - 1, 12, 1)
    all_days = (begin + timedelta(days=n) for n in range((last - begin).days + 31))
    found: list[date] = []
    for number, group in groupby((day for day in all_days if is_named(day, first, rule)), period):
        of_period = list(group)
        if (number - period(first)) % rule["INTERVAL"]:
            continue
        if "BYSETPOS" in rule:
            counted = {**dict(enumerate(of_period, 1)), **dict(enumerate(of_period, -len(of_period)))}
            of_period = sorted({counted[position] for position in rule["BYSETPOS"] if position in counted})
        found += of_period
    return [day for day in found if first <= day <= last]


@given(rules(), st.dates(date(2019, 1, 1), date(2040, 12, 31)))
def test_rules_come_round_as_a_calendar_says_that_is_read_day_by_day(rule: dict[str, Any], first: date) -> None:
    assert days(written(rule), first) == read_day_by_day(rule, first, date(first.year + YEARS - 1, 12, 31))


@given(rules(), st.dates(date(2019, 1, 1), date(2040, 12, 31)), st.integers(1, 300))
def test_a_count_leaves_the_first_ones(rule: dict[str, Any], first: date, count: int) -> None:
    counted = days(f"{written(rule)};COUNT={count}", first)
    assert counted == days(written(rule), first)[:count]
