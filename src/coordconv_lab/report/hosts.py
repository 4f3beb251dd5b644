"""Host names that the server of the report accepts.

By DNS rebinding, a website can make its own name resolve to this machine and read the served page.
The browser then sends the website's name as the host, so the server accepts only known names.
"""

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address

from coordconv_lab.errors import InputError, in_short

_HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[^\[\]:/\\@?#\s]+)(:[0-9]{0,5})?")


def is_allowed(header: str | None, others: Iterable[str] = ()) -> bool:
    """Whether a ``Host`` header names this machine, with any port.

    Args:
        header: Value of the header ``Host``, or None if there is not exactly one.
        others: Additional allowed names, as returned by `host_name`.

    Example:
        >>> is_allowed("localhost:9000"), is_allowed("[::1]:80"), is_allowed("evil.example")
        (True, True, False)
        >>> is_allowed("Lab.example:443", ["lab.example"])
        True
    """
    found = _HOST.fullmatch(header or "")
    if found is None:
        return False
    name = found["name"].strip("[]").lower()
    return name == "localhost" or name in others or _is_loopback(found["name"])


def _is_loopback(name: str) -> bool:
    try:
        if name.startswith("["):
            return IPv6Address(name[1:-1]) == IPv6Address("::1")
        return IPv4Address(name).is_loopback
    except ValueError:
        return False


def host_name(text: str) -> str:
    """Normalize a host name as browsers do.

    Args:
        text: Name or address of a machine, as typed by the user.

    Raises:
        InputError: ``text`` is not a host name or address, or has a port.

    Example:
        >>> host_name("Lab.Example"), host_name("bücher.example"), host_name("[2001:DB8::1]")
        ('lab.example', 'xn--bcher-kva.example', '2001:db8::1')
    """
    try:
        return str(ip_address(text.removeprefix("[").removesuffix("]")))
    except ValueError:
        pass
    try:
        name = text.encode("idna").decode().lower()
    except UnicodeError:
        name = ""
    if not re.fullmatch(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?", name):
        raise InputError(
            "--host: expected the name of a machine without a port, such as lab.example; got "
            f"{in_short(text)}"
        )
    return name
