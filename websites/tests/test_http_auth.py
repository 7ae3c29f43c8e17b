"""Credentials: how they are written, kept, read again, and kept from everybody else."""

import base64

import pytest
from cryptography.fernet import Fernet, InvalidToken
from django.core.exceptions import ValidationError
from pytest_django import Settings

from websites import http_auth
from websites.encryption import UnreadableSecretError, decrypt, encrypt
from websites.models import Website

REFUSED = 'Write "Basic user:password" or "Bearer token".'
STORED_MAX_LENGTH = Website._meta.get_field("http_auth").max_length
# Four bytes in UTF-8, and one character.
WIDEST = "\U0001f4a9"


def basic(credentials: str) -> str:
    return f"Basic {base64.b64encode(credentials.encode()).decode()}"


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("Basic me:s3cr3t", basic("me:s3cr3t")),
        ("basic me:s3cr3t", basic("me:s3cr3t")),
        ("BASIC   me:s3cr3t", basic("me:s3cr3t")),
        ("\r\n\t Basic me:s3cr3t\r\n", basic("me:s3cr3t")),
        # RFC 7617: the first colon ends the name, the password may have more, and both may be empty.
        ("Basic me:a:b::c", basic("me:a:b::c")),
        ("Basic me:", basic("me:")),
        ("Basic :s3cr3t", basic(":s3cr3t")),
        ("Basic :", basic(":")),
        ("Basic me:two words", basic("me:two words")),
        ("Basic me:Bearer x", basic("me:Bearer x")),
        ("Basic Jürgen:Pässwörd€", basic("Jürgen:Pässwörd€")),
        (f"Basic {WIDEST}:{WIDEST}", basic(f"{WIDEST}:{WIDEST}")),
        ("Basic me:e\u0301", basic("me:e\u0301")),
        ("Bearer abc.DEF-123_~+/==", "Bearer abc.DEF-123_~+/=="),
        ("bearer  a", "Bearer a"),
        ("BEARER a", "Bearer a"),
    ],
)
def test_what_is_written_is_sent_and_not_readable_in_between(written: str, sent: str) -> None:
    stored = http_auth.seal(written)
    assert http_auth.header(stored) == sent
    scheme = sent.partition(" ")[0]
    assert http_auth.scheme_of(stored) == scheme
    assert stored.isascii()
    # Of the stored form, the scheme is all that can be read, in whatever encoding.
    opened = base64.urlsafe_b64decode(stored.removeprefix(f"{scheme} "))
    assert "s3cr3t" not in stored
    assert b"s3cr3t" not in opened


def test_there_are_no_credentials_in_a_blank() -> None:
    assert http_auth.scheme_of("") == ""


def test_two_websites_with_one_password_do_not_show_it() -> None:
    assert http_auth.seal("Basic me:s3cr3t") != http_auth.seal("Basic me:s3cr3t")


CONTROLS = [chr(code) for code in (*range(0x20), 0x7F)]


@pytest.mark.parametrize("control", CONTROLS, ids=ascii)
@pytest.mark.parametrize(
    "written", ["Basic me{}:s3cr3t", "Basic {}me:s3cr3t", "Basic me:s3{}cr3t", "Basic{}me:s3cr3t", "Bearer s3{}cr3t"]
)
def test_s4_control_characters_are_refused(written: str, control: str) -> None:
    refuse(written.format(control))


@pytest.mark.parametrize(
    "written",
    [
        "",
        " ",
        "s3cr3t",
        "me:s3cr3t",
        "Basic",
        "Basic ",
        "Basic s3cr3t",
        "Basicme:s3cr3t",
        "Basic: me:s3cr3t",
        "Digest me:s3cr3t",
        "Authorization: Basic me:s3cr3t",
        "Bearer",
        "Bearer ",
        "Bearer s3cr3t s3cr3t",
        "Bearer =s3cr3t",
        "Bearer s3=cr3t",
        "Bearer s3cr3t,",
        "Bearer ä",
        'Bearer "s3cr3t"',
        "Bearer me:s3cr3t",
        "Basic me:s3cr3t\r\nX-Evil: 1",
        "Bearer s3cr3t\r\nX-Evil: 1",
        "Bearer s3cr3t\n\nGET / HTTP/1.1",
        "Basic me:s3cr3t\0",
        "Basic me:s3cr3t\ud800",
        "Basic \udfff:s3cr3t",
        "\u00a0Basic me:s3cr3t",
        "Basic\u00a0me:s3cr3t",
        "Basic me:".ljust(http_auth.MAX_LENGTH + 1, "s"),
        "Bearer ".ljust(http_auth.MAX_LENGTH + 1, "s"),
        "Basic me:s3cr3t".ljust(http_auth.MAX_LENGTH + 1),
    ],
)
def test_what_are_no_credentials_is_refused_without_repeating_it(written: str) -> None:
    refuse(written)


@pytest.mark.parametrize("written", ["Ba\u017fic me:s3cr3t", "Bas\u0131c me:s3cr3t", "Bas\u0130c me:s3cr3t"], ids=ascii)
def test_a_scheme_is_written_in_ascii(written: str) -> None:
    """Ignoring case, `re` takes a long s for an s and a dotless i for an i."""
    refuse(written)


