"""E-mail, by the mail server that the settings name."""

import contextlib
import hashlib
import re
import smtplib
import socket
import ssl
from email.utils import parseaddr
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage, get_connection
from django.core.validators import validate_email

from monitoring.notifications.confinement import confined
from monitoring.notifications.deadlines import SHARE, Deadline
from monitoring.notifications.mail_backend import LOGINS, UnknownLoginError
from monitoring.notifications.messages import Message, Receipt, unanswered

WHO = "The mail server"
ADDRESSES_MAX = 20
# The first that fits says what was refused; the server's own words may repeat what it was told, passwords included.
REFUSED = (
    (smtplib.SMTPAuthenticationError, "the user name and password"),
    (smtplib.SMTPSenderRefused, "the sender's address"),
    (smtplib.SMTPConnectError, "the connection"),
    (smtplib.SMTPResponseException, "the message"),
)
FAILED: tuple[tuple[type[OSError], str], ...] = (
    (smtplib.SMTPServerDisconnected, "closed the connection."),
    (UnknownLoginError, f"offers no login that the monitor knows: {', '.join(sorted(LOGINS))}."),
    (smtplib.SMTPNotSupportedError, "does not offer what the settings ask for: STARTTLS or a login."),
    (smtplib.SMTPException, "did not follow the protocol."),
    (ssl.SSLError, "has no valid certificate for its name, or does not speak TLS as set."),
    (socket.gaierror, "has a name that could not be looked up."),
    (OSError, "could not be connected to."),
)


def check(addresses: str) -> None:
    """Raises `ValidationError` for what are no addresses."""
    read_addresses(addresses)


def read_addresses(text: str) -> list[str]:
    """Addresses with commas or line ends between them, each of them once.

    Raises `ValidationError` with a sentence where there are none, too many, or some that are none.
    """
    parts = (part.strip(" \t") for part in re.split(r"[,\r\n]", text))
    addresses = list(dict.fromkeys(part for part in parts if part))
    if not 1 <= len(addresses) <= ADDRESSES_MAX:
        raise ValidationError(f"Give 1 to {ADDRESSES_MAX} e-mail addresses, with commas between them.", code="invalid")
    for address in addresses:
        if not _is_address(address):
            raise ValidationError(f"This is no e-mail address: {address[:100]!r}.", code="invalid")
    return addresses


def _is_address(text: str) -> bool:
    try:
        validate_email(text)
    except ValidationError:  # which does not tell the address
        return False
    # Control characters may be quoted, as the standard has it; no mailbox has any.
    return text.isprintable()


def deliver(addresses: str, message: Message, seconds: float) -> Receipt:
    """Hand the message to the mail server. Raises `ValidationError` where the addresses are none."""
    recipients = read_addresses(addresses)
    if not settings.EMAIL_HOST:
        return Receipt(False, "No mail server is configured: set EMAIL_HOST.")
    connection = get_connection(timeout=seconds)
    with Deadline(SHARE * seconds) as deadline, confined(deadline):
        try:
            connection.open()
            refused = _noted_refusals(connection)
            connection.send_messages([_mail(recipients, message)])
        except OSError as error:  # of the network and of SMTP
            return unanswered(WHO, seconds) if deadline.is_over else Receipt(False, _words(error))
        finally:
            # What has been accepted stays so, however the farewell goes.
            with contextlib.suppress(OSError):
                connection.close()
    return Receipt(True, f"{WHO} accepted the message{_but(refused, recipients)}.")


def _noted_refusals(connection: Any) -> dict[str, tuple[int, bytes]]:
    """Filled, while the connection sends, with the addresses that the server refuses as long as it takes others.

    Django drops them.
    """
    refused: dict[str, tuple[int, bytes]] = {}
    sendmail = connection.connection.sendmail

    def send(*arguments: Any) -> None:
        refused.update(sendmail(*arguments))

    connection.connection.sendmail = send
    return refused


def _but(refused: dict[str, tuple[int, bytes]], recipients: list[str]) -> str:
    if not refused:
        return ""
    codes = ", ".join(sorted({str(code) for code, _ in refused.values()}))
    return f", but refused {len(refused)} of {len(recipients)} addresses ({codes})"


def _mail(recipients: list[str], message: Message) -> EmailMessage:
    headers = {
        "Message-ID": _message_id(message.key),
        "X-Webmonitor-Key": message.key,
        # Keeps out-of-office replies away (RFC 3834).
        "Auto-Submitted": "auto-generated",
    }
    if len(recipients) == 1:
        return EmailMessage(message.title, message.text, to=recipients, headers=headers)
    # They need not know of each other; a message without any To looks like spam.
    headers["To"] = "undisclosed-recipients:;"
    return EmailMessage(message.title, message.text, bcc=recipients, headers=headers)


def _message_id(key: str) -> str:
    """The same at every attempt, so that programs know a duplicate."""
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2]
    digest = hashlib.sha256(key.encode()).hexdigest()[:32]
    return f"<{digest}@{domain if domain and domain.isascii() else 'localhost'}>"


def _words(error: OSError) -> str:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code = next(iter(error.recipients.values()))[0]
        return f"{WHO} refused every address ({code})."
    for kind, what in REFUSED:
        if isinstance(error, kind):
            return f"{WHO} refused {what} ({error.smtp_code})."
    return f"{WHO} {next(words for kind, words in FAILED if isinstance(error, kind))}"
