"""Kinds of values that are generated here for every provider: all values that could belong to real people or machines.

Mail and web domains are those of RFC 2606, telephone numbers end with 555-01xx, which is reserved for fiction, and
network addresses are those of RFC 5737.
"""

import re
import unicodedata
from collections.abc import Mapping
from datetime import timedelta

from ..entities import Draft, Field, iso

DOMAINS = ("example.com", "example.org", "example.net")
RESERVED_EMAIL = re.compile(r"[^@\s]+@(?:[\w-]+\.)*(?:example\.(?:com|org|net)|[\w-]+\.(?:test|example|invalid))")
PHONE = re.compile(r"\+1-[2-9]\d\d-555-01\d\d")

AREA_CODES = ("201", "212", "303", "312", "404", "415", "503", "512", "617", "702", "808", "907")
DEPARTMENTS = ("engineering", "finance", "legal", "marketing", "operations", "people", "sales", "support")
ROLES = ("admin", "editor", "member", "viewer")
_SHARP = str.maketrans(
    {"ß": "ss", "ẞ": "SS", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE"}
    | {"đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "þ": "th", "Þ": "Th", "\u0131": "i"}
)
_DOCUMENTATION_NETWORKS = ("192.0.2", "198.51.100", "203.0.113")
_AGE_YEARS = (18, 90)


def slug(text: str) -> str:
    """Return the ASCII letters and digits of a name in lower case; `x` without any."""
    plain = unicodedata.normalize("NFKD", text.translate(_SHARP)).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "", plain.lower()) or "x"


def username(draft: Draft) -> str:
    """Return a user name: names of the person, and a token that is unique to the record."""
    return f"{slug(str(draft['first_name']))}.{slug(str(draft['last_name']))}.{draft.token}"


def email(draft: Draft) -> str:
    """Return a mail address of the username, at a reserved domain."""
    return f"{mail_name(str(draft['username']))}@{draft.random.choice(DOMAINS)}"


def mail_name(username: str) -> str:
    """Return the local part of a user's mail address."""
    return re.sub(r"[^\w.+-]", "", username, flags=re.ASCII).strip(".") or "x"


def phone(draft: Draft) -> str:
    """Return a telephone number from the range reserved for fiction."""
    return f"+1-{draft.random.choice(AREA_CODES)}-555-01{draft.random.randrange(100):02}"


def birth_date(draft: Draft) -> str:
    """Return the day of birth of an adult."""
    youngest, oldest = _AGE_YEARS
    days = draft.random.randint(youngest * 366, oldest * 365)
    return f"{(draft.as_of - timedelta(days=days)).date()}"


def past(draft: Draft, days: int = 5 * 365) -> str:
    """Return a time within `days` before `as_of`."""
    return iso(draft.moment(draft.as_of - timedelta(days=days), draft.as_of))


def url(draft: Draft) -> str:
    """Return a URL at a reserved domain."""
    return f"https://{draft.random.choice(DOMAINS)}/{draft.token}"


def ip_address(draft: Draft) -> str:
    """Return an IP address from a network reserved for documentation."""
    return f"{draft.random.choice(_DOCUMENTATION_NETWORKS)}.{draft.random.randint(1, 254)}"


def token_email(draft: Draft) -> str:
    """Return a mail address that belongs to no user."""
    return f"user.{draft.token}@{draft.random.choice(DOMAINS)}"


KINDS: Mapping[str, Field] = {
    "id": lambda draft: draft.uuid,
    "uuid": lambda draft: draft.uuid,
    "token": lambda draft: draft.token,
    "username": lambda draft: f"user.{draft.token}",
    "email": token_email,
    "phone": phone,
    "birth_date": birth_date,
    "department": lambda draft: draft.random.choice(DEPARTMENTS),
    "role": lambda draft: draft.random.choice(ROLES),
    "url": url,
    "domain": lambda draft: draft.random.choice(DOMAINS),
    "ip_address": ip_address,
    "boolean": lambda draft: draft.random.random() < 0.5,  # noqa: PLR2004 - one of two
    "integer": lambda draft: draft.random.randint(0, 9999),
    "price_cents": lambda draft: draft.random.randint(99, 49_999),
    "date": lambda draft: past(draft)[:10],
    "datetime": past,
}
"""Function of each kind; providers add kinds of words."""
