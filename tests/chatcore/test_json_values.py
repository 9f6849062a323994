"""JSON is read a value at a time, whatever is wrong with it."""

import io
import json
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatcore import json_values
from chatcore.json_values import Spoiled, build, values

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**12), 10**12) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def read(content: bytes | str) -> list[object]:
    return list(values(io.BytesIO(content if isinstance(content, bytes) else content.encode())))


@given(st.lists(JSON, max_size=5), st.sampled_from([None, 2]), st.booleans())
def test_an_array_is_read_as_the_standard_library_reads_it(items: list[object], indent: int | None, ascii_only: bool) -> None:
    assert read(json.dumps(items, indent=indent, ensure_ascii=ascii_only)) == items


@given(st.lists(st.dictionaries(st.text(), JSON, max_size=3), min_size=1, max_size=5))
def test_lines_are_read_one_by_one(items: list[object]) -> None:
    assert read("\n".join(map(json.dumps, items))) == items


@given(JSON.filter(lambda value: isinstance(value, list | dict)))
def test_the_way_without_recursion_reads_the_same(value: object) -> None:
    assert build(json.dumps(value, indent=1)) == value


@given(st.binary(max_size=300))
def test_any_bytes_end_in_values_and_reasons(content: bytes) -> None:
    assert read(content) or content.strip() in (b"[]", b"[ ]", b"[,]") or b"]" in content


@pytest.mark.parametrize("size", [1, 7, 64])
def test_how_the_file_is_cut_into_chunks_does_not_matter(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_values, "CHUNK_BYTES", 1)
    content = '[{"a": "é\\u00e9\\n\\"]}", "b": [1.5e3, true, null]}, -12345, "x", {"c": {}}, bad, {"d": "ende"}]'
    slow: BinaryIO = Slow(content.encode(), size)
    found = list(values(slow))
    assert [value for value in found if not isinstance(value, Spoiled)] == [
        {"a": 'éé\n"]}', "b": [1500.0, True, None]}, -12345, "x", {"c": {}}, {"d": "ende"}
    ]  # fmt: skip
    assert len(found) == 6


class Slow(io.BytesIO):
    """A stream that gives at most so many bytes at a time."""

    def __init__(self, content: bytes, size: int) -> None:
        super().__init__(content)
        self.size = size

    def read(self, wanted: int | None = -1) -> bytes:
        return super().read(self.size)


def test_a_broken_value_does_not_take_the_next_one_with_it() -> None:
    found = read('[{"a": 1}, {"b": }, {"c": [1, 2}, nothing, {"d": 4}]')
    assert found[0] == {"a": 1}
    assert found[-1] == {"d": 4} or Spoiled("it is no valid JSON (Expecting ',' delimiter)") in found
    assert read('{"a": 1}\n{"b": }\n{"c": 3}\n') == [{"a": 1}, Spoiled("it is no valid JSON (Expecting value)"), {"c": 3}]


def test_a_file_that_was_cut_off_says_so() -> None:
    assert read('[{"a": 1}, {"b": "x')[0] == {"a": 1}
    assert Spoiled("the file ends too early: a part of it is missing") in read('[{"a": 1}, {"b": "x')
    assert read("") == [Spoiled("the file is empty")]


def test_what_is_nested_deep_is_read_and_what_is_nested_too_deep_is_passed_over() -> None:
    def nested(depth: int) -> str:
        return '{"children": [' * depth + "1" + "]}" * depth

    found = read(f'[{{"x": 1}}, {nested(3000)}, {nested(100_000)}, {{"y": 2}}]')
    value = found[1]
    for _ in range(3000):
        assert isinstance(value, dict)
        value = value["children"][0]
    assert value == 1
    assert found[2:] == [Spoiled("it is nested more than 20,000 deep"), {"y": 2}]


def test_a_value_that_is_too_long_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_values, "CHUNK_BYTES", 100)
    monkeypatch.setattr(json_values, "LONGEST_VALUE", 1_000)
    found = read(json.dumps([{"a": 1}, {"long": ["word"] * 5_000}, {"b": "x" * 20_000}, "y" * 20_000, {"c": 3}]))
    assert [type(value) for value in found] == [dict, Spoiled, Spoiled, Spoiled, dict]
    assert found[1] == Spoiled("it is larger than 0 MB")


def test_a_text_without_an_end_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_values, "LONGEST_VALUE", 2_000_000)
    stream = Endless(b'[{"text": "', b"a" * 1000, 50_000_000)
    assert all(isinstance(value, Spoiled) for value in values(stream))
    assert stream.most_read < 20_000_000


class Endless(io.BytesIO):
    """Some bytes, then others again and again; remembers the most that was asked for at once."""

    def __init__(self, head: bytes, body: bytes, size: int) -> None:
        super().__init__(head)
        self.body, self.left, self.most_read = body, size, 0

    def read(self, wanted: int | None = -1) -> bytes:
        self.most_read = max(self.most_read, wanted or 0)
        if head := super().read():
            return head
        given = min(self.left, wanted or 0)
        self.left -= given
        return (self.body * (given // len(self.body) + 1))[:given]
