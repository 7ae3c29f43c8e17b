"""Websites to and from CSV."""

import contextlib
import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_celery_beat.models import PeriodicTask
from hypothesis import given
from hypothesis import strategies as st

from websites import csv_files, csv_import
from websites.models import Website
from websites.signals import websites_saved
from websites.validators import REGEX_MAX_LENGTH

Import = Callable[..., str]
HEADER = "website_url,monitoring_interval,regex,is_active\r\n"


@pytest.fixture
def import_csv(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Import:
    """Imports a text or bytes; returns the command's report."""

    def run(content: str | bytes, **options: Any) -> str:
        path = tmp_path / "websites.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        call_command("import_websites", str(path), **options)
        return capsys.readouterr().out

    return run


def exported(capsys: pytest.CaptureFixture[str]) -> str:
    call_command("export_websites")
    return capsys.readouterr().out


def rows() -> list[tuple[Any, ...]]:
    return list(Website.objects.values_list("website_url", "monitoring_interval", "regex", "is_active"))


@pytest.mark.django_db
def test_it_creates_websites_with_their_periodic_tasks(import_csv: Import) -> None:
    report = import_csv("website_url,monitoring_interval\nHTTP://A.example.org:80,5\nhttps://b.example.org/x,300\n")

    assert report == "2 created, 0 updated, 0 unchanged.\n"
    assert rows() == [("http://a.example.org/", 5, None, True), ("https://b.example.org/x", 300, None, True)]
    assert PeriodicTask.objects.filter(enabled=True, interval__every__in=(5, 300)).count() == 2


@pytest.mark.django_db
def test_importing_twice_changes_nothing(import_csv: Import) -> None:
    content = HEADER + 'https://a.example.org/,5,"(\\d+),""x""",false\r\n'
    import_csv(content)

    assert import_csv(content) == "0 created, 0 updated, 1 unchanged.\n"
    assert rows() == [("https://a.example.org/", 5, '(\\d+),"x"', False)]


@pytest.mark.django_db
def test_it_updates_by_url_and_leaves_absent_columns_alone(import_csv: Import) -> None:
    website = Website.objects.create(
        website_url="https://a.example.org/", monitoring_interval=5, regex="ok", is_active=False
    )
    report = import_csv("monitoring_interval;website_url\r\n60;https://A.EXAMPLE.org\r\n")

    assert report == "0 created, 1 updated, 0 unchanged.\n"
    assert list(Website.objects.values_list("pk", "monitoring_interval", "regex", "is_active")) == [
        (website.pk, 60, "ok", False)
    ]
    assert PeriodicTask.objects.get(name=f"website-{website.pk}").interval.every == 60


@pytest.mark.django_db
def test_an_empty_regex_cell_clears_it_and_an_empty_active_cell_leaves_it(import_csv: Import) -> None:
    Website.objects.create(website_url="https://a.example.org/", monitoring_interval=5, regex="ok", is_active=False)
    import_csv(HEADER + "https://a.example.org/,5,,\r\nhttps://b.example.org/,5,,\r\n")

    assert rows() == [("https://a.example.org/", 5, None, False), ("https://b.example.org/", 5, None, True)]


@pytest.mark.django_db
@pytest.mark.parametrize("encode", [str.encode, lambda text: b"\xef\xbb\xbf" + text.encode()], ids=["plain", "BOM"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_it_reads_what_spreadsheets_write(
    import_csv: Import, encode: Callable[[str], bytes], delimiter: str, line_end: str
) -> None:
    lines = [["Website_URL", " monitoring_interval"], ["https://a.example.org/", "5"], ["", ""]]
    text = line_end.join(map(delimiter.join, lines)) + line_end * 2

    assert import_csv(encode(text)) == "1 created, 0 updated, 0 unchanged.\n"


BAD_CELLS: list[tuple[str, str, str]] = [
    ("https://a.example.org/,4,,", "monitoring_interval", "greater than or equal to 5"),
    ("https://a.example.org/,301,,", "monitoring_interval", "less than or equal to 300"),
    ("https://a.example.org/,-1,,", "monitoring_interval", "greater than or equal to 5"),
    ("https://a.example.org/,5.5,,", "monitoring_interval", "A valid integer is required."),
    ("https://a.example.org/,\u0665,,", "monitoring_interval", "A valid integer is required."),
    ("https://a.example.org/,1_0,,", "monitoring_interval", "A valid integer is required."),
    ("https://a.example.org/,abc,,", "monitoring_interval", "A valid integer is required."),
    ("https://a.example.org/,,,", "monitoring_interval", "A valid integer is required."),
    (f"https://a.example.org/,{'9' * 5000},,", "monitoring_interval", "less than or equal to 300"),
    (",5,,", "website_url", "This field is required."),
    ("ftp://a.example.org/,5,,", "website_url", "must begin with http:// or https://"),
    ("javascript:alert(1),5,,", "website_url", "must begin with http:// or https://"),
    ("https://user:secret@a.example.org/,5,,", "website_url", "no user name or password"),
    (f"https://a.example.org/{'x' * 3000},5,,", "website_url", "longer than 2048 characters"),
    ("https://a.example.org/,5,(,", "regex", "Not a valid RE2 pattern: missing )"),
    ("https://a.example.org/,5,(?=x),", "regex", "Not a valid RE2 pattern: invalid perl operator: (?="),
    ("https://a.example.org/,5,a\0b,", "regex", "NUL"),
    (f"https://a.example.org/,5,{'x' * (REGEX_MAX_LENGTH + 1)},", "regex", "at most 500 characters"),
    ("https://a.example.org/,5,,maybe", "is_active", "Must be true or false."),
]


@pytest.mark.django_db
@pytest.mark.parametrize(("line", "column", "message"), BAD_CELLS)
def test_a_bad_cell_is_reported_and_nothing_is_written(
    import_csv: Import, capsys: pytest.CaptureFixture[str], line: str, column: str, message: str
) -> None:
    with pytest.raises(CommandError, match="1 line is bad; nothing was imported"):
        import_csv(HEADER + f"https://good.example.org/,5,,\r\n{line}\r\n")

    reported = capsys.readouterr().err
    assert reported.startswith(f"line 3, {column}: ")
    assert message in reported
    assert not Website.objects.exists()


@pytest.mark.django_db
def test_every_bad_line_is_reported_with_its_number_in_the_file(
    import_csv: Import, capsys: pytest.CaptureFixture[str]
) -> None:
    content = HEADER + (
        'https://a.example.org/,5,"two\nlines",\n'
        "\n"
        "https://b.example.org/,4,(,\n"
        "https://c.example.org/,5\n"
        "https://A.example.org,5,,\n"
        'https://d.example.org/,5,"open,\n'
    )
    with pytest.raises(CommandError, match="4 lines are bad"):
        import_csv(content)

    lines = capsys.readouterr().err.splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        "line 5, monitoring_interval",
        "line 5, regex",
        "line 6",
        "line 7, website_url",
        "line 8",
    ]
    assert "the same URL is in line 2 already" in lines[3]


@pytest.mark.django_db
def test_the_good_lines_are_imported_where_bad_ones_may_be_skipped(import_csv: Import) -> None:
    content = HEADER + "https://a.example.org/,5,,\r\nnonsense,5,,\r\nhttps://b.example.org/,5,(,\r\n"

    assert import_csv(content, skip_invalid=True) == "1 created, 0 updated, 0 unchanged, 2 skipped.\n"
    assert [url for url, *_ in rows()] == ["https://a.example.org/"]


@pytest.mark.django_db
def test_a_dry_run_says_what_would_happen_and_writes_nothing(import_csv: Import) -> None:
    report = import_csv("website_url,monitoring_interval\nhttps://a.example.org/,5\n", dry_run=True)

    assert report == "Dry run, nothing was written: 1 created, 0 updated, 0 unchanged.\n"
    assert not Website.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "The file is empty"),
        (b"\n\n", "The file is empty"),
        (b"website_url\nhttps://a.example.org/\n", "The column monitoring_interval is missing."),
        (b"website_url,monitoring_intervall\n", "did you mean monitoring_interval?"),
        (b"website_url,monitoring_interval,colour\n", "the columns are website_url, monitoring_interval, regex"),
        (b"website_url,monitoring_interval,regex,regex\n", "The column regex is there twice."),
        (b"website_url:monitoring_interval\n", "There is no column"),
        ("website_url,monitoring_interval\n".encode("utf-16"), "The file is UTF-16"),
        (b"website_url,monitoring_interval\nhttps://\xe4.example.org/,5\n", "Line 2 is not UTF-8"),
        (b'"website_url,monitoring_interval\n', "The header row is not CSV"),
    ],
)
def test_an_unusable_file_is_refused_with_a_sentence(import_csv: Import, content: bytes, message: str) -> None:
    with pytest.raises(CommandError) as refusal:
        import_csv(content)

    assert message in str(refusal.value)


