"""Text columns as blocks of bytes of one width, and back: whole Arrow buffers at a time, no Python object a cell.

polars holds texts as Arrow string views (Arrow columnar format, "Variable-size Binary View Layout"): 16 bytes a text, its
length first, then the text itself if it has at most 12 bytes, else four bytes of it, the number of a buffer and the place
therein. nanoarrow hands these buffers out without a copy, and takes offsets and bytes back.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import nanoarrow as na
import numpy as np
import polars as pl

if TYPE_CHECKING:
    from numpy.typing import NDArray

BLANK = np.uint8(32)
INLINE = 12
"""A text of at most so many bytes stands in its view."""
AT_ONCE = 1 << 25
"""Bytes of a column that are made texts at a time, to bound memory."""
WIDEST_TABLE = 256
"""For columns up to this width it is worked out once where a text of each size ends."""
TEXTS = na.c_schema(na.large_string())
VIEWS = na.c_schema(na.string_view())
NUMBERS = na.c_schema(na.float64())


class Texts(NamedTuple):
    """A column as polars holds it: bytes of each text (of a null 0), views as (rows, 4) uint32, buffers they point into."""

    sizes: NDArray[Any]
    views: NDArray[Any]
    buffers: list[NDArray[Any]]


def put(block: NDArray[Any], start: int, cells: NDArray[Any], width: int) -> None:
    """Put the first `width` bytes of each row of cells into the block's rows, from the byte `start` on."""
    items(block, start, width)[:] = items(cells, 0, width)


def _texts(column: pl.Series) -> Texts:
    if not len(column):
        return Texts(np.zeros(0, np.uint32), np.zeros((0, 4), np.uint32), [])
    array = next(iter(na.c_array_stream(column.rechunk())))
    if array.schema.format != "vu":
        raise TypeError(f"polars gave {array.schema.format!r}, not string views")
    found = array.view()
    rows = slice(array.offset, array.offset + array.length)
    views = np.frombuffer(found.buffer(1), np.uint32).reshape(-1, 4)[rows]
    sizes = views[:, 0]
    if column.null_count():
        sizes = sizes * np.unpackbits(np.frombuffer(found.buffer(0), np.uint8), bitorder="little")[rows]
    return Texts(sizes, views, [np.frombuffer(found.buffer(at), np.uint8) for at in range(2, array.n_buffers - 1)])


def measure(column: pl.Series) -> tuple[int, bool]:
    """The bytes of a column's longest text without its trailing blanks, and whether all are ASCII."""
    sizes, views, buffers = _texts(column)
    most = int(sizes.max(initial=0))
    if most <= INLINE:  # what stands in the view of a null may say blank, or not ASCII: it is then looked at again
        blank_at_end = bool(most) and bool((views.view(np.uint8)[:, 3 + most] == BLANK).any())
        plain = _is_ascii(views)
    else:
        blank_at_end = _ends_blank(views[sizes == most], buffers, most)
        few = sum(map(len, buffers)) < 4 * int(sizes.sum())  # a slice of a column has the buffers of the whole
        plain = few and _is_ascii(views[views[:, 0] <= INLINE]) and all(one.max(initial=0) < 128 for one in buffers)
    if blank_at_end:
        column = column.str.strip_chars_end(" ")
        most = _texts(column).sizes.max()
    return int(most), plain or column.str.len_bytes().sum() == column.str.len_chars().sum()


def _is_ascii(views: NDArray[Any]) -> bool:
    """Whether texts that stand in their views are ASCII."""
    halves = views.view(np.uint64)
    first, second = (int(np.bitwise_or.reduce(halves[:, at])) for at in (0, 1))
    return not (first >> 32 & 0x80808080 or second & 0x8080808080808080)


def _ends_blank(views: NDArray[Any], buffers: list[NDArray[Any]], size: int) -> bool:
    """Whether one of these texts of `size` bytes, which stand in buffers, ends in a blank."""
    lasts = views[:, 3] + np.uint32(size - 1)
    numbers = views[:, 2]
    return any((buffers[number][lasts[numbers == number]] == BLANK).any() for number in _different(numbers))


def to_cells(column: pl.Series, width: int) -> NDArray[Any]:
    """A column as a block of (rows, width) bytes: its texts in UTF-8, padded with blanks; null is blank.

    Of a longer text the end is left out: the caller has seen that it is blank.
    """
    cells = np.zeros((len(column), width), np.uint8)
    sizes, views, buffers = _texts(column)
    if not len(views):
        return cells
    inline = min(INLINE, width)
    items(cells, 0, inline)[:] = items(views.view(np.uint8), 4, inline)
    most = int(sizes.max())
    if most > INLINE:
        _gather(cells, sizes > INLINE, views, buffers)
    if most > width:
        sizes = np.minimum(sizes, width)
    if width > WIDEST_TABLE:
        cells[~_own(sizes, width)] = BLANK
    elif sizes.min() < width:
        own, pad = _padding(width)
        if most > INLINE or column.null_count():  # else zeros follow the text in its view
            cells *= np.take(own, sizes, axis=0)
        cells |= np.take(pad, sizes, axis=0)
    return cells


def items(block: NDArray[Any], start: int, width: int) -> NDArray[Any]:
    """The bytes `start` to `start + width` of each row of a block, as one item that numpy copies whole."""
    found: NDArray[Any] = block[:, start : start + width].view(f"V{width}")[:, 0]
    return found


