"""JSON in and out with every number as it was."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialbridge.base.errors import DoesNotFitError, UnreadableInputError
from trialbridge.fhir.jsontext import decode, encode, pretty


@pytest.mark.parametrize(
    "text", ["23.50", "0.40", "1E-22", "1.0E-7", "5", "-0.0", "1.00", "66.899999999999991", "9223372036854775808"]
)
def test_numbers_keep_their_text(text):
    """A decimal would lose its precision (R4 json.html: it has significance)."""
    assert encode(decode(text)) == text.encode()
    assert isinstance(decode(text), int) is text.isdigit()


@pytest.mark.parametrize(("text", "written"), [("1e3", "1E+3"), ("0.0000001", "1E-7")])
def test_exponents_keep_value_and_precision(text, written):
    """A number in another notation would change its value."""
    assert encode(decode(text)) == written.encode()
    assert Decimal(text).as_tuple() == Decimal(written).as_tuple()


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_any_decimal_comes_back(number):
    """Some decimal comes back as another."""
    back = decode(encode([number, 1]))[0]
    assert Decimal(back).compare_total(number) == 0 or (isinstance(back, int) and back == number)


@pytest.mark.parametrize(
    "broken",
    [
        b'{"a":',
        b"",
        b"\x00\x01",
        b"NaN",
        b'{"a":"\xff"}',
        b'{"a":1} x',
        b"[" * 100_000,
        b'{"a":1e999999999999999999999}',
    ],
)
def test_broken_json_is_an_error_with_a_reason(broken):
    """Broken input would end in a traceback."""
    with pytest.raises(UnreadableInputError):
        decode(broken)


def test_a_byte_order_mark_is_passed_over():
    """A file saved by Windows tools could not be read."""
    assert decode(b"\xef\xbb\xbf{}") == {}


@pytest.mark.parametrize("value", [{"a": Decimal("NaN")}, {"a": object()}, {"a": "\ud800"}])
def test_what_json_cannot_hold_is_refused(value):
    """Something that is not JSON would be written."""
    with pytest.raises(DoesNotFitError):
        encode(value)


def test_the_word_nan_in_a_string_is_no_number():
    """A text with NaN in it would be refused."""
    assert encode({"a": "NaN"}) == b'{"a":"NaN"}'


def test_pretty_keeps_numbers():
    """The indented form would write numbers otherwise."""
    text = pretty({"v": Decimal("23.50"), "w": Decimal("1E-22")})
    assert b"23.50" in text
    assert json.loads(text, parse_float=Decimal) == {"v": Decimal("23.50"), "w": Decimal("1E-22")}
