"""YAML nodes: text stays text, places are right, nothing dangerous or ambiguous gets through."""

import json
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.yamlnodes import MAX_DEPTH, ListNode, MapNode, Plain, load_nodes, parse_nodes, plain

FILE = Path("file.yaml")


def value(text: str) -> Plain:
    node, findings = parse_nodes(text, FILE)
    assert node is not None, findings
    return plain(node)


def faults(text: str) -> list[str]:
    node, findings = parse_nodes(text, FILE)
    assert (node is None) is bool(findings)
    return [str(finding) for finding in findings]


@pytest.mark.parametrize(
    "word",
    ["+4915112345", "0123", "no", "on", "0x1F", "1_000", "12:30:00", "1e3", "2026-11-22", "true", "=", "<"],
)
def test_scalars_stay_the_text_that_was_written(word: str) -> None:
    assert value(f"key: {word}") == {"key": word}
    assert value(f"{word}: x") == {word: "x"}


@pytest.mark.parametrize("nothing", ["", "~", "null", "!!null ''"])
def test_nothing_is_none(nothing: str) -> None:
    assert value(f"key: {nothing}\nother: x") == {"key": None, "other": "x"}


@pytest.mark.parametrize("quoted", ['""', '"null"', "'~'"])
def test_quoted_text_is_never_nothing(quoted: str) -> None:
    assert value(f"key: {quoted}") == {"key": quoted.strip("'\"")}


def test_nodes_know_their_places() -> None:
    node, _ = parse_nodes('first: 1\nlist:\n  - ä: b\n    c: [d, "e"]\n', FILE)
    assert isinstance(node, MapNode)
    items = node.entries["list"]
    assert isinstance(items, ListNode)
    item = items.items[0]
    assert isinstance(item, MapNode)
    inner = item.entries["c"]
    assert isinstance(inner, ListNode)
    assert [(n.line, n.column) for n in (node, items, item, inner, inner.items[1])] == [
        (1, 1),
        (3, 3),
        (3, 5),
        (4, 8),
        (4, 12),
    ]
    assert (node.keys["list"].line, node.keys["list"].column) == (2, 1)
    assert (item.entries["ä"].line, item.entries["ä"].column) == (3, 8)


def test_windows_line_ends_and_byte_order_marks(tmp_path: Path) -> None:
    file = tmp_path / "file.yaml"
    file.write_bytes(b"\xef\xbb\xbfa: 1\r\nb:\r\n  - x\r\n")
    node, findings = load_nodes(file)
    assert not findings
    assert isinstance(node, MapNode)
    assert (plain(node), node.entries["b"].line) == ({"a": "1", "b": ["x"]}, 3)


def test_equal_keys_are_all_reported() -> None:
    assert faults("a: 1\nb: 2\na: 3\nc: {d: 1, d: 2}\n") == [
        "file.yaml:3:1: key 'a' stands already at line 1",
        "file.yaml:4:11: key 'd' stands already at line 4",
    ]


def test_keys_that_differ_only_as_yaml_numbers_are_different() -> None:
    assert value("1: a\n01: b\n") == {"1": "a", "01": "b"}


def test_aliases_are_written_out() -> None:
    assert value("a: &x {b: c}\nd: *x\ne: [*x]") == {"a": {"b": "c"}, "d": {"b": "c"}, "e": [{"b": "c"}]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: *x", "file.yaml:1:4: alias '*x' has no anchor before it"),
        ("&x [1, *x]", "file.yaml:1:8: alias '*x' stands inside its own anchor"),
        ("a: !!python/object/apply:os.system [ls]", "'!!python/object/apply:os.system' is not allowed"),
        ("a: !include b.yaml", "file.yaml:1:4: tag '!include' is not allowed"),
        ("a: &x {b: c}\nd:\n  <<: *x", "file.yaml:3:3: merge keys ('<<') are not supported"),
        ("? [a, b]\n: c", "file.yaml:1:3: a key must be a single word or text"),
        ("a: 1\n---\nb: 2", "file.yaml:2:1: a second document ('---') is not allowed"),
        ("", "file.yaml:1:1: is empty"),
        ("# nothing\n", "file.yaml:1:1: is empty"),
        ("a: \x07", "file.yaml:1:4: control character U+0007 is not allowed"),
        ("a: 'b", "file.yaml:1:6: found unexpected end of stream"),
        ("a:\n\tb: c", "file.yaml:2:1: indentation must be made of blanks, not of tabs"),
        ("[" * 1_000_000, f"file.yaml:1:{MAX_DEPTH + 2}: nested deeper than {MAX_DEPTH} levels"),
    ],
)
def test_what_cannot_be_read_has_one_finding(text: str, message: str) -> None:
    found = faults(text)
    assert len(found) == 1
    assert message in found[0]


def test_alias_bombs_are_refused_quickly() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30)]
    began = time.process_time()
    found = faults("\n".join(lines))
    assert len(found) == 1
    assert "has more than 200000 values, aliases written out" in found[0]
    assert time.process_time() - began < 5  # written out it would be 10**30 values


def test_unreadable_files_have_a_finding(tmp_path: Path) -> None:
    missing = tmp_path / "missing.yaml"
    assert [str(f) for f in load_nodes(missing)[1]] == [
        f"{missing}:1:1: cannot be read: No such file or directory"
    ]
    latin = tmp_path / "latin.yaml"
    latin.write_bytes("a: x\nb: \u00e4\n".encode("latin-1"))
    assert [str(f) for f in load_nodes(latin)[1]] == [f"{latin}:2:4: is not UTF-8 text from here on"]
    large = tmp_path / "large.yaml"
    large.write_bytes(b"#" * (4 * 1024 * 1024 + 1))
    assert [str(f) for f in load_nodes(large)[1]] == [f"{large}:1:1: is larger than 4 MiB"]


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.text(alphabet="ab:-[]{}&*!|>'\"#%@`,?\n\t ~<0\u00e4\x00\ud800", max_size=60))
def test_no_text_breaks_the_reader(text: str) -> None:
    node, findings = parse_nodes(text, FILE)
    assert (node is None) is bool(findings)
    for finding in findings:
        assert finding.line >= 1
        assert finding.column >= 1


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    st.recursive(
        st.text(max_size=8), lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=8), inner)
    )
)
def test_json_reads_as_itself(data: object) -> None:
    text = json.dumps(data, ensure_ascii=False)
    if text.isprintable() and '"<<"' not in text:
        node, findings = parse_nodes(text, FILE)
        assert not findings
        assert node is not None
        assert plain(node) == data
