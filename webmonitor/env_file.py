"""Reads `.env`, which docker-compose reads as well: either both get the same values from it, or the line is refused."""

import io
import re
from pathlib import Path

from dotenv.parser import parse_stream

# Names that may stand in `.env` for other programs that read the same file.
FOREIGN_PREFIXES = ("COMPOSE_", "DOCKER_", "POSTGRES_")
ASSIGNMENT = re.compile(r"\s*(?:export )?(?P<name>[A-Za-z_]\w*)=(?P<value>.*)", re.ASCII)

# The beginning of a value in double, in single or in no quotes, up to any of its characters.
DOUBLE = r"""\s*"(?:[^"\\]|\\.)*?"""
SINGLE = r"""\s*'(?:[^']|\\')*?"""
PLAIN = r"""\s*(?!['"\s])(?:(?!\s#).)*?"""
# What python-dotenv and the two generations of docker-compose do not read alike, and the way out.
READ_DIFFERENTLY = {
    "put the comment on a line of its own": re.compile(rf"\s+#|{PLAIN}[^\S ]#"),
    "put a value with $ into single quotes": re.compile(rf"(?:{DOUBLE}|{PLAIN})\$[A-Za-z_{{$]"),
    "set a value with ${ in the environment instead": re.compile(rf"{SINGLE}\$\{{"),
    "a value with a backslash is best without quotes": re.compile(rf"""{SINGLE}\\\\|{DOUBLE}(?:\\[$'0]|\\\\(?="))"""),
}


def read_env_file(path: Path) -> tuple[dict[str, str], list[str]]:
    """The settings in a `.env` file by name, and a sentence for each line that cannot be used."""
    try:
        # Some editors begin a file with a byte order mark.
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        return {}, [f"{path} cannot be read: {reason}."]
    settings: dict[str, str] = {}
    problems: list[str] = []
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), start=1):
        if line.strip() and not line.strip().startswith("#"):
            try:
                name, value = _read_line(line)
            except ValueError as error:
                problems.append(f"Line {number} of .env {error}.")
            else:
                settings[name] = value
    return settings, problems


def _read_line(line: str) -> tuple[str, str]:
    """The name and the value that a line sets. Raises `ValueError` with what is wrong with it."""
    assignment = ASSIGNMENT.fullmatch(line)
    if assignment is None:
        raise ValueError("is not of the form NAME=value (without spaces around =)")
    if not line.expandtabs().isprintable():
        raise ValueError("has a character that cannot be seen")
    (binding,) = parse_stream(io.StringIO(line))
    if binding.error:
        raise ValueError("has quotes that do not end where its value ends")
    if not assignment["name"].startswith(FOREIGN_PREFIXES):
        for advice, pattern in READ_DIFFERENTLY.items():
            if pattern.match(assignment["value"]):
                raise ValueError(f"is read differently by docker-compose: {advice}")
    return assignment["name"], binding.value or ""
