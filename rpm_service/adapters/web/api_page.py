"""The OpenAPI document, and a page that shows it: one document of plain HTML, without a script."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from functools import cache
from html import escape
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI
from starlette.responses import HTMLResponse, Response

from rpm_service.adapters.web.api_document import OTHER, REFUSALS, TAGS, document

STYLE: Final = (Path(__file__).parent / "api_page.css").read_bytes()
_REF: Final = "#/components/schemas/"
_BOUNDS: Final = {
    "minimum": "at least {:g}",
    "exclusiveMinimum": "more than {:g}",
    "maximum": "at most {:g}",
    "exclusiveMaximum": "less than {:g}",
    "minLength": "{:g} characters at least",
    "maxLength": "{:g} at most",
    "minItems": "{:g} at least",
    "maxItems": "{:g} at most",
}

Schema = Mapping[str, Any]


def add_api_page(app: FastAPI) -> None:
    """Adds the document and its page. Both are made when somebody asks for the first time."""

    @cache
    def made() -> tuple[bytes, str]:
        described = document(app)
        return json.dumps(described, indent=1).encode(), page(described)

    @app.get("/openapi.json", include_in_schema=False)
    async def openapi() -> Response:
        return Response((await asyncio.to_thread(made))[0], media_type="application/json")

    @app.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        return HTMLResponse((await asyncio.to_thread(made))[1])

    @app.get("/docs.css", include_in_schema=False)
    async def docs_style() -> Response:
        return Response(STYLE, media_type="text/css; charset=utf-8")


def page(described: Schema) -> str:
    """The page of a document."""
    operations: dict[str, list[str]] = {tag: [] for tag in (*TAGS.values(), OTHER)}
    bodies: set[str] = set()
    schemas = described["components"]["schemas"]
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            body = _body(operation)
            bodies.add(body)
            shown = "".join(_operation(path, method, operation, schemas.get(body, {})))
            operations[operation["tags"][0]].append(shown)
    parts = [each for name, each in schemas.items() if name not in bodies]
    contents = "".join(f'<a href="#{_id(tag)}">{escape(tag)}</a>' for tag in operations)
    sections = "".join(
        f'<section><h2 id="{_id(tag)}">{escape(tag)}</h2>{"".join(shown)}</section>'
        for tag, shown in operations.items()
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="dark light">'
        '<link rel="stylesheet" href="/docs.css">'
        "<title>Routes · Central station</title></head><body>"
        f'<nav aria-label="Contents"><a href="/">Central station</a>{contents}'
        '<a href="#refusals">Refusals</a><a href="/openapi.json">openapi.json</a></nav>'
        f"<main><h1>Routes</h1><p>{escape(described['info']['description'])}</p>{sections}"
        f"<section><h2>Parts of bodies and answers</h2>{''.join(map(_part, parts))}</section>"
        f'<section><h2 id="refusals">Refusals</h2>{_refusals()}</section></main></body></html>'
    )


def _body(operation: Schema) -> str:
    """Which schema its body has; empty where it has none."""
    content = operation.get("requestBody", {}).get("content", {})
    schema = content.get("application/json", {}).get("schema", {})
    return str(schema.get("$ref", "")).removeprefix(_REF)


def _operation(path: str, method: str, operation: Schema, body: Schema) -> Iterator[str]:
    yield f"<article><h3><b>{method.upper()}</b> <code>{escape(path)}</code></h3>"
    yield f"<p>{_text(operation['summary'])}</p>"
    for more in (operation["description"], *body.get("description", "").split("\n\n")):
        if more:
            yield f"<p>{_text(more)}</p>"
    rows = [
        _row(each["name"], each["in"], each["schema"], is_required=each["required"])
        for each in operation.get("parameters", ())
    ]
    rows += _rows(body, "body")
    if rows:
        yield _table(("Name", "In", "What", ""), rows)
    status, answer = next(iter(operation["responses"].items()))
    kinds = " ".join(f"<code>{escape(kind)}</code>" for kind in answer.get("content", ()))
    yield f"<p class='answer'>{status} {escape(answer['description'])} {kinds}</p></article>"


def _part(schema: Schema) -> str:
    name = schema["title"]
    head = f'<h3 id="{_id(name)}">{escape(name)}</h3><p>{_text(schema["description"])}</p>'
    return f"<article>{head}{_table(('Name', 'In', 'What', ''), _rows(schema, name))}</article>"


def _rows(schema: Schema, where: str) -> list[str]:
    required = schema.get("required", ())
    return [
        _row(name, where, each, is_required=name in required)
        for name, each in schema.get("properties", {}).items()
    ]


def _row(name: str, where: str, schema: Schema, *, is_required: bool) -> str:
    note = "needed" if is_required else _left_out(schema)
    said = f" <span>{_text(schema['description'])}</span>" if "description" in schema else ""
    cells = (f"<code>{escape(name)}</code>", escape(where), _words(schema) + said, note)
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _left_out(schema: Schema) -> str:
    default = schema.get("default")
    return f"else <code>{escape(json.dumps(default))}</code>" if default not in {None, ""} else ""


def _words(schema: Schema) -> str:
    """What a value is, as a person says it."""
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(_REF)
        return f'<a href="#{_id(name)}">{escape(name)}</a>'
    if "anyOf" in schema:
        return " or ".join(map(_words, schema["anyOf"]))
    if "enum" in schema or "const" in schema:
        values = schema.get("enum", [schema.get("const")])
        return " or ".join(f"<code>{escape(json.dumps(value))}</code>" for value in values)
    kind = schema.get("type", "anything")
    bounds = [words.format(schema[key]) for key, words in _BOUNDS.items() if key in schema]
    if kind == "array":
        kind = f"list of {_words(schema['items'])}"
    elif isinstance(schema.get("additionalProperties"), Mapping):
        kind = f"object of {_words(schema['additionalProperties'])}, by name"
    return ", ".join((kind, *bounds))


def _refusals() -> str:
    rows = [
        f"<tr><td>{status}</td><td>{_text(meaning)}</td></tr>"
        for status, meaning in REFUSALS.items()
    ]
    words = "A refusal says why in one line, and names the field at fault where there is one:"
    example = '{"error": "body.duration_s: Input should be a valid number", "field": "duration_s"}'
    return f"<p>{words}</p><pre>{escape(example)}</pre>{_table(('Status', 'Why'), rows)}"


def _table(heads: tuple[str, ...], rows: list[str]) -> str:
    head = "".join(f'<th scope="col">{each}</th>' for each in heads if each)
    head += "<td></td>" if "" in heads else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _text(words: str) -> str:
    """Words of a docstring: what stands between backquotes is code."""
    parts = escape(words).split("`")
    return "".join(f"<code>{each}</code>" if at % 2 else each for at, each in enumerate(parts))


def _id(name: str) -> str:
    return escape(name.lower().replace(" ", "-"))
