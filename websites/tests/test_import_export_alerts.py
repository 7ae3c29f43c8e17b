"""Tags and alert options to and from CSV."""

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from hypothesis import given
from hypothesis import strategies as st

from websites import csv_files, csv_import
from websites.models import Website
from websites.tags import store
from websites.tests.websites import URL, add

Import = Callable[..., str]
OPTIONS: dict[str, Any] = {
    "regex": r"(\d+)",
    "tags": ",prod,my shop,=1,'quoted',",
    "failures_before_down": 3,
    "successes_before_up": 4,
    "slow_threshold": 1.5,
    "slow_checks": 5,
    "alert_on_value_change": True,
    "alert_on_value_missing": True,
    "value_min": -1.5,
    "value_max": 0.0,
}
DEFAULTS: dict[str, Any] = {
    "tags": "",
    "failures_before_down": 2,
    "successes_before_up": 1,
    "slow_threshold": None,
    "slow_checks": 3,
    "alert_on_value_change": False,
    "alert_on_value_missing": False,
    "value_min": None,
    "value_max": None,
}
NO_REGEX = "There is no regex that could extract a value."


def exported(capsys: pytest.CaptureFixture[str]) -> str:
    call_command("export_websites")
    return capsys.readouterr().out


def stored() -> list[tuple[Any, ...]]:
    return list(Website.objects.values_list(*csv_files.COLUMNS))


@pytest.mark.django_db
def test_all_options_come_back_as_they_were(import_csv: Import, capsys: pytest.CaptureFixture[str]) -> None:
    add(**OPTIONS)
    add("https://plain.example.org/")
    before, text = stored(), exported(capsys)
    Website.objects.all().delete()
    assert import_csv(text) == "2 created, 0 updated, 0 unchanged.\n"
    assert stored() == before
    assert import_csv(text) == "0 created, 0 updated, 2 unchanged.\n"


@pytest.mark.django_db
def test_tags_are_written_with_commas_between(capsys: pytest.CaptureFixture[str]) -> None:
    for number, tags in enumerate(["", "prod", "prod,shop", "=1+1,shop", "-a", "'=b"]):
        add(f"https://www{number}.example.org/", tags=tags)
    rows = list(csv.DictReader(io.StringIO(exported(capsys), newline="")))
    assert [row["tags"] for row in rows] == ["", "prod", "prod, shop", "'=1+1, shop", "'-a", "''=b"]


