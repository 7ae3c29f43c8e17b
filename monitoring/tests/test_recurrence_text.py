"""What recurrence rules may say, and what people are told where they say something else."""

from datetime import UTC, datetime, time

import pytest
from django.core.exceptions import ValidationError
from hypothesis import example, given
from hypothesis import strategies as st

from monitoring.recurrence_text import MAX_LENGTH, NUMBERS, PARTS, Frequency, Rule, read_rule

NO_UNTIL = "UNTIL takes a date or time such as 20311231, 20311231T220000 or 20311231T210000Z (UTC)."
NO_PAIR = "The parts of a rule are of the form NAME=VALUE, with one semicolon between them."
NO_LINE = "A rule is one line of plain letters, digits and signs."
NO_BYDAY = "BYDAY takes MO, TU, WE, TH, FR, SA, SU, with a number such as 1SU (the first) or -1SU (the last)."
AT_MOST_DAILY = "is too often: a rule comes round at most daily."


def test_a_rule_is_read_part_by_part() -> None:
    text = " rrule:freq=monthly; INTERVAL=2 ;BYDAY=1su, -1SU;BYMONTH=1,12;WKST=SU;UNTIL=20311231T210000Z\n"
    assert read_rule(text) == Rule(
        frequency=Frequency.MONTHLY,
        numbers={"INTERVAL": (2,), "BYMONTH": (1, 12)},
        weekdays=((6, 1), (6, -1)),
        week_start=6,
        until=datetime(2031, 12, 31, 21, tzinfo=UTC),
    )


def test_what_is_not_said_has_its_usual_meaning() -> None:
    assert read_rule("FREQ=DAILY") == Rule(Frequency.DAILY, numbers={}, weekdays=(), week_start=0, until=None)


