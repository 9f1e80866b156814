"""sites.yaml: everything is optional, and every mistake is named with its line."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from linkup.config import Settings, load, parse, schema
from linkup.errors import ConfigError

ROOT = Path(__file__).parent.parent


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(text)
    return caught.value.problems


def test_nothing_is_needed() -> None:
    assert parse("") == Settings()
    assert [site.id for site in Settings().sites] == ["main"]


def test_the_example_is_right_and_follows_the_published_schema() -> None:
    settings = load(ROOT / "sites.yaml")
    assert len(settings.halls) == 1
    data = yaml.safe_load((ROOT / "sites.yaml").read_text(encoding="utf-8"))
    jsonschema.validate(data, schema())


def test_the_published_schema_is_the_real_one() -> None:
    published = json.loads((ROOT / "docs" / "sites.schema.json").read_text(encoding="utf-8"))
    assert published == json.loads(json.dumps(schema())), "run `linkup check --schema` into it"


def test_every_mistake_at_once_with_its_line() -> None:
    text = (
        "halls:\n  - id: Bad Id\n    nam: x\n"
        "server:\n  port: 99999\n  port: 8080\n"
        "progam: {}\n"
        "program: {width: 1280, height: 1080}\n"
    )
    found = problems(text)
    assert [each.split(": ")[:2] for each in found] == [
        ["sites.yaml:2", "halls[0].id"],
        ["sites.yaml:3", "halls[0].nam"],
        ["sites.yaml:6", "server.port"],
        ["sites.yaml:7", "progam"],
        ["sites.yaml:8", "program"],
    ]
    assert "a second time" in found[2]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("halls: [", "not valid YAML"),
        ("- a\n- b\n", "expected keys"),
        ("halls: []\n", "needs at least one site"),
        ("branches:\n - {id: a}\n - {id: a}\n", "used more than once: a"),
        ("branches:\n - {id: program}\n", "reserved"),
        ("consultation: {id: keys}\n", "choose another id"),
        ("server: {tls: {mode: files}}\n", "needs 'certificate' and 'key'"),
        ("outputs: [{name: x, url: 'http://a'}]\n", "rtmps?"),
        ("server: {port: eighty}\n", "found 'eighty'"),
    ],
)
def test_words(text: str, word: str) -> None:
    assert any(word in each for each in problems(text))


def test_a_text_may_be_one_string() -> None:
    site = parse("halls: [{id: a, name: 长沙}]").halls[0]
    assert site.name.in_language("en") == "长沙"
    assert parse("halls: [{id: a, name: {en: Hall}}]").halls[0].name.in_language("zh") == "Hall"


def test_no_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        load(tmp_path / "none.yaml")


@given(st.text(max_size=200))
def test_any_text_is_settings_or_a_config_error(text: str) -> None:
    try:
        parse(text)
    except ConfigError as error:
        assert error.problems