@pytest.mark.django_db
def test_a_missing_file_is_refused_with_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be read: No such file"):
        call_command("import_websites", str(tmp_path / "none.csv"))


@pytest.mark.django_db
def test_what_a_file_says_is_printed_inert(import_csv: Import, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CommandError):
        import_csv(HEADER + "https://a.example.org/,5,\x1b[31m\u202e(,\r\n")

    reported = capsys.readouterr().err
    assert "\x1b" not in reported
    assert "\u202e" not in reported


@pytest.mark.django_db
def test_many_lines_are_told_to_the_schedule_once(import_csv: Import) -> None:
    told: list[int] = []

    def count(website_ids: list[int], **_: Any) -> None:
        told.append(len(website_ids))

    content = HEADER + "".join(f"https://www{number}.example.org/,5,,\r\n" for number in range(2500))
    import_csv(content)
    websites_saved.connect(count)
    try:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            import_csv(content.replace(",5,", ",10,") + "https://new.example.org/,5,,\r\n")
    finally:
        websites_saved.disconnect(count)

    assert told == [2501]
    assert len(queries) < 250
    assert PeriodicTask.objects.filter(interval__every=10).count() == 2500


@pytest.mark.django_db
def test_export_guards_cells_that_a_spreadsheet_would_run(capsys: pytest.CaptureFixture[str]) -> None:
    for number, regex in enumerate(["=1+1", "+x", "-x", "@x", "\tx", "\rx", "\uff1d1", "'=x", "x=1"]):
        Website(website_url=f"https://www{number}.example.org/", monitoring_interval=5, regex=regex).save()

    records = list(csv.reader(io.StringIO(exported(capsys), newline="")))
    assert records[0] == list(csv_files.COLUMNS)
    written = ["'=1+1", "'+x", "'-x", "'@x", "'\tx", "'\rx", "'\uff1d1", "''=x", "x=1"]
    assert [record[2] for record in records[1:]] == written
    assert not any(cell.startswith(tuple("=+-@\t\r")) for record in records for cell in record)


