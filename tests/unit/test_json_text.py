"""JSON in and out: what is read can be written again, and texts survive byte for byte."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import FieldError, UnreadableInput
from engine.json_text import DEPTH_MAX, raw, read, write

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=15,
)


def refused(data: bytes) -> FieldError:
    with pytest.raises(UnreadableInput) as error:
        read(data)
    (one,) = error.value.errors
    return one


def refusal(data: bytes) -> str:
    return refused(data).allowed


# --- members --------------------------------------------------------------------------------------------------------


def test_members_are_as_they_were_given() -> None:
    members = {
        "integer": "9223372036854775808",
        "float": "1.0",
        "exponent": "1E+2",
        "order": '{ "b" : 1,\t"a":[ 2 ,3 ] }',
        "escapes": r'"\u00e9\/\"\\ {[,:]}"',
        "null": "null",
        "empty": '""',
        "deep": '{"a":{"b":{"c":[]}}}',
    }
    text = "{" + " ,\n".join(f'"{name}" \r\n:\t{value} ' for name, value in members.items()) + "}"
    document = read(f" \n{text}\t ".encode())
    assert document.text == text
    assert document.members == members
    assert list(document.members) == list(members)


def test_names_of_members_are_unescaped() -> None:
    assert read(rb'{"\u0061\"}": 1}').members == {'a"}': "1"}


def test_the_last_of_two_with_one_name_counts() -> None:
    document = read(b'{"a": 1, "b": 2, "a": [3]}')
    assert document.value == {"a": [3], "b": 2}
    assert document.members == {"a": "[3]", "b": "2"}


@pytest.mark.parametrize("text", ["{}", "{ }", "[]", '[{"a": 1}]', '"text"', "17", "null", "true"])
def test_only_objects_have_members(text: str) -> None:
    document = read(text.encode())
    assert (document.text, document.members) == (text, {})


@given(st.dictionaries(TEXT, VALUES, max_size=5), st.sampled_from([None, 1, "\t"]), st.booleans())
def test_each_member_reads_as_its_value(value: dict[str, Any], indent: int | str | None, ascii_only: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    document = read(text.encode())
    assert document.value == value
    assert {name: json.loads(member) for name, member in document.members.items()} == value
    assert all(member in text for member in document.members.values())


# --- what is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [b"", b" \n", b"{", b'{"a":}', b"{'a':1}", b"[1,]", b"{} {}", b"01", b"nul"])
def test_refuses_what_is_no_json(data: bytes) -> None:
    assert "valid JSON" in refusal(data)


def test_names_the_place() -> None:
    assert "line 2, column 6" in refusal(b'{"a": 1,\n "b" 2}')


@pytest.mark.parametrize("data", [b"\x0b1", b"\xa01", b"\xc2\xa01", b"\x00", b'"\x00"', b'"a\nb"'])
def test_refuses_white_space_and_control_characters_json_does_not_know(data: bytes) -> None:
    refusal(data)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999"])
@pytest.mark.parametrize(("around", "field"), [("{}", ""), ("[0, {}]", "1"), ('{{"a": [{{"b": {}}}]}}', "a.0.b")])
def test_refuses_numbers_that_are_none_and_says_where(number: str, around: str, field: str) -> None:
    error = refused(around.format(number).encode())
    assert (error.field, error.value) == (field, number)


@pytest.mark.parametrize("number", ["NaN", "1e999"])
def test_refuses_them_also_where_a_later_member_hides_them(number: str) -> None:
    """The text is what is kept and sent, so it counts, not only the value."""
    assert refused(f'{{"a": {number}, "a": 1}}'.encode()).value == number


def test_numbers_at_the_ends_of_the_range_are_fine() -> None:
    assert read(b"[1.7976931348623157e308, 1e-999]").value == [1.7976931348623157e308, 0.0]


def test_refuses_an_integer_of_5000_digits() -> None:
    assert "digits" in refusal(b"1" * 5_000)


def test_refuses_a_byte_order_mark() -> None:
    refusal(b"\xef\xbb\xbf{}")


@pytest.mark.parametrize("data", [b'"\xff"', b'"\xc3"', b'"\xed\xa0\x80"', '"é"'.encode("latin-1"), b"\xff\xfe1\0"])
def test_refuses_what_is_no_utf8(data: bytes) -> None:
    assert "UTF-8" in refusal(data)


@pytest.mark.parametrize(
    "data",
    [rb'"\ud800"', rb'"\udfff"', rb'{"\ud800": 1}', rb'[{"a": ["\udc00\ud800"]}]', rb'{"a": {"b\ud83d": 0}}'],
)
def test_refuses_lone_surrogates(data: bytes) -> None:
    assert "surrogate" in refusal(data)


def test_surrogates_in_pairs_are_fine() -> None:
    assert read(rb'{"\ud83d\ude00": "\ud83d\ude00"}').value == {"\U0001f600": "\U0001f600"}


def test_an_escaped_backslash_is_no_surrogate() -> None:
    assert read(rb'"\\ud800"').value == "\\ud800"


# --- depth ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 10_000,
        b"[" * 10_000 + b"]" * 10_000,
        b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
        b'{"a":' + b"[" * DEPTH_MAX + b"]" * DEPTH_MAX + b"}",
    ],
)
def test_refuses_what_is_too_deep(data: bytes) -> None:
    assert f"{DEPTH_MAX} levels" in refusal(data)


def test_just_deep_enough() -> None:
    text = b"[" * DEPTH_MAX + b"]" * DEPTH_MAX
    assert read(text).text == text.decode()
    assert write(read(text).value) == text


def test_wide_is_not_deep() -> None:
    assert len(read(b"[" + b",".join([b"[{}]"] * 1_000) + b"]").value) == 1_000


@pytest.mark.parametrize("text", ["[{" * 10_000, '\\"[{' * 10_000, "\\\\" + "[" * 200, "[" * 200 + "\\\\"])
def test_brackets_in_strings_do_not_count(text: str) -> None:
    assert read(f'{{"{text}": "{text}"}}'.encode()).members == {json.loads(f'"{text}"'): f'"{text}"'}


# --- writing --------------------------------------------------------------------------------------------------------


def test_raw_text_is_copied_as_it_is() -> None:
    text = '{ "b":1.0, "a":9223372036854775808 }'
    assert write({"payload": raw(text), "none": raw(None)}) == f'{{"payload":{text},"none":null}}'.encode()


def test_integers_beyond_64_bits_travel_as_text() -> None:
    document = read(b"123456789012345678901234")
    assert write([raw(document.text)]) == b"[123456789012345678901234]"
    with pytest.raises(TypeError):
        write(document.value)


@given(VALUES)
def test_what_was_read_can_be_written_again(value: Any) -> None:
    document = read(json.dumps(value).encode())
    assert json.loads(write(raw(document.text))) == value
    # A string that holds every text shows that the characters can be written, whatever the numbers.
    write(json.dumps(document.value, ensure_ascii=False))
