"""`sites.yaml` → frozen models.

Every key is optional. Wrong input is reported all at once, each problem with file, line, key,
what was found and what is expected (`ConfigError`).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic.annotated_handlers import GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from linkup.errors import ConfigError

Language = Literal["zh", "en"]
Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
Port = Annotated[int, Field(ge=0, le=65535)]
RESERVED_IDS = frozenset({"program"})  # the feed of what is on air


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Text(_Section):
    """A text in the languages of the interface. A plain string serves for both."""

    zh: str = ""
    en: str = ""

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"anyOf": [{"type": "string"}, handler.resolve_ref_schema(handler(core))]}

    @model_validator(mode="before")
    @classmethod
    def _from_string(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"zh": value, "en": value}
        if isinstance(value, dict) and len(value) == 1:
            only = next(iter(value.values()))
            if set(value) <= {"zh", "en"}:
                return {"zh": only, "en": only}
        return value

    def in_language(self, language: str) -> str:
        """The text in `language`, in the other one where it is missing."""
        return (self.en or self.zh) if language == "en" else (self.zh or self.en)


class Person(_Section):
    """Somebody who speaks at a site; becomes a name strip."""

    name: Text
    title: Text = Text()


class Site(_Section):
    """A place that is linked."""

    id: Identifier
    name: Text = Text()
    city: Text = Text()
    people: tuple[Person, ...] = ()

    @field_validator("id")
    @classmethod
    def _not_reserved(cls, value: str) -> str:
        if value in RESERVED_IDS:
            raise ValueError(f"'{value}' is reserved, choose another id")
        return value

    @model_validator(mode="after")
    def _named(self) -> Site:
        if not self.name.zh and not self.name.en:
            object.__setattr__(self, "name", Text(zh=self.id, en=self.id))
        return self


class Tls(_Section):
    """`off`: plain HTTP (cameras then work on localhost only); `self-signed`: an own certificate
    made on first start; `files`: the given ones."""

    mode: Literal["off", "self-signed", "files"] = "off"
    certificate: Path | None = None
    key: Path | None = None

    @model_validator(mode="after")
    def _complete(self) -> Tls:
        if self.mode == "files" and not (self.certificate and self.key):
            raise ValueError("mode 'files' needs 'certificate' and 'key'")
        return self


class Server(_Section):
    host: str = "0.0.0.0"
    port: Port = 8080
    media_host: str = "::"  # "::" serves IPv4 and IPv6
    media_port: Port = 7000
    public_addresses: tuple[str, ...] = ()  # behind a static NAT: what clients reach us by
    public_url: str = ""  # as printed in links; found out when empty
    tls: Tls = Tls()
    max_peers: Annotated[int, Field(ge=1, le=10000)] = 500


class Consultation(_Section):
    id: Identifier = "linkup"
    title: Text = Text(zh="远程协商会", en="Remote consultation")

    @field_validator("id")
    @classmethod
    def _own_folder(cls, value: str) -> str:
        if value == "keys":
            raise ValueError("'keys' is the folder of this server's keys, choose another id")
        return value


class Switching(_Section):
    """Automatic switching by voice."""

    automatic: bool = False
    minimum_shot_s: Annotated[float, Field(ge=1, le=60)] = 4.0
    hold_s: Annotated[float, Field(ge=0.1, le=10)] = 0.8
    mix_ms: Annotated[int, Field(ge=0, le=3000)] = 500


class Program(_Section):
    width: Literal[640, 1280, 1920] = 1280
    height: Literal[360, 720, 1080] = 720
    fps: Literal[25, 30] = 30
    video_kbps: Annotated[int, Field(ge=200, le=20000)] = 2500
    audio_kbps: Annotated[int, Field(ge=32, le=320)] = 128
    preset: Literal["ultrafast", "superfast", "veryfast", "faster", "fast"] = "veryfast"
    segment_s: Annotated[int, Field(ge=1, le=6)] = 2
    window_s: Annotated[int, Field(ge=10, le=86400)] = 1800  # how far viewers can rewind
    language: Language = "zh"  # of name strips and slates
    switching: Switching = Switching()

    @model_validator(mode="after")
    def _shape(self) -> Program:
        if self.width * 9 != self.height * 16:
            raise ValueError("width and height must be 640x360, 1280x720 or 1920x1080")
        return self


class Output(_Section):
    """A streaming partner's ingest address."""

    name: Identifier
    url: Annotated[str, StringConstraints(pattern=r"^rtmps?://.+")]
    enabled: bool = True


