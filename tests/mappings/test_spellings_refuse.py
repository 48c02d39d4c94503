"""Tables that do not invert are refused when they are made."""

import pytest

from trialbridge.base.errors import NotInvertibleError
from trialbridge.mappings.concepts import in_codelist
from trialbridge.mappings.kit import codes, line
from trialbridge.mappings.names import SCT, coding
from trialbridge.mappings.spellings import TEXT


def test_two_values_of_one_code_are_refused():
    """A value would come back as another one, and nobody would know."""
    with pytest.raises(NotInvertibleError, match="'A' and 'B' are both 'x'"):
        codes("a table", {"A": "x", "B": "x"})
    assert codes("a table", {"A": "x", "B": "x"}, loses="B").to_sdtm("x", None) == "A"


def test_two_concepts_of_one_coding_are_refused():
    """The same, where the code is a coding."""
    shared = {"LEFT": (coding(SCT, "1"),), "RIGHT": (coding(SCT, "1"),)}
    with pytest.raises(NotInvertibleError, match="'LEFT' and 'RIGHT' are both '1'"):
        in_codelist("sides", further=shared)
    assert in_codelist("sides", further=shared, loses="RIGHT").loses == "RIGHT"


def test_a_path_without_an_inverse_is_refused():
    """A line would read what it can never write."""
    with pytest.raises(NotInvertibleError, match=r"first\(\)"):
        line("SEX", "Patient.name.first()", TEXT)
