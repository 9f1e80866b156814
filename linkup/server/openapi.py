"""The OpenAPI 3.1 document. A test holds it against the routes, in both directions."""

from __future__ import annotations

import functools
from typing import Any

import linkup

Schema = dict[str, Any]

_INTEGER: Schema = {"type": "integer"}
_STRING: Schema = {"type": "string"}
_BOOLEAN: Schema = {"type": "boolean"}
_NUMBER: Schema = {"type": "number"}
_MS: Schema = {"type": "integer", "description": "UTC milliseconds"}
_MS_OR_NULL: Schema = {"type": ["integer", "null"], "description": "UTC milliseconds"}


def _object(_required: tuple[str, ...] | None = None, **properties: Schema) -> Schema:
    required = list(properties) if _required is None else list(_required)
    return {"type": "object", "properties": properties, "required": required}


def _list(of: Schema) -> Schema:
    return {"type": "array", "items": of}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


SCHEMAS: dict[str, Schema] = {
    "Words": _object(zh=_STRING, en=_STRING),
    "Error": _object(error=_object(code=_STRING, text=_ref("Words"))),
    "Summary": _object(
        id=_STRING, title=_ref("Words"), live=_BOOLEAN, started=_MS, ended=_MS_OR_NULL,
        duration_s=_NUMBER, bytes=_INTEGER,
    ),
    "Segment": _object(
        file=_STRING, started=_MS, ended=_MS_OR_NULL, bytes=_INTEGER, codec=_STRING,
        sha256={"type": ["string", "null"], "description": "null while it is being written"},
    ),
    "Track": _object(
        site={"type": "string", "description": "id of the site, or `program`"},
        name=_ref("Words"), kind={"enum": ["program", "site"]},
        segments=_list(_ref("Segment")),
    ),
    "Chapter": _object(
        at=_MS, until=_MS_OR_NULL, sites=_list(_STRING), names={"type": "array"},
        layout=_STRING, strip={"type": ["object", "null"]}, by=_STRING,
    ),
    "Event": _object(at=_MS, kind=_STRING, who=_STRING, text=_ref("Words")),
    "Consultation": _object(
        id=_STRING, title=_ref("Words"), live=_BOOLEAN, started=_MS, ended=_MS_OR_NULL,
        tracks=_list(_ref("Track")), chapters=_list(_ref("Chapter")), events=_list(_ref("Event")),
    ),
    "NewInvitation": _object(
        ("role",),
        role={"enum": ["site", "operator", "reviewer", "partner"]},
        site={"type": ["string", "null"], "description": "for role `site`"},
        hours={"type": ["number", "null"], "exclusiveMinimum": 0},
        name={"type": "string", "description": "whom it is for", "maxLength": 64},
    ),
    "Invitation": _object(token=_STRING, url=_STRING, jti=_STRING, expires=_MS),
    "IssuedInvitation": _object(
        jti=_STRING, role=_STRING, site={"type": ["string", "null"]}, consultation=_STRING,
        issued=_MS, expires=_MS, by=_STRING, revoked=_BOOLEAN,
    ),
    "Status": {"type": "object", "description": "`state` of the console, see docs/protocol.md"},
}  # fmt: skip


def _answer(description: str, schema: Schema, kind: str = "application/json") -> Schema:
    return {"description": description, "content": {kind: {"schema": schema}}}


def _body(kind: str, schema: Schema) -> Schema:
    return {"required": True, "content": {kind: {"schema": schema}}}


def _query(name: str, schema: Schema, text: str, required: bool = False) -> Schema:
    return {
        "name": name, "in": "query", "schema": schema, "description": text, "required": required,
    }  # fmt: skip


def _operation(
    name: str, summary: str, *, tag: str, roles: str, answers: dict[str, Schema], **more: Any
) -> Schema:
    """One operation. `roles`: whose token opens it; "" for everybody's."""
    failures: dict[str, Schema] = {"400": {"$ref": "#/components/responses/Refused"}}
    if roles:
        failures |= {code: {"$ref": "#/components/responses/Refused"} for code in ("401", "403")}
    open_to = f"Open to: {roles}." if roles else "Open to everybody."
    return {
        "operationId": name,
        "summary": summary,
        "description": open_to,
        "tags": [tag],
        "security": [{"token": []}, {"session": []}] if roles else [],
        "responses": {**answers, **failures},
        **more,
    }


_BINARY: Schema = {"type": "string", "format": "binary"}
_DOWNLOAD = _query("download", _STRING, "offer it as a file to be saved")
_SDP = _body("application/sdp", _STRING)
_OPENED = {"201": _answer("The answer; `Location` ends it.", _STRING, "application/sdp")}
_ARCHIVE = {"tag": "archive", "roles": "reviewer, operator"}
_MISSING = {"404": {"$ref": "#/components/responses/Refused"}}


