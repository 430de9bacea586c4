"""YAML as connection files have it: what is taken, what is refused, and where things stand."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import onehttp
from onehttp.connections.file.document import MAX_VALUES, parse_document, read_document


def refusal(text: str) -> str:
    with pytest.raises(onehttp.ConfigurationError) as caught:
        parse_document(text, "f.yaml")
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "f.yaml: empty; start with 'version: 1'"),
        ("# nothing\n", "f.yaml: empty; start with 'version: 1'"),
        ("null\n", "f.yaml: empty; start with 'version: 1'"),
        ("a: 1\n---\nb: 2\n", "f.yaml:2:1: a second document; one file holds one"),
        ("a:\n\tb: 1\n", "f.yaml:2:1: not valid YAML: found character"),
        ("a: [1, 2\nb: 3\n", "f.yaml:2:2: not valid YAML"),
        ("a: &x 1\nb: *y\n", "f.yaml:2:4: b: the alias *y names nothing that stands before"),
        ("a: &x [*x]\n", "f.yaml:1:8: a.0: the alias *x names nothing that stands before"),
        ("a: {<<: 1}\n", "f.yaml:1:9: a: '<<' takes a mapping, or a list of them"),
        ("[a]: 1\n", "f.yaml:1:1: a key must be a word"),
        ("a: !!python/object/apply:os.system [id]\n", "f.yaml:1:4: a: the tag tag:yaml.org,2002:p"),
        ("a: !include b.yaml\n", "f.yaml:1:4: a: the tag !include is not allowed"),
        ("a: !!int x\n", "f.yaml:1:4: a: not a value"),
        ("[" * 50 + "]" * 50, "f.yaml:1:21: 0.0.0"),
        ("[" * 100_000, "f.yaml:1:1001: not valid YAML: exceeded maximum nesting depth"),
        ("a: 'x\n", "f.yaml:2:1: not valid YAML"),
        ("a: \x07\n", "f.yaml: not valid YAML"),
    ],
)
def test_what_is_refused_is_named_with_its_place(text: str, said: str) -> None:
    assert refusal(text).startswith(said)


def test_a_bomb_of_aliases_is_refused_before_anything_is_built() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [
        f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 20)
    ]  # 9 ** 20, expanded
    assert f"more than {MAX_VALUES} values, aliases expanded" in refusal("\n".join(lines))


def test_values_are_what_yaml_says_and_stand_where_they_stand() -> None:
    document = parse_document("a: [1, 0x1F, 2.5, true, null, 'x', ~]\nb:\n  c: 2024-01-01\n", "f")
    assert document.values == {
        "a": (1, 31, 2.5, True, None, "x", None),
        "b": {"c": "2024-01-01"},
    }
    assert document.place(("a", 2)) == (1, 14)
    assert document.place(("b", "c")) == (3, 6)
    assert document.place(("b", "c"), of_key=True) == (3, 3)
    assert document.place(("b", "no such key")) == (3, 3)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("010", "010 is 8 to YAML 1.1, a number of base 8; write 8, or quotes"),
        ("-0_17", "-0_17 is -15 to YAML 1.1, a number of base 8; write -15"),
        ("+012", "+012 is 10 to YAML 1.1, a number of base 8"),
        ("1:30", "1:30 is 90 to YAML 1.1, a number of base 60; write 90, or quotes"),
        ("1:30.5", "1:30.5 is 90.5 to YAML 1.1, a number of base 60; write 90.5"),
        ("190:20:30", "190:20:30 is 685230 to YAML 1.1, a number of base 60"),
    ],
)
def test_a_number_that_only_yaml_reads_so_is_refused(text: str, said: str) -> None:
    for written in (f"a: {text}\n", f"a: [{text}]\n", f"a: &x {text}\nb: *x\n"):
        assert said in refusal(written)
    assert parse_document(f"a: '{text}'\nheaders: {{X: {text}}}\n", None).values == {
        "a": text,
        "headers": {"X": text},
    }


def test_numbers_that_everybody_reads_so_are_taken() -> None:
    text = "[0, 00, 8, 1_000, -12, 0x1F, 0b11, 0.5, 010.5, '1:30', 08, 1:60]"
    assert parse_document(text, None).values == (
        *(0, 0, 8, 1000, -12, 31, 3, 0.5, 10.5, "1:30", "08", "1:60"),
    )


def test_headers_and_params_are_taken_as_they_are_written() -> None:
    text = (
        "headers: {a: on, b: 010, c: 1.50, d: 12:30, e: , f: 'x'}\nparams: {a: [no, 0x1F]}\nx: on\n"
    )
    assert parse_document(text, None).values == {
        "headers": {"a": "on", "b": "010", "c": "1.50", "d": "12:30", "e": "", "f": "x"},
        "params": {"a": ("no", "0x1F")},
        "x": True,
    }


def test_merge_keys_fill_what_is_missing_and_keep_their_places() -> None:
    text = "one: &one {a: 1, b: 1}\ntwo: &two {b: 2, c: 2}\nboth:\n  <<: [*one, *two]\n  a: 3\n"
    document = parse_document(text, None)
    assert document.values["both"] == {"a": 3, "b": 1, "c": 2}
    assert document.place(("both", "a")) == (5, 6)
    assert document.place(("both", "b")) == (1, 21)
    assert document.place(("both", "c")) == (2, 21)


def test_a_byte_order_mark_is_no_part_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "f.yaml"
    path.write_bytes(b"\xef\xbb\xbfversion: 1\n")
    assert read_document(str(path)).values == {"version": 1}


def test_a_pipe_in_its_place_is_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "f.yaml"
    os.mkfifo(path)
    with pytest.raises(onehttp.ConfigurationError, match="cannot be read: Not a regular file"):
        read_document(str(path))


def test_bytes_are_given_in_base64() -> None:
    text = 'a: !!binary "Y2Fm6Q=="\nb: !!binary |\n  Y2Fm\n  w6k=\n'
    assert parse_document(text, "f").values == {"a": "caf\udce9", "b": "caf\u00e9"}
    assert refusal("a: !!binary Y2F\n").startswith("f.yaml:1:4: a: not a value")


@pytest.mark.parametrize("tag", ["!!binary", "!!int", "!!null"])
def test_a_key_has_no_tag(tag: str) -> None:
    assert refusal(f"a:\n  {tag} 1: x\n").endswith("a key is a word, and has no tag")
    assert parse_document("!!str a: 1\n", "f").values == {"a": 1}