def refuse(written: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        http_auth.seal(written)
    assert refusal.value.messages == [REFUSED]
    assert refusal.value.code == "invalid"
    # Nor in what a traceback or a pickled task would carry along.
    assert "s3cr3t" not in repr(refusal.value)
    assert refusal.value.params is None


LONGEST = [
    f"Basic :{WIDEST * (http_auth.MAX_LENGTH - 7)}",
    f"Basic {WIDEST * (http_auth.MAX_LENGTH - 7)}:",
    "Basic me:".ljust(http_auth.MAX_LENGTH, "s"),
    "Bearer ".ljust(http_auth.MAX_LENGTH, "s"),
]


@pytest.mark.parametrize("written", LONGEST, ids=["password", "name", "ascii", "token"])
def test_the_longest_credentials_fit_into_their_column(written: str) -> None:
    assert len(written) == http_auth.MAX_LENGTH
    stored = http_auth.seal(written)
    assert STORED_MAX_LENGTH == http_auth.STORED_MAX_LENGTH
    assert len(stored) <= http_auth.STORED_MAX_LENGTH
    scheme, _, secret = written.partition(" ")
    assert http_auth.header(stored) == (basic(secret) if scheme == "Basic" else written)


@pytest.mark.django_db
@pytest.mark.parametrize("written", LONGEST, ids=["password", "name", "ascii", "token"])
def test_the_longest_credentials_come_back_from_the_database(written: str) -> None:
    website = Website(website_url="https://example.org/", monitoring_interval=60, http_auth=http_auth.seal(written))
    website.full_clean()
    website.save()
    stored = Website.objects.values_list("http_auth", flat=True).get()
    assert http_auth.header(stored) == http_auth.header(website.http_auth)


@pytest.mark.parametrize("written", ["Basic me:s3cr3t", "Bearer s3cr3t"])
def test_another_secret_key_opens_nothing_and_the_old_one_everything(settings: Settings, written: str) -> None:
    first = settings.SECRET_KEY
    stored = http_auth.seal(written)
    sent = http_auth.header(stored)
    settings.SECRET_KEY = f"{first}x"
    with pytest.raises(UnreadableSecretError) as refusal:
        http_auth.header(stored)
    assert str(refusal.value) == "SECRET_KEY has changed since it was stored"
    assert "s3cr3t" not in repr(refusal.value)
    assert stored.partition(" ")[2] not in str(refusal.value)
    # Which credentials there were is known all the same.
    assert http_auth.scheme_of(stored) == written.partition(" ")[0]
    settings.SECRET_KEY = first
    assert http_auth.header(stored) == sent


def tampered() -> dict[str, str]:
    sealed = encrypt("me:s3cr3t")
    middle = len(sealed) // 2
    return {
        "nothing": "",
        "cut": sealed[:-4],
        "turned": sealed[:middle] + ("A" if sealed[middle] != "A" else "B") + sealed[middle + 1 :],
        "plain": "me:s3cr3t",
        "Unicode": "ä",
        "another key": Fernet(Fernet.generate_key()).encrypt(b"me:s3cr3t").decode(),
        "its version alone": "gAAAAA==",
    }


@pytest.mark.parametrize("kind", sorted(tampered()))
@pytest.mark.parametrize("scheme", ["Basic", "Bearer"])
def test_what_was_tampered_with_is_unreadable(scheme: str, kind: str) -> None:
    with pytest.raises(UnreadableSecretError) as refusal:
        http_auth.header(f"{scheme} {tampered()[kind]}")
    assert "s3cr3t" not in repr(refusal.value)


@pytest.mark.parametrize(
    "text",
    ["", "s3cr3t", "\0\r\n", "ä\u20ac" + WIDEST, "x" * 100_000],
    ids=["empty", "short", "controls", "Unicode", "long"],
)
def test_every_text_comes_back_from_its_encrypted_form(text: str) -> None:
    assert decrypt(encrypt(text)) == text


def test_the_key_is_not_the_secret_key_itself(settings: Settings) -> None:
    """A key of Fernet's that stands in SECRET_KEY as it is would open the database for whoever signs with it."""
    settings.SECRET_KEY = Fernet.generate_key().decode()
    sealed = encrypt("s3cr3t")
    with pytest.raises(InvalidToken):
        Fernet(settings.SECRET_KEY).decrypt(sealed)


# --- Elsewhere ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "new_url",
    [
        "https://example.org/health",
        "https://example.org/",
        "https://example.org/other/path",
        "https://example.org/health?query=https://evil.example/",
    ],
)
def test_credentials_stay_where_only_path_and_query_change(new_url: str) -> None:
    http_auth.refuse_elsewhere("https://example.org/health", new_url)


@pytest.mark.parametrize(
    "new_url",
    [
        "http://example.org/health",
        "https://evil.example/health",
        "https://example.org.evil.example/health",
        "https://sub.example.org/health",
        "https://example.org./health",
        "https://example.org:8443/health",
        "https://evil.example/https://example.org/health",
        "http://example.org:443/health",
    ],
)
def test_credentials_do_not_go_to_another_scheme_host_or_port(new_url: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        http_auth.refuse_elsewhere("https://example.org/health", new_url)
    words = "The website moves to another host: give its credentials again, or none."
    assert refusal.value.message_dict == {"http_auth": [words]}