@pytest.mark.parametrize(
    ("written", "until"),
    [
        ("20311231T210000Z", datetime.fromisoformat("2031-12-31T21:00:00Z")),
        ("20311231T220000", datetime.fromisoformat("2031-12-31T22:00:00")),
        ("20311231", datetime.combine(datetime.fromisoformat("2031-12-31"), time.max)),
    ],
)
def test_until_is_in_utc_or_local_or_a_whole_day(written: str, until: datetime) -> None:
    assert read_rule(f"FREQ=DAILY;UNTIL={written}").until == until


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "Give a rule such as FREQ=MONTHLY;BYDAY=1SU."),
        (" \n", "Give a rule such as FREQ=MONTHLY;BYDAY=1SU."),
        ("FREQ=DAILY;" + "BYMONTH=1" * 60, "The rule is longer than 500 characters."),
        (" " * 501, "The rule is longer than 500 characters."),
        # What calendars write beside rules.
        ("DTSTART:20260101T020000Z\nRRULE:FREQ=DAILY", "DTSTART belongs into the field for the start."),
        ("FREQ=DAILY;DTSTART=20260101", "DTSTART belongs into the field for the start."),
        ("dtstart;TZID=Europe/Berlin:20260101T020000", "DTSTART belongs into the field for the start."),
        ("FREQ=DAILY\nEXDATE:20260102", "EXDATE is not supported: give the rule alone."),
        ("EXRULE:FREQ=DAILY", "EXRULE is not supported: give the rule alone."),
        (
            "RDATE:20260102",
            "RDATE is not supported: give the rule alone, and a window of its own for a single date.",
        ),
        ("FREQ=DAILY;DURATION=PT1H", "DURATION belongs into the field for the duration."),
        ("DTEND:20260101", "DTEND has no place in a rule: give the duration in its field."),
        # Characters.
        ("FREQ=DAILY\nFREQ=WEEKLY", NO_LINE),
        ("FREQ=DAILY\0", NO_LINE),
        ("FREQ=\tDAILY", NO_LINE),
        ("FREQ=DAILY;\x7f", NO_LINE),
        ("FREQ=WEEKLY;BYDAY=\u017fU", NO_LINE),
        ("FREQ=DAILY;INTERVAL=\u0662", NO_LINE),
        ("FREQ=DAILY\ud800", NO_LINE),
        # Parts.
        ("every sunday", NO_PAIR),
        ("FREQ", NO_PAIR),
        ("FREQ=", NO_PAIR),
        ("=DAILY", NO_PAIR),
        ("FREQ=DAILY;", NO_PAIR),
        ("FREQ=DAILY;;INTERVAL=2", NO_PAIR),
        ("FREQ=DAILY;BYEASTER=0", f"There is no part BYEASTER in rules, only {', '.join(PARTS)}."),
        ("FREQ=DAILY;__class__=0", f"There is no part __CLASS__ in rules, only {', '.join(PARTS)}."),
        ("FREQ=DAILY;FREQ=WEEKLY", "FREQ is given twice."),
        ("BYDAY=MO", "FREQ is missing: give one of DAILY, WEEKLY, MONTHLY, YEARLY."),
        ("FREQ=FORTNIGHTLY", "There is no FREQ=FORTNIGHTLY: give one of DAILY, WEEKLY, MONTHLY, YEARLY."),
        ("FREQ=DAILY=2", "There is no FREQ=DAILY=2: give one of DAILY, WEEKLY, MONTHLY, YEARLY."),
        ("FREQ=HOURLY", f"FREQ=HOURLY {AT_MOST_DAILY}"),
        ("FREQ=MINUTELY;INTERVAL=1440", f"FREQ=MINUTELY {AT_MOST_DAILY}"),
        ("freq=secondly", f"FREQ=SECONDLY {AT_MOST_DAILY}"),
        ("FREQ=DAILY;BYHOUR=2,14", "BYHOUR takes one number: a window starts at most once a day."),
        ("FREQ=DAILY;INTERVAL=1,2", "INTERVAL takes one number: it cannot have several."),
        # Values.
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL takes whole numbers from 1 to 1000."),
        ("FREQ=DAILY;INTERVAL=-1", "INTERVAL takes whole numbers from 1 to 1000."),
        ("FREQ=DAILY;INTERVAL=1.5", "INTERVAL takes whole numbers from 1 to 1000."),
        ("FREQ=DAILY;INTERVAL=1_0", "INTERVAL takes whole numbers from 1 to 1000."),
        ("FREQ=DAILY;COUNT=" + "9" * 400, "COUNT takes whole numbers from 1 to 10000."),
        ("FREQ=DAILY;BYMONTH=13", "BYMONTH takes whole numbers from 1 to 12."),
        ("FREQ=DAILY;BYMONTH=1,,2", "BYMONTH takes whole numbers from 1 to 12."),
        ("FREQ=DAILY;BYMONTHDAY=0", "BYMONTHDAY takes whole numbers from 1 to 31, or -1 to -31 from the end."),
        ("FREQ=DAILY;BYMONTHDAY=-32", "BYMONTHDAY takes whole numbers from 1 to 31, or -1 to -31 from the end."),
        ("FREQ=DAILY;BYSECOND=60", "BYSECOND takes whole numbers from 0 to 59."),
        ("FREQ=WEEKLY;BYDAY=SO", NO_BYDAY),
        ("FREQ=WEEKLY;BYDAY=MO,", NO_BYDAY),
        ("FREQ=WEEKLY;BYDAY=MO(+1)", NO_BYDAY),
        ("FREQ=MONTHLY;BYDAY=0MO", NO_BYDAY),
        ("FREQ=YEARLY;BYDAY=54MO", NO_BYDAY),
        ("FREQ=WEEKLY;WKST=1", "WKST takes one of MO, TU, WE, TH, FR, SA, SU."),
        ("FREQ=DAILY;UNTIL=tomorrow", NO_UNTIL),
        ("FREQ=DAILY;UNTIL=2031-12-31", NO_UNTIL),
        ("FREQ=DAILY;UNTIL=20310231", NO_UNTIL),
        ("FREQ=DAILY;UNTIL=20311231Z", NO_UNTIL),
        ("FREQ=DAILY;UNTIL=20311231T250000", NO_UNTIL),
        ("FREQ=DAILY;UNTIL=00000101", NO_UNTIL),
        # What does not go together.
        ("FREQ=DAILY;COUNT=2;UNTIL=20311231", "Give either COUNT or UNTIL, not both."),
        (
            "FREQ=WEEKLY;BYMONTHDAY=1",
            "BYMONTHDAY goes with FREQ=DAILY or MONTHLY or YEARLY, not with FREQ=WEEKLY.",
        ),
        ("FREQ=MONTHLY;BYYEARDAY=1", "BYYEARDAY goes with FREQ=YEARLY, not with FREQ=MONTHLY."),
        ("FREQ=WEEKLY;BYWEEKNO=1", "BYWEEKNO goes with FREQ=YEARLY, not with FREQ=WEEKLY."),
        (
            "FREQ=DAILY;BYDAY=MO;BYSETPOS=1",
            "BYSETPOS goes with FREQ=WEEKLY or MONTHLY or YEARLY, not with FREQ=DAILY.",
        ),
        ("FREQ=MONTHLY;BYSETPOS=1", "BYSETPOS needs a part that it can choose from, such as BYDAY."),
        (
            "FREQ=WEEKLY;BYDAY=1MO",
            "A number before a weekday goes with FREQ=MONTHLY or YEARLY, not with FREQ=WEEKLY.",
        ),
        ("FREQ=YEARLY;BYWEEKNO=1;BYDAY=1MO", "A number before a weekday does not go with BYWEEKNO."),
        ("FREQ=MONTHLY;BYDAY=6MO", "A month has five of a weekday at most."),
        ("FREQ=YEARLY;BYMONTH=3;BYDAY=-6MO", "A month has five of a weekday at most."),
    ],
)
def test_what_is_no_rule_is_refused_with_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(ValidationError) as caught:
        read_rule(text)
    assert caught.value.messages == [sentence]


fragments = st.one_of(
    st.text(max_size=8),
    st.sampled_from(
        ["FREQ=DAILY", "FREQ=YEARLY", "FREQ=MONTHLY", ";", "=", ",", "-", "1SU", "MO", "20311231", "T", "Z"]
    ),
    st.sampled_from([f";{part}=" for part in (*PARTS, "DTSTART", "BYEASTER")]),
    st.integers(-400, 400).map(str),
)


@given(st.lists(fragments, max_size=20).map("".join))
@example("FREQ=YEARLY;BYDAY=53SU,-53MO,TU;BYWEEKNO=-53;BYYEARDAY=-366")
def test_any_text_is_a_rule_or_refused(text: str) -> None:
    try:
        rule = read_rule(text)
    except ValidationError as error:
        # Which is what the test allows.
        (sentence,) = error.messages
        assert sentence.endswith(".")
        return
    assert len(text) <= MAX_LENGTH
    assert rule.numbers.keys() <= NUMBERS.keys()
