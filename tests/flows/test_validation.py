"""Validation of nodes against models: types from the model, places from the nodes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field

from flows.findings import Finding
from flows.validation import STRICT, Strict, validate
from flows.yamlnodes import parse_nodes

FILE = Path("config.yaml")


class Number(Strict):
    number: str
    public: bool = False
    kind: Literal["normal", "virtual"] = "normal"
    weight: Annotated[int, Field(ge=0, le=10)] = 1


@dataclass(frozen=True)
class Trunk:
    __pydantic_config__ = STRICT
    host: str
    port: int | None = None
    password: Annotated[str, Field(min_length=8)] = "unset-password"


class Config(Strict):
    domain: str = "example.org"
    listen: list[str] = Field(default_factory=list)
    numbers: list[Number] = Field(default_factory=list)
    trunk: Trunk | None = None
    names: dict[str, str] = Field(default_factory=dict)
    seconds: float = 1.0
    workers: int | Literal["auto"] = "auto"


def check(text: str) -> tuple[Config | None, list[str]]:
    node, problems = parse_nodes(text, FILE)
    assert node is not None, problems
    findings: list[Finding] = []
    config = validate(node, Config, findings)
    assert (config is None) is bool(findings)
    return config, [str(finding).removeprefix("config.yaml:") for finding in findings]


def read(text: str) -> Config:
    config, findings = check(text)
    assert config is not None, findings
    return config


@pytest.mark.parametrize("text", ["+4915112345", "0123", "no", "1e3", "12.50", "true"])
def test_text_stays_text_where_text_is_wanted(text: str) -> None:
    assert read(f"domain: {text}").domain == text


@pytest.mark.parametrize(
    ("text", "meant"),
    [("true", True), ("yes", True), ("On", True), ("false", False), ("no", False), ("OFF", False)],
)
def test_yes_and_no_are_booleans_where_a_boolean_is_wanted(text: str, meant: bool) -> None:
    assert read(f"numbers: [{{number: 1, public: {text}}}]").numbers[0].public is meant


def test_numbers_where_numbers_are_wanted() -> None:
    config = read(
        'numbers: [{number: 100, weight: "7"}]\nseconds: 0.5\nworkers: 4\ntrunk: {host: 1.2, port: 5060}'
    )
    assert (config.numbers[0].number, config.numbers[0].weight) == ("100", 7)
    assert (config.seconds, config.workers) == (0.5, 4)
    assert config.trunk == Trunk(host="1.2", port=5060)


def test_a_key_without_a_value_counts_as_not_given() -> None:
    config = read("domain:\nlisten: ~\nnumbers:\n")
    assert (config.domain, config.listen, config.numbers) == ("example.org", [], [])


def test_every_fault_comes_with_its_place() -> None:
    assert check(
        """
domian: x
seconds: .nan
numbers:
  - {numbr: 4, public: perhaps, kind: nromal, weight: 11}
  - 100
  - number:
trunk: {hst: a, port: [3]}
names: {"1": }
listen: {a: b}
workers: many
"""
    )[1] == [
        "2:1: 'domian' is an unknown key; did you mean 'domain'?",
        "3:10: seconds: '.nan' is not a number",
        "5:5: 'number' is missing",
        "5:6: 'numbr' is an unknown key; did you mean 'number'?",
        "5:24: public: 'perhaps' is not true or false",
        "5:39: kind: 'nromal' is not one of normal, virtual; did you mean 'normal'?",
        "5:55: weight: '11' is more than 10",
        "6:5: numbers: '100' is not a mapping",
        "7:12: number: has no value",
        "8:8: 'host' is missing",
        "8:9: 'hst' is an unknown key; did you mean 'host'?",
        "8:23: port: a list is not a whole number",
        "9:14: 1: has no value",
        "10:9: listen: a mapping is not a list",
        "11:10: workers: 'many' is not a whole number or 'many' is not 'auto'",
    ]


def test_the_root_must_be_a_mapping() -> None:
    assert check("- a")[1] == ["1:1: a list is not a mapping"]


def test_passwords_are_not_repeated() -> None:
    findings = check("trunk: {host: a, password: hunter2}")[1]
    assert findings == ["1:28: password: the value is shorter than 8"]


def test_long_values_are_cut() -> None:
    assert len(check(f"seconds: {'x' * 500}")[1][0]) < 100


def test_models_that_would_ignore_unknown_keys_are_refused() -> None:
    class Loose(BaseModel):
        a: str = ""

    node, _ = parse_nodes("a: b", FILE)
    assert node is not None
    with pytest.raises(TypeError, match="Loose must refuse unknown keys"):
        validate(node, Loose, [])