def _gather(cells: NDArray[Any], longer: NDArray[Any], views: NDArray[Any], buffers: list[NDArray[Any]]) -> None:
    """Put the texts that stand in buffers into their rows, with whatever follows them there."""
    width = cells.shape[1]
    whole_rows = items(cells, 0, width)
    if longer.all() and len(buffers) == 1:
        whole_rows[:] = _windows(buffers[0], views[:, 3], width)
        return
    rows = np.flatnonzero(longer)
    numbers, starts = views[rows, 2], views[rows, 3]
    for number in _different(numbers):
        of = numbers == number
        whole_rows[rows[of]] = _windows(buffers[number], starts[of], width)


def _different(numbers: NDArray[Any]) -> list[int]:
    found: list[int] = np.flatnonzero(np.bincount(numbers)).tolist()
    return found


def _windows(buffer: NDArray[Any], starts: NDArray[Any], width: int) -> NDArray[Any]:
    """The `width` bytes from each of these places of a buffer on, zeros after its end."""
    last = max(len(buffer) - width, 0)
    if len(buffer) < width:
        buffer = np.concatenate((buffer, np.zeros(width, np.uint8)))
    windows: NDArray[Any] = _every(buffer, width)[np.minimum(starts, last)]
    near_end = np.flatnonzero(starts > last)
    if len(near_end):
        end = np.concatenate((buffer[last:], np.zeros(width, np.uint8)))
        windows[near_end] = _every(end, width)[starts[near_end] - last]
    return windows


def _every(buffer: NDArray[Any], width: int) -> NDArray[Any]:
    """Each run of `width` bytes of a buffer, as one item."""
    return np.ndarray((len(buffer) - width + 1,), f"V{width}", buffer, strides=(1,))


@lru_cache(maxsize=256)
def _padding(width: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """By size of a text: which bytes are its own, and the blanks after them."""
    own = np.arange(width) < np.arange(width + 1)[:, None]
    return own, np.where(own, np.uint8(0), BLANK)


def to_texts(name: str, block: NDArray[Any], start: int, width: int) -> pl.Series | None:
    """The bytes `start` to `start + width` of each row as text without trailing blanks; blank is null.

    None if one is not UTF-8.
    """
    height, at_once = len(block), max(1, AT_ONCE // width)
    if not height:
        return pl.Series(name, [], pl.String)
    if height > at_once:
        pieces = (to_texts(name, block[at : at + at_once], start, width) for at in range(0, height, at_once))
        made = [piece for piece in pieces if piece is not None]
        return pl.concat(made, rechunk=True) if sum(map(len, made)) == height else None
    cells = np.ascontiguousarray(items(block, start, width)).view(np.uint8).reshape(height, width)
    turned = cells ^ BLANK  # a blank is then zero, and what ends in zeros is shorter to numpy
    sizes = np.char.str_len(turned.view(f"S{width}").ravel())
    least, most = int(sizes.min()), int(sizes.max())
    if not most:
        return pl.Series(name, [None], pl.String).new_from_index(0, height)
    if turned.max() > 127 and not _is_utf_8(cells, sizes):
        return None
    there = None if least else np.packbits(sizes > 0, bitorder="little")
    array = _short(cells, sizes, there) if most <= INLINE else _long(cells[:, :most], sizes, there)
    return pl.Series(array).alias(name)


def _short(cells: NDArray[Any], sizes: NDArray[Any], there: NDArray[Any] | None) -> Any:
    """Texts of at most 12 bytes, each in its view."""
    width = min(INLINE, cells.shape[1])
    views = np.zeros((len(cells), 16), np.uint8)
    views.view(np.uint32)[:, 0] = sizes
    put(views, 4, cells[:, :width] * np.take(_padding(width)[0], sizes, axis=0), width)
    return na.c_array_from_buffers(VIEWS, len(cells), [there, views])


def _long(cells: NDArray[Any], sizes: NDArray[Any], there: NDArray[Any] | None) -> Any:
    """Texts of any size, one after another: nanoarrow 0.9 does not build views that point into buffers."""
    offsets = np.zeros(len(cells) + 1, np.int64)
    np.cumsum(sizes, out=offsets[1:])
    return na.c_array_from_buffers(TEXTS, len(cells), [there, offsets, cells[_own(sizes, cells.shape[1])]])


def _own(sizes: NDArray[Any], width: int) -> NDArray[Any]:
    """Which bytes of (rows, width) belong to texts of these sizes."""
    if width > WIDEST_TABLE:
        wide: NDArray[Any] = np.arange(width) < sizes[:, None]
        return wide
    mask: NDArray[Any] = np.take(_padding(width)[0], sizes, axis=0)
    return mask


def _is_utf_8(cells: NDArray[Any], sizes: NDArray[Any]) -> bool:
    """Whether each text is UTF-8: all together are, and none begins within a character."""
    if ((cells[:, 0] & 0xC0) == 0x80).any():
        return False
    try:
        cells[_own(sizes, cells.shape[1])].tobytes().decode()
    except UnicodeDecodeError:
        return False
    return True


def numbers(name: str, values: NDArray[Any], missing: NDArray[Any]) -> pl.Series:
    """A column of doubles, null where they are missing."""
    there = np.packbits(~missing, bitorder="little") if missing.any() else None
    return pl.Series(na.c_array_from_buffers(NUMBERS, len(values), [there, values])).alias(name)
