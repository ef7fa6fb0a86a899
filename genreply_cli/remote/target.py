"""Where to connect, and how: an address, what the handshake carries, and whom to trust."""

import re
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit

from genreply_cli.errors import GenreplyError, os_error_text
from genreply_cli.remote.frames import Format
from genreply_cli.text import visible

if TYPE_CHECKING:
    import ssl

_HEADER: Final = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\x00-\x1f\x7f]*)")
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class Target(NamedTuple):
    """A WebSocket server. Its `address` may hold a password; `shown` and the repr do not."""

    address: str
    headers: tuple[tuple[str, str], ...] = ()
    subprotocols: tuple[str, ...] = ()
    ca_file: str | None = None
    insecure: bool = False  # do not check the certificate of the server
    format: Format = Format()

    def __repr__(self) -> str:
        return f"<Target {self.shown}>"

    @property
    def shown(self) -> str:
        """The address without user, password and query: what may be written down."""
        return without_secrets(self.address)

    @property
    def scheme(self) -> str:
        """`ws`, or `wss` with TLS."""
        return urlsplit(self.address).scheme

    @property
    def is_local(self) -> bool:
        """Whether the server is on this machine: no proxy is asked for it."""
        return urlsplit(self.address).hostname in {"localhost", "127.0.0.1", "::1"}

    def tls(self) -> "ssl.SSLContext | None":
        """How to check the server's certificate; None without TLS. Raises GenreplyError."""
        if self.scheme != "wss":
            return None
        import ssl

        try:
            context = ssl.create_default_context(cafile=self.ca_file)
        except ssl.SSLError:
            problem = "it holds no certificate in PEM"
            raise GenreplyError(f"--ca-file {self.ca_file}: {problem}") from None
        except OSError as error:
            raise GenreplyError(f"--ca-file {self.ca_file}: {os_error_text(error)}") from None
        if self.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


def without_secrets(address: str) -> str:
    """An address, also a relative one, without user, password and query."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return "an address that is none"
    where = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}" if parts.netloc else ""
    return visible(f"{where}{parts.path}{'?…' if parts.query else ''}")


def parse_address(text: str) -> str:
    """The address of a WebSocket server, as typed. Raises ValueError with a sentence.

    The sentence does not repeat it: it may have a password.
    """
    expected = "expected something like ws://127.0.0.1:8765 or wss://host/path"
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError(f"this is no address of a WebSocket server; {expected}") from None
    if parts.scheme.lower() not in {"ws", "wss"}:
        scheme = f"it begins with {parts.scheme}:" if parts.scheme else "it has no ws:// in front"
        raise ValueError(f"{visible(scheme)}; {expected}")
    if not parts.hostname or port == 0 or re.search(r"[\x00-\x20\x7f]", text):
        raise ValueError(f"this is no address of a WebSocket server; {expected}")
    if parts.username is not None and parts.password is None:
        raise ValueError("it has a user without a password; expected ws://USER:PASSWORD@host")
    if parts.fragment:
        raise ValueError(f"it has a part after #, which an address cannot have; {expected}")
    return text


def parse_header(text: str) -> tuple[str, str]:
    """A header, as typed. Raises ValueError with a sentence that does not repeat its value."""
    match = _HEADER.fullmatch(text)
    if match is None:
        raise ValueError("this is no header; expected a name and a value, as in 'X-Team: blue'")
    return match[1], match[2]


def parse_subprotocol(text: str) -> str:
    """The name of a subprotocol, as typed. Raises ValueError with a sentence."""
    if _TOKEN.fullmatch(text) is None:
        raise ValueError(f"{text!r} is no name of a subprotocol; expected a word, like graphql-ws")
    return text