class Storage(_Section):
    folder: Path = Path("recordings")
    minimum_free_mb: Annotated[int, Field(ge=0)] = 1024


class Settings(_Section):
    """The whole of `sites.yaml`."""

    consultation: Consultation = Consultation()
    server: Server = Server()
    halls: tuple[Site, ...] = (Site(id="main", name=Text(zh="主会场", en="Main hall")),)
    branches: tuple[Site, ...] = ()
    program: Program = Program()
    outputs: tuple[Output, ...] = ()
    storage: Storage = Storage()
    languages: tuple[Language, ...] = ("zh", "en")

    @model_validator(mode="after")
    def _unique(self) -> Settings:
        for what, names in (
            ("site id", [site.id for site in self.sites]),
            ("output name", [output.name for output in self.outputs]),
        ):
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise ValueError(f"{what} used more than once: {', '.join(twice)}")
        if not self.halls:
            raise ValueError("'halls' needs at least one site")
        return self

    @property
    def sites(self) -> tuple[Site, ...]:
        """Halls first, then branches, in the order of the file."""
        return self.halls + self.branches

    def site(self, identifier: str) -> Site | None:
        """The site with this id."""
        return next((site for site in self.sites if site.id == identifier), None)


_Path = tuple[str | int, ...]


def schema() -> dict[str, Any]:
    """The JSON Schema of `sites.yaml`, as published in `docs/sites.schema.json`."""
    made = Settings.model_json_schema(mode="validation")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **made,
        "title": "sites.yaml",
    }


def load(file: Path) -> Settings:
    """Read and check a configuration file. Raises `ConfigError` with every problem at once."""
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(
            [f"{file}: no such file. Write one, or name another with --sites."]
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([f"{file}: cannot be read: {error}"]) from None
    return parse(text, str(file))


def parse(text: str, file: str = "sites.yaml") -> Settings:
    """Check the text of a configuration file; `file` only names it in messages."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError([_yaml_problem(error, file)]) from None
    if data is None:
        return Settings()
    if not isinstance(data, dict):
        raise ConfigError([f"{file}:1: expected keys like 'halls:', found {_kind(data)}"])
    lines: dict[_Path, int] = {}
    problems: list[str] = []
    if root is not None:
        _index(root, (), lines, problems, file)
    try:
        settings = Settings.model_validate(data)
    except ValidationError as error:
        problems += [_problem(each, lines, file) for each in error.errors()]
        raise ConfigError(_in_order(problems)) from None
    if problems:
        raise ConfigError(_in_order(problems))
    return settings


def _yaml_problem(error: yaml.YAMLError, file: str) -> str:
    mark = getattr(error, "problem_mark", None)
    line = mark.line + 1 if mark else 1
    what = getattr(error, "problem", None) or str(error)
    return f"{file}:{line}: not valid YAML: {what}"


def _index(
    node: yaml.Node, path: _Path, lines: dict[_Path, int], problems: list[str], file: str
) -> None:
    """Remember the line of every key; report keys that stand twice (YAML would drop one)."""
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            name = str(key.value)
            line = key.start_mark.line + 1
            if name in seen:
                problems.append(
                    f"{file}:{line}: {_dotted((*path, name))}: stands here a second time"
                )
            seen.add(name)
            lines[(*path, name)] = line
            _index(value, (*path, name), lines, problems, file)
    elif isinstance(node, yaml.SequenceNode):
        for position, value in enumerate(node.value):
            _index(value, (*path, position), lines, problems, file)


def _problem(error: Any, lines: dict[_Path, int], file: str) -> str:
    path: _Path = tuple(error["loc"])
    known = path
    while known and known not in lines:
        known = known[:-1]
    line = lines.get(known, 1)
    found = error.get("input")
    if error["type"] == "extra_forbidden":
        expected = "no such key here; see the comments in sites.yaml for those there are"
        return f"{file}:{line}: {_dotted(path)}: {expected}"
    message = re.sub(r"^Value error, ", "", str(error["msg"]))
    shown = f", found {_kind(found)}" if error["type"] != "value_error" else ""
    return f"{file}:{line}: {_dotted(path)}: {message}{shown}"


def _dotted(path: _Path) -> str:
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text or "(file)"


def _kind(value: Any) -> str:
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    if value is None:
        return "nothing"
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _in_order(problems: list[str]) -> list[str]:
    def line_of(problem: str) -> int:
        match = re.match(r".*?:(\d+): ", problem)
        return int(match.group(1)) if match else 0

    return sorted(dict.fromkeys(problems), key=line_of)