def _archive() -> dict[str, Schema]:
    one = "/api/v1/consultations/{id}"
    return {
        "/api/v1/consultations": {"get": _operation(
            "listConsultations", "All consultations, the newest first", **_ARCHIVE,
            answers={"200": _answer("The list.", _list(_ref("Summary")))},
        )},
        one: {"get": _operation(
            "getConsultation", "Tracks, chapters and events of one", **_ARCHIVE,
            answers={"200": _answer("All of it.", _ref("Consultation")), **_MISSING},
        )},
        one + "/program.m3u8": {"get": _operation(
            "getProgramPlaylist", "The whole program so far, as HLS", **_ARCHIVE,
            answers={
                "200": _answer("EVENT, later VOD.", _STRING, "application/vnd.apple.mpegurl"),
                **_MISSING,
            },
        )},
        one + "/files/{path}": {"get": _operation(
            "getFile", "A recording; Range is served", **_ARCHIVE,
            parameters=[_DOWNLOAD],
            answers={
                "200": _answer("The file.", _BINARY, "application/octet-stream"),
                "206": _answer("A part of it.", _BINARY, "application/octet-stream"),
                **_MISSING,
            },
        )},
        one + "/clip": {"get": _operation(
            "getClip", "One site from one moment on, streamed", **_ARCHIVE,
            parameters=[
                _query("site", _STRING, "id of the site, or `program`", required=True),
                _query("from", _MS, "UTC milliseconds", required=True),
                _query("to", _MS, "UTC milliseconds; the end when not given"),
                _DOWNLOAD,
            ],
            answers={"200": _answer("WebM or MP4.", _BINARY, "video/webm"), **_MISSING},
        )},
        one + "/journal": {"get": _operation(
            "getJournal", "The journal as JSON lines", **_ARCHIVE,
            parameters=[_DOWNLOAD],
            answers={"200": _answer("The lines.", _STRING, "application/x-ndjson"), **_MISSING},
        )},
    }  # fmt: skip


def _desk() -> dict[str, Schema]:
    return {
        "/api/v1/openapi.json": {"get": _operation(
            "getOpenApi", "This document", tag="server", roles="",
            answers={"200": _answer("OpenAPI 3.1.", {"type": "object"})},
        )},
        "/api/v1/status": {"get": _operation(
            "getStatus", "What the console shows, for scripts", tag="desk", roles="operator",
            answers={"200": _answer("The state.", _ref("Status"))},
        )},
        "/api/v1/invitations": {
            "get": _operation(
                "listInvitations", "Invitations that have not expired", tag="desk",
                roles="operator",
                answers={"200": _answer("The list.", _list(_ref("IssuedInvitation")))},
            ),
            "post": _operation(
                "newInvitation", "Sign a link", tag="desk", roles="operator",
                requestBody=_body("application/json", _ref("NewInvitation")),
                answers={"201": _answer("The link.", _ref("Invitation"))},
            ),
        },
        "/api/v1/invitations/{jti}/revoke": {"post": _operation(
            "revokeInvitation", "Let a link count no more", tag="desk", roles="operator",
            answers={"200": _answer("Done.", _object(revoked=_STRING))},
        )},
    }  # fmt: skip


def _probes() -> dict[str, Schema]:
    return {
        "/api/v1/probe": {
            "get": _operation(
                "probeDown", "Bytes, for measuring the line", tag="check", roles="",
                parameters=[_query("bytes", _INTEGER, "0 to 1048576")],
                answers={"200": _answer("Noise.", _BINARY, "application/octet-stream")},
            ),
            "post": _operation(
                "probeUp", "How many bytes came (at most 262144)", tag="check", roles="",
                requestBody=_body("application/octet-stream", _BINARY),
                answers={"200": _answer("The number.", _object(bytes=_INTEGER))},
            ),
        },
        "/api/v1/probe/media": {"post": _operation(
            "probeMedia", "Does media pass? Closed after ten seconds", tag="check",
            roles="site, operator", requestBody=_SDP,
            answers={"200": _answer("The answer.", _STRING, "application/sdp")},
        )},
    }  # fmt: skip


def _media() -> dict[str, Schema]:
    found: dict[str, Schema] = {}
    for place, verb, roles in (
        ("/whip/{site}", "publish", "that site, operator"),
        ("/whep/{feed}", "receive", "partner, reviewer, operator (`program`); operator (a site)"),
    ):
        word = place[1:5].upper()
        found[place] = {
            "post": _operation(
                f"{verb}Open",
                f"{word}: {verb}",
                tag="media",
                roles=roles,
                requestBody=_SDP,
                answers=_OPENED,
            ),
            "options": _operation(
                f"{verb}Options",
                "What may be posted here",
                tag="media",
                roles="",
                answers={"204": {"description": "`Accept-Post`"}},
            ),
        }
        found[place + "/{peer}"] = {
            "delete": _operation(
                f"{verb}End",
                "End it",
                tag="media",
                roles=roles,
                answers={"200": {"description": "It has ended."}, **_MISSING},
            ),
            "patch": _operation(
                f"{verb}Trickle",
                "Candidates (they are not needed)",
                tag="media",
                roles=roles,
                requestBody=_body("application/trickle-ice-sdpfrag", _STRING),
                answers={"204": {"description": "Read."}, **_MISSING},
            ),
            "options": _operation(
                f"{verb}PeerOptions",
                "What may be done here",
                tag="media",
                roles="",
                answers={"204": {"description": "`Accept-Patch`"}},
            ),
        }
    return found


@functools.cache
def document() -> dict[str, Any]:
    """The document."""
    paths = {**_desk(), **_archive(), **_probes(), **_media()}
    for path, methods in paths.items():
        names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
        for operation in methods.values():
            operation["parameters"] = [
                {"name": name, "in": "path", "required": True, "schema": _STRING} for name in names
            ] + operation.get("parameters", [])
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "linkup",
            "version": linkup.__version__,
            "description": "Times are UTC milliseconds. Texts for people are in two languages.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": SCHEMAS,
            "responses": {"Refused": _answer("What went wrong, in words.", _ref("Error"))},
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "session": {"type": "apiKey", "in": "cookie", "name": "linkup_session"},
            },
        },
    }
