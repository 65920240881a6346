"""The endpoints in docs/http-api.md, generated from the description of the interface (OpenAPI).

`python docs/tools/http_reference.py docs/http-api.md` rewrites the part between the marks; a test holds it current.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from page_part import replace_part, update_page
from pytest_insight.collector.problems import REFUSALS, TYPE_PREFIX
from pytest_insight.collector.server.app import make_app
from pytest_insight.collector.server.context import ServerContext
from sqlalchemy import create_engine

METHODS = ("get", "post", "put", "delete")


def make_described_app() -> FastAPI:
    """Return the application without a database: only its description is asked for."""
    return make_app(ServerContext(create_engine("postgresql+psycopg://"), Path(), []))


def renew_page(page: str) -> str:
    """Return `page` with its endpoints generated again."""
    described = make_described_app().openapi()
    return replace_part(replace_part(page, "endpoints", _endpoints(described)), "problems", _problems())


def _endpoints(described: dict[str, Any]) -> str:
    lines: list[str] = []
    for path, methods in described["paths"].items():
        for method in METHODS:
            if method in methods:
                lines += _endpoint(described, f"{method.upper()} {path}", methods[method])
    return "\n".join(lines)


def _endpoint(described: dict[str, Any], title: str, operation: dict[str, Any]) -> Iterator[str]:
    yield from (f"### `{title}`", "", operation.get("description") or operation.get("summary", ""), "")
    parameters = operation.get("parameters", [])
    if parameters:
        yield from ("| parameter | in | |", "|---|---|---|")
        for each in parameters:
            note = each.get("description") or each["schema"].get("description", "")
            star = ", required" if each.get("required") else ""
            yield f"| `{each['name']}` | {each['in']}{star} | {note} |"
        yield ""
    fields = _fields(described, operation.get("responses", {}).get("200", {}))
    if fields:
        yield from ("| field of the answer | |", "|---|---|", *fields, "")


def _fields(described: dict[str, Any], answer: dict[str, Any]) -> list[str]:
    schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
    name = schema.get("$ref", "").rpartition("/")[2]
    if not name:
        return []
    properties = described["components"]["schemas"][name]["properties"]
    return [f"| `{field}` | {value.get('description', '')} |" for field, value in properties.items()]


def _problems() -> str:
    rows = [f"| {refusal.status} | `{TYPE_PREFIX}{kind}` | {refusal.title} |" for kind, refusal in REFUSALS.items()]
    return "\n".join(["| status | type | title |", "|---|---|---|", *rows, ""])


if __name__ == "__main__":
    update_page(renew_page)
