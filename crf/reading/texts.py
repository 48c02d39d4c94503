r"""Texts as people and programs leave them: odd blanks, invisible characters, broken encodings.

>>> cleaned("\u00a0Re-\u200bInduction  trial\t")
'Re-Induction trial'
>>> broken("MÃ¼ller"), broken("Müller")
('Müller', None)
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_INVISIBLE = dict.fromkeys([0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF, 0x00AD, 0x200E, 0x200F])
_BLANKS = re.compile(r"[\s\u00a0\u202f\u2007\u3000]+")
_DASHES = str.maketrans({"\u2010": "-", "\u2011": "-", "\u2012": "-", "\u2013": "-", "\u2212": "-"})
_QUOTES = str.maketrans({"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"'})
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_MOJIBAKE = re.compile("[ÃÂâÅÄ][\u0080-\u00bf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]")


@lru_cache(maxsize=1 << 14)
def cleaned(text: str) -> str:
    """The text without invisible characters, its blanks single and none around it. Letters stay as they are."""
    return _BLANKS.sub(" ", _CONTROL.sub("", text.translate(_INVISIBLE))).strip()


def plain(text: str) -> str:
    """The text for comparing: cleaned, full-width forms and typographic dashes and quotes as ASCII, small letters."""
    return unicodedata.normalize("NFKC", cleaned(text)).translate(_DASHES).translate(_QUOTES).casefold()


@lru_cache(maxsize=1 << 14)
def broken(text: str) -> str | None:
    """What a text was before UTF-8 was read as Windows-1252, where it shows that; None for a sound text.

    U+FFFD, the mark of a lost character, is broken too: what stood there cannot be told, and it is given back as it is.
    """
    if "\ufffd" in text:
        return text
    if not _MOJIBAKE.search(text):
        return None
    for encoding in ("cp1252", "latin-1"):
        try:
            found = text.encode(encoding).decode("utf-8")
        except (UnicodeEncodeError, UnicodeDecodeError):
            continue
        return found if found != text else None
    return None
