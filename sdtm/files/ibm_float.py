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
SIGN = np.uint64(1 << 63)
FIRST_DIGIT = np.uint64(0xF << 52)
LAST_BITS = np.uint64(0b111)
STANDS_FOR_MISSING = np.isin(np.arange(256), list(b"._ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
"""By first byte."""
SCALE = np.ldexp(np.repeat((1.0, -1.0), 128), np.tile(4 * (np.arange(128) - 64) - 56, 2))
"""What a fraction is multiplied by, by first byte (sign and exponent)."""

SMALLEST = 16.0**-65
TOO_LARGE = 16.0**63
LEAST_EXPONENT = 1023 - 260  # the double's, of 16^-65 = 2^-260


def fits(values: NDArray[Any]) -> NDArray[Any]:
    """Which of these doubles an IBM float holds: zero, and SMALLEST <= |x| < TOO_LARGE (not NaN, not infinite)."""
    size = np.abs(values)
    held: NDArray[Any] = (size == 0) | ((size >= SMALLEST) & (size < TOO_LARGE))
    return held


def encode(values: NDArray[Any]) -> NDArray[Any]:
    """Doubles as IBM floats in native uint64. Exact for every value that `fits`; undefined for others.

    A double is 1.f times 2^(e - 1023). Its 53 bits are moved up by 0 to 3 places, to where the power of two that is
    left is one of sixteen. All that fit are normal numbers, save zero. Minus zero is zero: a sign without a fraction is a
    missing value to TS-140's own C code, and to ReadStat.
    """
    ieee = np.ascontiguousarray(values, np.float64).view(np.uint64)
    exponent = (ieee >> np.uint64(52)) & np.uint64(0x7FF)
    bits: NDArray[Any] = (ieee & np.uint64((1 << 52) - 1)) | np.uint64(1 << 52)
    bits <<= (exponent + np.uint64(1)) & np.uint64(3)
    bits |= ((exponent - np.uint64(LEAST_EXPONENT)) >> np.uint64(2)) << np.uint64(56)
    bits |= ieee & SIGN
    bits[values == 0] = 0
    return bits


def decode(bits: NDArray[Any]) -> NDArray[Any]:
    """IBM floats in native uint64 as doubles; fractions of more than 53 bits are rounded (see `returns`)."""
    values: NDArray[Any] = (bits & FRACTION).astype(np.float64)
    values *= SCALE[bits >> np.uint64(56)]
    return values


def is_missing(bits: NDArray[Any]) -> NDArray[Any]:
    """Which of these stand for a missing value: no fraction, and a first byte of `.`, `_`, `A` to `Z`."""
    missing: NDArray[Any] = bits == MISSING
    others = np.flatnonzero(((bits & FRACTION) == 0) & (bits != 0) & ~missing)
    missing[others] = STANDS_FOR_MISSING[bits[others] >> np.uint64(56)]
    return missing


def returns(bits: NDArray[Any]) -> NDArray[Any]:
    """Which of these come back bit by bit from `encode(decode(bits))`.

    Not those a mainframe stored with more than 53 bits, in unnormalised form, or zero with an exponent.
    """
    same: NDArray[Any] = ((bits & FIRST_DIGIT) != 0) & ((bits & LAST_BITS) == 0)  # normalised, and 53 bits at most
    same |= bits == 0
    doubtful = np.flatnonzero(~same)
    if len(doubtful):
        asked = bits[doubtful]
        same[doubtful] = encode(decode(asked)) == asked
    return same
