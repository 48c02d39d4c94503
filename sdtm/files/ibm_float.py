"""IBM System/360 floating point, as SAS XPORT stores numbers: big-endian, one sign bit, a power of 16, 56 bits of fraction.

Source: SAS, "Record Layout of a SAS Version 5 or 6 Data Set in SAS Transport (XPORT) Format" (TS-140). Bit 0 is the sign,
bits 1 to 7 the exponent of 16 plus 64, bits 8 to 63 the fraction. A missing value is the byte `.`, `_` or `A` to `Z`
followed by zero bytes. An IEEE double (53 bits) always fits the fraction; the ranges differ (IBM: 5.4e-79 to 7.2e75).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

FRACTION = np.uint64((1 << 56) - 1)
MISSING = np.uint64(0x2E << 56)
SPECIAL = frozenset(b"._ABCDEFGHIJKLMNOPQRSTUVWXYZ")

SMALLEST = 16.0**-65
TOO_LARGE = 16.0**63


def fits(values: NDArray[Any]) -> NDArray[Any]:
    """Which of these doubles an IBM float holds: zero, and SMALLEST <= |x| < TOO_LARGE (not NaN, not infinite)."""
    size = np.abs(values)
    held: NDArray[Any] = (size == 0) | ((size >= SMALLEST) & (size < TOO_LARGE))
    return held


def encode(values: NDArray[Any]) -> NDArray[Any]:
    """Doubles as IBM floats in native uint64. Exact for every value that `fits`; undefined for others."""
    mantissa, exponent = np.frexp(np.abs(values))
    power = -(-exponent // 4)
    fraction = np.ldexp(mantissa, 56 - (4 * power - exponent)).astype(np.uint64)
    biased = np.where(fraction == 0, 0, power + 64).astype(np.uint64)
    sign = np.signbit(values).astype(np.uint64)
    bits: NDArray[Any] = (sign << np.uint64(63)) | (biased << np.uint64(56)) | fraction
    return bits


def decode(bits: NDArray[Any]) -> NDArray[Any]:
    """IBM floats in native uint64 as doubles; fractions of more than 53 bits are rounded (see `returns`)."""
    fraction = (bits & FRACTION).astype(np.float64)
    power = ((bits >> np.uint64(56)) & np.uint64(0x7F)).astype(np.int32)
    size = np.ldexp(fraction, 4 * (power - 64) - 56)
    values: NDArray[Any] = np.where(bits >> np.uint64(63), -size, size)
    return values


def is_missing(bits: NDArray[Any]) -> NDArray[Any]:
    """Which of these stand for a missing value: no fraction, and a first byte of `.`, `_`, `A` to `Z`."""
    lead = (bits >> np.uint64(56)).astype(np.uint8)
    missing: NDArray[Any] = ((bits & FRACTION) == 0) & np.isin(lead, np.frombuffer(bytes(SPECIAL), np.uint8))
    return missing


def returns(bits: NDArray[Any]) -> NDArray[Any]:
    """Which of these come back bit by bit from `encode(decode(bits))`.

    Not those a mainframe stored with more than 53 bits, in unnormalised form, or zero with an exponent.
    """
    same: NDArray[Any] = encode(decode(bits)) == bits
    return same