@pytest.mark.django_db
def test_every_empty_cell_is_its_default_and_an_absent_column_changes_nothing(import_csv: Import) -> None:
    website = add(**OPTIONS)
    assert import_csv(f"website_url,monitoring_interval\n{URL},60\n") == "0 created, 0 updated, 1 unchanged.\n"
    header = f"website_url,monitoring_interval,{','.join(DEFAULTS)}"
    assert import_csv(f"{header}\n{URL},60{',' * len(DEFAULTS)}\n") == "0 created, 1 updated, 0 unchanged.\n"
    assert Website.objects.filter(pk=website.pk).values(*DEFAULTS).get() == DEFAULTS


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("cell", "tags"),
    [
        ("Prod", ",prod,"),
        (" Prod ,SHOP,, prod", ",prod,shop,"),
        (",prod,shop,", ",prod,shop,"),
        ("'=1", ",=1,"),
        (",", ""),
    ],
)
def test_tags_are_read_as_people_write_them(import_csv: Import, cell: str, tags: str) -> None:
    text = f'website_url;monitoring_interval;tags\n{URL};60;"{cell}"\n'
    assert import_csv(text) == "1 created, 0 updated, 0 unchanged.\n"
    assert Website.objects.get().tags == tags
    assert import_csv(text) == "0 created, 0 updated, 1 unchanged.\n"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("column", "cell", "words"),
    [
        ("tags", "a\x1bb", "A tag has no characters that do not print."),
        ("tags", "a\nb", "A tag has no characters that do not print."),
        ("tags", "a\0", "A tag has no characters that do not print."),
        ("tags", "x" * 51, "A tag has at most 50 characters."),
        ("tags", ",".join(map(str, range(21))), "A website has at most 20 tags."),
        ("tags", ",".join(map(str, range(20))), ""),
        ("tags", "a," * 10_000, ""),
        *(
            (column, cell, words)
            for column in ("failures_before_down", "successes_before_up", "slow_checks")
            for cell, words in (
                ("0", "greater than or equal to 1."),
                ("11", "less than or equal to 10."),
                ("9" * 5_000, "less than or equal to 10."),
                ("-1", "greater than or equal to 1."),
                ("1.5", "A valid integer is required."),
                ("abc", "A valid integer is required."),
                ("\u0665", "A valid integer is required."),
                (" 10 ", ""),
            )
        ),
        ("slow_threshold", "0", "from 0.001 to 60 seconds"),
        ("slow_threshold", "nan", "from 0.001 to 60 seconds"),
        ("slow_threshold", "60.5", "from 0.001 to 60 seconds"),
        ("slow_threshold", "1_0", "A valid number is required."),
        ("slow_threshold", "abc", "must be a float"),
        ("slow_threshold", " 6e1 ", ""),
        ("value_min", "nan", "The bound must be a finite number."),
        ("value_max", "inf", "The bound must be a finite number."),
        ("value_max", "9" * 5_000, "The bound must be a finite number."),
        ("value_min", "\u0665", "A valid number is required."),
        ("value_max", "1,5", "must be a float"),
        ("alert_on_value_change", "perhaps", "Must be true or false."),
        ("alert_on_value_missing", "2", "Must be true or false."),
        ("alert_on_value_missing", "no", ""),
        ("alert_on_value_change", "yes", NO_REGEX),
        ("alert_on_value_missing", "true", NO_REGEX),
        ("value_min", "0", NO_REGEX),
        ("value_max", "-1.5", NO_REGEX),
    ],
)
def test_a_bad_cell_is_named_by_line_and_column(import_csv: Import, column: str, cell: str, words: str) -> None:
    file = io.StringIO()
    csv.writer(file).writerows(
        [["website_url", "monitoring_interval", column], ["http://a.example/", 60, ""], [URL, 60, cell]]
    )
    said = import_csv(file.getvalue())
    if not words:
        assert said == "2 created, 0 updated, 0 unchanged.\n"
        return
    assert f"line 3, {column}: " in said
    assert words in said
    assert not Website.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("has", "columns", "cells", "faults"),
    [
        ({"regex": "x", "value_min": 1.5}, "regex", "", {"value_min": NO_REGEX}),
        ({"regex": "x", "value_min": 1.5}, "regex,value_min", ",", {}),
        ({"regex": "x", "value_min": 1.5}, "value_max", "1", {"value_min": "above the highest: at most 1."}),
        ({"regex": "x", "value_min": 1.5}, "value_max", "1.5", {}),
        ({}, "regex,alert_on_value_change,value_max", "x,on,0", {}),
        ({}, "alert_on_value_change,value_max", "on,0", {"alert_on_value_change": NO_REGEX, "value_max": NO_REGEX}),
    ],
)
def test_faults_with_what_a_website_has_are_named_by_line_and_column(
    import_csv: Import, has: dict[str, Any], columns: str, cells: str, faults: dict[str, str]
) -> None:
    add(**has)
    before = stored()
    said = import_csv(f"website_url,monitoring_interval,{columns}\n{URL},60,{cells}\n")
    if not faults:
        assert said == "0 created, 1 updated, 0 unchanged.\n"
        return
    assert stored() == before
    lines = said.splitlines()
    assert len(lines) == len(faults) + 1
    for column, words in faults.items():
        assert [line for line in lines if line.startswith(f"line 2, {column}: ") and words in line]


TAG = st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.text(st.sampled_from("'=+-@\";| aÄ"))


@given(st.lists(TAG, max_size=5))
def test_tags_come_back_from_a_file_as_they_were(tags: list[str]) -> None:
    try:
        kept = store(tags)
    except ValidationError:  # no tags
        return
    row = [kept if name == "tags" else "" for name in csv_files.COLUMNS]
    file = io.StringIO(newline="")
    csv_files.write(file, [[URL, 60, *row[2:]]])
    [line] = csv_files.read(file.getvalue().encode())
    assert csv_import._value("tags", line.cells["tags"]) == kept