@pytest.mark.django_db
def test_importing_an_export_changes_nothing(
    import_csv: Import, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    Website(website_url="https://a.example.org/?q=1,2;3", monitoring_interval=5, regex='"=\n,;|\t"').save()
    Website(website_url="https://b.example.org/", monitoring_interval=300, is_active=False).save()
    before = rows()
    path = tmp_path / "export.csv"
    call_command("export_websites", str(path))

    assert capsys.readouterr().err == f"2 websites exported to {path}.\n"
    assert path.read_bytes().decode() == exported(capsys)
    assert import_csv(path.read_bytes()) == "0 created, 0 updated, 2 unchanged.\n"
    assert rows() == before
    Website.objects.all().delete()
    assert import_csv(path.read_bytes()) == "2 created, 0 updated, 0 unchanged.\n"
    assert rows() == before


@given(
    regexes=st.lists(
        st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
        | st.text(st.sampled_from("'=+-@\t\r\n\",;| \uff1d\uff20"), max_size=8),
        min_size=1,
        max_size=4,
    )
)
def test_every_cell_comes_back_as_it_was(regexes: list[str]) -> None:
    file = io.StringIO(newline="")
    others = ("",) * (len(csv_files.COLUMNS) - 3)
    csv_files.write(file, [(f"https://www{n}.example.org/", 5, regex, *others) for n, regex in enumerate(regexes)])

    lines = list(csv_files.read(file.getvalue().encode()))
    assert [line.cells["regex"] for line in lines] == regexes
    assert not any(line.fault for line in lines)


@given(
    content=st.binary(max_size=200) | st.text(max_size=200).map(lambda text: (HEADER + text).encode("utf-8", "ignore"))
)
def test_no_file_makes_it_fail_with_anything_but_a_sentence(content: bytes) -> None:
    bad_lines: list[csv_import.BadLine] = []
    with contextlib.suppress(csv_files.FormatError):
        bad_lines = csv_import.parse(csv_files.read(content)).bad_lines
    assert all(line.number > 1 and line.message for line in bad_lines)
