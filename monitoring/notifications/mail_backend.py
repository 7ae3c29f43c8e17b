"""Django's way to mail servers, with a name of the monitor's own and passwords in any letters."""

import smtplib
import socket
from email.utils import parseaddr
from typing import Any

from django.conf import settings
from django.core.mail.backends.smtp import EmailBackend
from django.core.mail.utils import DNS_NAME
from django.utils.encoding import punycode

# What `smtplib` knows. https://docs.python.org/3/library/smtplib.html#smtplib.SMTP.login
LOGINS = frozenset({"CRAM-MD5", "PLAIN", "LOGIN"})


class UnknownLoginError(smtplib.SMTPNotSupportedError):
    """The mail server offers logins, and none of `LOGINS`."""


def introduce() -> None:
    """Have all mail come from a machine of the name that the settings give, or that is best known.

    Else Django looks its name up, which may take long, and finds `localhost` or what a container is called: many mail
    servers take mail from no name without a dot.
    """
    DNS_NAME._fqdn = punycode(settings.EMAIL_HELO or _own_name())


def _own_name() -> str:
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2]
    # An address in brackets is what stands for a name where there is none (RFC 5321, section 4.1.4).
    return next((name for name in (socket.gethostname(), domain) if "." in name.strip(".")), "[127.0.0.1]")


class Backend(EmailBackend):
    @property
    def connection_class(self) -> type[smtplib.SMTP]:
        return _TlsConnection if self.use_ssl else _Connection


class _Utf8(str):
    """What `smtplib` encodes as ASCII goes out as UTF-8 (RFC 4616, RFC 4954)."""

    __slots__ = ()

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        return super().encode("utf-8", errors)


class _Connection(smtplib.SMTP):
    def login(self, user: str, password: str, **options: Any) -> Any:
        self.ehlo_or_helo_if_needed()
        offered = set(self.esmtp_features.get("auth", "").upper().split())
        if offered and not offered & LOGINS:
            raise UnknownLoginError
        return super().login(_Utf8(user), _Utf8(password), **options)

    def auth(self, mechanism: str, authobject: Any, **options: Any) -> Any:
        def answer(*challenge: bytes) -> str | None:
            words = authobject(*challenge)
            return None if words is None else _Utf8(words)

        return super().auth(mechanism, answer, **options)  # type: ignore[arg-type]


class _TlsConnection(_Connection, smtplib.SMTP_SSL):
    pass
