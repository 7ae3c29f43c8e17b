"""`.env` as webmonitor reads it, beside docker-compose where that is installed."""

from itertools import product
from pathlib import Path

import pytest

from webmonitor.env_file import read_env_file
from webmonitor.tests.containers import compose_command, rendered


def read(folder: Path, text: str) -> tuple[dict[str, str], list[str]]:
    file = folder / ".env"
    file.write_bytes(text.encode())
    return read_env_file(file)


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("NAME=8080 # web", "8080"),
        ("NAME=8080", "8080"),
        ("NAME= 8080  ", "8080"),
        ("  NAME=8080", "8080"),
        ("export NAME=8080", "8080"),
        ("NAME=", ""),
        ('NAME=""', ""),
        ('NAME="" # none', ""),
        ("NAME=a#b", "a#b"),
        ("NAME=#ab", "#ab"),
        ("NAME=two words", "two words"),
        ('NAME="s3cret" # of the mail server', "s3cret"),
        ("NAME='s3cret' # of the mail server", "s3cret"),
        ('NAME="a # b"', "a # b"),
        ("NAME='a # b'#c", "a # b"),
        ('NAME=" a "', " a "),
        ("NAME=it's", "it's"),
        ("NAME='it\\'s'", "it's"),
        ('NAME="say \\"hi\\""', 'say "hi"'),
        ('NAME="one\\ntwo"', "one\ntwo"),
        ("NAME=one\\ntwo", "one\\ntwo"),
        ("NAME='a$b'", "a$b"),
        ("NAME=5$", "5$"),
        ("NAME=8080 # not $HOME", "8080"),
        ("NAME=a=b", "a=b"),
        ("\ufeffNAME=8080", "8080"),
        ("NAME=8080\r\n", "8080"),
        ("NAME=8080\nNAME=8081", "8081"),
        ("  # NAME=8081\n\nNAME=8080", "8080"),
    ],
)
def test_a_value_is_what_other_readers_make_of_it(tmp_path: Path, line: str, value: str) -> None:
    assert read(tmp_path, line) == ({"NAME": value}, [])


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("NAME = 8080", "is not of the form NAME=value (without spaces around =)."),
        ("NAME", "is not of the form NAME=value (without spaces around =)."),
        ("NAME: 8080", "is not of the form NAME=value (without spaces around =)."),
        ('NAME="a', "has quotes that do not end where its value ends."),
        ("NAME='a'b", "has quotes that do not end where its value ends."),
        ("NAME=a\u00a0", "has a character that cannot be seen."),
        ("NAME=a\rNAME=b", "has a character that cannot be seen."),
        ("NAME= # web", "is read differently by docker-compose: put the comment on a line of its own."),
        ("NAME=8080\t# web", "is read differently by docker-compose: put the comment on a line of its own."),
        ("NAME=a$b", "is read differently by docker-compose: put a value with $ into single quotes."),
        ('NAME="a$$b"', "is read differently by docker-compose: put a value with $ into single quotes."),
        ("NAME='${a}'", "is read differently by docker-compose: set a value with ${ in the environment instead."),
        ("NAME='a\\\\b'", "is read differently by docker-compose: a value with a backslash is best without quotes."),
        ('NAME="it\\\'s"', "is read differently by docker-compose: a value with a backslash is best without quotes."),
    ],
)
def test_what_readers_do_not_agree_on_is_refused(tmp_path: Path, line: str, problem: str) -> None:
    assert read(tmp_path, f"# first\n{line}") == ({}, [f"Line 2 of .env {problem}"])


def test_lines_for_docker_compose_alone_may_be_as_it_likes_them(tmp_path: Path) -> None:
    assert read(tmp_path, "COMPOSE_PROJECT_NAME=${USER}-monitor\n") == ({"COMPOSE_PROJECT_NAME": "${USER}-monitor"}, [])


@pytest.mark.skipif(not compose_command(), reason="docker-compose is not installed")
def test_docker_compose_gets_the_same_from_every_line_that_is_taken(tmp_path: Path) -> None:
    bodies = ["".join(parts) for parts in product("a #$'\"\\{}", repeat=3)]
    values = [
        f"{quote}{body}{quote}{end}" for quote, end in product(["", "'", '"'], ["", " # '\"$a"]) for body in bodies
    ]
    lines = {f"N{number}": value for number, value in enumerate(values)}
    taken, _ = read(tmp_path, "".join(f"{name}={value}\n" for name, value in lines.items()))
    assert len(taken) > 1000
    (tmp_path / ".env").write_text("".join(f"{name}={lines[name]}\n" for name in taken))
    passed = "".join(f"      {name}: ${{{name}:-}}\n" for name in taken)
    file = tmp_path / "compose.yaml"
    file.write_text(f"services:\n  web:\n    image: webmonitor\n    environment:\n{passed}")
    assert rendered(file)["web"]["environment"] == taken
