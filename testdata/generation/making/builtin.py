"""Built-in entities: user, product, order, payment, review.

Amounts of money are integers of cents, so that totals are exact.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from ..entities import Draft, EntitySpec, Rule, iso, parse_iso
from .kinds import KINDS, PHONE, RESERVED_EMAIL, birth_date, email, mail_name, phone, username

TAX_PERCENT = 8
_ORDER_STATES = ("pending", "paid", "shipped", "delivered", "cancelled")
_TIME = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$"}
_DAY = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\d$"}
_TEXT = {"type": "string", "minLength": 1}
_CENTS = {"type": "integer", "minimum": 0}
_ID = {"type": ["string", "integer"]}
_ADDRESS = {
    "type": "object",
    "required": ["street", "city", "postal_code"],
    "properties": {"street": _TEXT, "city": _TEXT, "postal_code": _TEXT},
}


def builtin_entities(as_of: datetime) -> dict[str, EntitySpec]:
    """Return the built-in entities; ages are computed at `as_of`."""
    return {spec.entity_type: spec for spec in (_user(as_of), _product(), _order(), _payment(), _review())}


def _schema(required: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": required, "properties": properties}


# ------------------------------------------------------------------ user


def _user(as_of: datetime) -> EntitySpec:
    return EntitySpec(
        entity_type="user",
        fields={
            "id": KINDS["id"],
            "username": username,
            "email": email,
            "first_name": lambda draft: draft.make("first_name"),
            "last_name": lambda draft: draft.make("last_name"),
            "full_name": lambda draft: f"{draft['first_name']} {draft['last_name']}",
            "phone": phone,
            "birth_date": birth_date,
            "age": lambda draft: age_at(date.fromisoformat(draft["birth_date"]), draft.as_of.date()),
            "address": lambda draft: draft.make("address"),
            "department": KINDS["department"],
            "role": KINDS["role"],
            "is_active": lambda draft: draft.random.random() < 0.9,  # noqa: PLR2004 - most are
            "created_at": KINDS["datetime"],
            "last_login_at": _last_login,
        },
        schema=_schema(
            ["username", "email"],
            id=_ID,
            username=_TEXT,
            email=_TEXT,
            first_name=_TEXT,
            last_name=_TEXT,
            full_name=_TEXT,
            phone=_TEXT,
            birth_date=_DAY,
            age={"type": "integer", "minimum": 0},
            address=_ADDRESS,
            department=_TEXT,
            role=_TEXT,
            is_active={"type": "boolean"},
            created_at=_TIME,
            last_login_at={"anyOf": [_TIME, {"type": "null"}]},
        ),
        rules=_user_rules(as_of),
        unique=("id", "username", "email"),
        trusted=True,
    )


def _last_login(draft: Draft) -> str | None:
    created = parse_iso(draft["created_at"])
    if created is None or draft.random.random() < 0.1:  # noqa: PLR2004 - some never came back
        return None
    return iso(draft.moment(created, max(created, draft.as_of)))


def _user_rules(as_of: datetime) -> dict[str, Rule]:
    return {
        "email_of_username": _email_of_username,
        "email_reserved": _email_reserved,
        "phone_reserved": _phone_reserved,
        "full_name_of_names": _full_name_of_names,
        "age_of_birth_date": lambda user: _age_of_birth_date(user, as_of),
        "created_after_birth": _created_after_birth,
        "login_after_created": lambda user: _in_order(user, "created_at", "last_login_at"),
    }


def age_at(born: date, day: date) -> int:
    """Return the age in years."""
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def _email_of_username(user: Mapping[str, Any]) -> str | None:
    local = user["email"].partition("@")[0]
    return (
        None
        if local == mail_name(user["username"])
        else f"the mail address is of {local!r}, the user is {user['username']!r}"
    )


def _email_reserved(user: Mapping[str, Any]) -> str | None:
    if RESERVED_EMAIL.fullmatch(user["email"]):
        return None
    return f"{user['email']!r} may be a real address; use example.com, example.org, example.net or .test"


def _phone_reserved(user: Mapping[str, Any]) -> str | None:
    if "phone" not in user or PHONE.fullmatch(user["phone"]):
        return None
    return f"{user['phone']!r} may be a real number; use +1-NXX-555-01xx"


def _full_name_of_names(user: Mapping[str, Any]) -> str | None:
    if not {"full_name", "first_name", "last_name"} <= user.keys():
        return None
    names = f"{user['first_name']} {user['last_name']}"
    return None if user["full_name"] == names else f"{user['full_name']!r} is not {names!r}"


def _day(text: object) -> date | None:
    try:
        return date.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None


def _age_of_birth_date(user: Mapping[str, Any], as_of: datetime) -> str | None:
    if not {"age", "birth_date"} <= user.keys():
        return None
    born = _day(user["birth_date"])
    if born is None:
        return f"{user['birth_date']!r} is not a day; write it like 2001-02-03"
    age = age_at(born, as_of.date())
    return None if user["age"] == age else f"born {born}, the age on {as_of.date()} is {age}, not {user['age']}"


def _created_after_birth(user: Mapping[str, Any]) -> str | None:
    born, created = _day(user.get("birth_date")), parse_iso(user.get("created_at"))
    if born is None or created is None or created.date() > born:
        return None
    return f"created {created.date()}, before the birth on {born}"


def _in_order(record: Mapping[str, Any], first: str, then: str) -> str | None:
    early, late = parse_iso(record.get(first)), parse_iso(record.get(then))
    if early is None or late is None or early <= late:
        return None
    return f"{then} {record[then]} is before {first} {record[first]}"


# ------------------------------------------------------------------ what is sold


def _product() -> EntitySpec:
    return EntitySpec(
        entity_type="product",
        fields={
            "id": KINDS["id"],
            "sku": _sku,
            "name": lambda draft: f"{draft.make('color')} {draft.make('word')}",
            "price_cents": KINDS["price_cents"],
            "currency": lambda _: "USD",
            "created_at": KINDS["datetime"],
        },
        schema=_schema(
            ["id", "sku", "name", "price_cents"],
            id=_ID,
            sku=_TEXT,
            name=_TEXT,
            price_cents=_CENTS,
            currency=_TEXT,
            created_at=_TIME,
        ),
        unique=("id", "sku"),
        trusted=True,
    )


def _sku(draft: Draft) -> str:
    return f"SKU-{draft.token.upper()}"


def _items(draft: Draft) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    for line in range(draft.random.randint(1, 4)):
        quantity, price = draft.random.randint(1, 5), draft.random.randint(99, 49_999)
        items.append(
            {
                "sku": f"{_sku(draft)}-{line + 1}",
                "name": f"{draft.make('color')} {draft.make('word')}",
                "quantity": quantity,
                "unit_price_cents": price,
                "total_cents": quantity * price,
            }
        )
    return items


def _order() -> EntitySpec:
    item = _schema(
        ["sku", "quantity", "unit_price_cents", "total_cents"],
        sku=_TEXT,
        quantity={"type": "integer", "minimum": 1},
        unit_price_cents=_CENTS,
        total_cents=_CENTS,
    )
    return EntitySpec(
        entity_type="order",
        fields={
            "id": KINDS["id"],
            "number": lambda draft: f"ORD-{draft.token.upper()}",
            "status": lambda draft: draft.random.choice(_ORDER_STATES),
            "items": _items,
            "subtotal_cents": lambda draft: sum(item["total_cents"] for item in draft["items"]),
            "tax_cents": lambda draft: draft["subtotal_cents"] * TAX_PERCENT // 100,
            "total_cents": lambda draft: draft["subtotal_cents"] + draft["tax_cents"],
            "currency": lambda _: "USD",
            "created_at": lambda draft: iso(draft.after_parent()),
        },
        schema=_schema(
            ["id", "items", "subtotal_cents", "tax_cents", "total_cents"],
            id=_ID,
            number=_TEXT,
            status={"enum": list(_ORDER_STATES)},
            items={"type": "array", "items": item},
            subtotal_cents=_CENTS,
            tax_cents=_CENTS,
            total_cents=_CENTS,
            currency=_TEXT,
            created_at=_TIME,
        ),
        relations={"user": "user_id"},
        rules={"totals_add_up": _totals_add_up},
        unique=("id", "number"),
        trusted=True,
    )


def _totals_add_up(order: Mapping[str, Any]) -> str | None:
    for index, item in enumerate(order["items"]):
        if item["total_cents"] != item["quantity"] * item["unit_price_cents"]:
            return f"items[{index}]: {item['quantity']} x {item['unit_price_cents']} is not {item['total_cents']}"
    subtotal = sum(item["total_cents"] for item in order["items"])
    if order["subtotal_cents"] != subtotal:
        return f"the sum of the items is {subtotal}, subtotal_cents is {order['subtotal_cents']}"
    if order["total_cents"] != subtotal + order["tax_cents"]:
        return f"{subtotal} and tax {order['tax_cents']} is not {order['total_cents']}"
    return None


# ------------------------------------------------------------------ what follows


def _payment() -> EntitySpec:
    return EntitySpec(
        entity_type="payment",
        fields={
            "id": KINDS["id"],
            "method": lambda draft: draft.random.choice(("card", "invoice", "transfer")),
            "status": lambda draft: draft.random.choice(("authorized", "captured", "refunded")),
            "amount_cents": _amount,
            "currency": lambda draft: (draft.parent or {}).get("currency", "USD"),
            "created_at": lambda draft: iso(draft.after_parent(timedelta(days=30))),
        },
        schema=_schema(
            ["id", "amount_cents"],
            id=_ID,
            method=_TEXT,
            status=_TEXT,
            amount_cents=_CENTS,
            currency=_TEXT,
            created_at=_TIME,
        ),
        relations={"order": "order_id"},
        trusted=True,
    )


def _amount(draft: Draft) -> int:
    total = (draft.parent or {}).get("total_cents")
    return total if isinstance(total, int) else draft.make("price_cents")


def _review() -> EntitySpec:
    return EntitySpec(
        entity_type="review",
        fields={
            "id": KINDS["id"],
            "rating": lambda draft: draft.random.randint(1, 5),
            "text": lambda draft: draft.make("sentence"),
            "created_at": lambda draft: iso(draft.after_parent()),
        },
        schema=_schema(
            ["id", "rating"],
            id=_ID,
            rating={"type": "integer", "minimum": 1, "maximum": 5},
            text=_TEXT,
            created_at=_TIME,
        ),
        relations={"user": "user_id", "product": "product_id"},
        trusted=True,
    )
