"""References by templates: what is looked at is no template, and odd names and ids come out as row by row."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace

import polars as pl
import pytest

from trialbridge.converters import bulk_fhir
from trialbridge.converters.by_element.rows import UnfitError
from trialbridge.converters.by_element.standing import Sealed
from trialbridge.converters.dictionary import Dictionary
from trialbridge.fhir.jsontext import encode
from trialbridge.mappings import ALL, tu
from trialbridge.mappings.kit import Extra

pytestmark = pytest.mark.once

ODD = ('a"b', "back\\slash", "é\u2028", "x" * 3000, " ", "-", "a|b%c", "PROXY<&>", "\x7f", "𝕊")
"""Names that JSON escapes, that are no ASCII, or that the key of an id writes otherwise."""


def changed(of, **datasets):
    """A study with the frames of some datasets changed by functions."""
    return of.with_tables([replace(of[name], frame=how(of[name].frame)) for name, how in datasets.items()])


def renamed(variable):
    """A function that gives the values of a variable odd names, in turn."""

    def how(frame):
        known = sorted(frame[variable].drop_nulls().unique())
        return frame.with_columns(pl.col(variable).replace({one: ODD[at % len(ODD)] for at, one in enumerate(known)}))

    return how


@pytest.mark.parametrize(
    "look",
    [
        lambda one: one == "T01",
        lambda one: one in {"T01": 1},
        lambda one: one.startswith("T"),
        lambda one: one[:3],
        lambda one: len(one) > 3,
        lambda one: f"{one}",
        lambda one: one + "x",
        lambda one: "T" in one,
        lambda one: one < "T",
        list,
        str,
        hash,
    ],
)
def test_a_mark_that_is_looked_at_is_none(look):
    """What hangs on a name would be made the same for all names."""
    with pytest.raises(UnfitError):
        look(Sealed("mark"))


def test_a_mark_is_there_and_equals_itself():
    """No element could be written of a mark."""
    one = Sealed("mark")
    assert one
    assert one == one  # noqa: PLR0124 - what is tested
    assert one != Sealed("mark")


@pytest.mark.parametrize("release", ["R4", "R5"])
def test_odd_names_of_lesions_are_the_same(both_ways, example_of, release):
    """A quote or a backslash would end the text it stands in, or an id would be another's."""
    of = changed(
        example_of(4),
        TU=renamed("TULNKID"),
        TR=renamed("TRLNKID"),
        RS=renamed("RSLNKID"),
        PR=renamed("PRLNKID"),
    )
    made = both_ways(of, release, 2)
    assert made["without templates"] == made["groups"] == made["row by row"] == 0


def test_odd_subjects_are_the_same(both_ways, example_of):
    """A subject's name is part of every id, and stands in every identifier."""
    of = example_of(4)
    names = sorted(of["DM"].frame["USUBJID"].unique())
    other = {one: f"{one} {ODD[at]}" for at, one in enumerate(names)}
    frames = {
        one.name: lambda frame: frame.with_columns(pl.col("USUBJID").replace(other))
        for one in of
        if "USUBJID" in one.frame.columns
    }
    made = both_ways(changed(of, **frames), "R4", 2)
    assert made["without templates"] == made["groups"] == made["row by row"] == 0


@pytest.mark.parametrize(
    "spoil",
    [
        pl.when(pl.int_range(pl.len()) % 3 == 0).then(None).otherwise(pl.col("TULNKID")).alias("TULNKID"),
        pl.lit("T01").alias("TULNKID"),
        pl.lit(None, pl.String).alias("TULOC"),
        pl.lit("").alias("TULNKID"),
        pl.lit(None, pl.String).alias("TUEVAL"),
    ],
)
@pytest.mark.parametrize("release", ["R4", "R5"])
def test_lesions_named_twice_or_not_at_all_are_the_same(both_ways, example_of, spoil, release):
    """The first row that names a lesion makes it; what later rows say otherwise is carried."""
    made = both_ways(changed(example_of(3), TU=lambda frame: frame.with_columns(spoil)), release, 3)
    assert made["groups"] == 0


def test_results_of_lesions_that_no_row_identified_are_the_same(both_ways, example_of):
    """A reference by name alone has no id to put in."""
    of = example_of(3)
    made = both_ways(changed(of, TU=lambda frame: frame.filter(pl.col("TULNKID") != "INV-T01")), "R4", 3)
    assert made["without templates"] == made["groups"] == 0
    tables = {one.name: one for one in of if one.name not in {"TU", "SUPPTU", "RELREC"}}
    made = both_ways(replace(of, tables=tables), "R4", 3)
    assert made["without templates"] == made["groups"] == 0


def test_subjects_without_a_cancer_are_the_same(both_ways, example_of):
    """A lesion would be said to belong to another one's cancer, or to none."""
    first = example_of(4)["DM"].frame["USUBJID"].min()
    of = changed(example_of(4), MH=lambda frame: frame.filter(pl.col("USUBJID") != first))
    assert both_ways(of, "R4", 4)["without templates"] == 0


@pytest.mark.parametrize("how", [lambda name: re.sub("(?<=....).*", "", name), lambda name: re.sub("[0-9]", "", name)])
def test_a_function_that_looks_past_the_mark_is_found_out(both_ways, example_of, how):
    """Some functions of Python take a text as it is in memory; what they make of a mark they do not make of a name."""
    extra = Extra("Lesion.description", lambda row, _ctx: how(row["TULNKID"]) if row.get("TULNKID") else None)
    other = replace(tu.TU, extras=(*tu.TU.extras, extra))
    dictionary = Dictionary(other if one is tu.TU else one for one in ALL)
    made = both_ways(example_of(3), "R4", 2, dictionary)
    assert made["without templates"] > 0
    assert made["groups"] == 0


def test_a_group_that_fits_no_template_is_made_without(example_of):
    """Lesions named twice in one group would send all later groups the slow way, or their lines would be lost."""
    spoil = pl.when(pl.col("USUBJID") == pl.col("USUBJID").min()).then(pl.lit("T01")).otherwise(pl.col("TULNKID"))
    of = changed(example_of(4), TU=lambda frame: frame.with_columns(spoil.alias("TULNKID")))
    lines, resources = [], []
    done = bulk_fhir.to_lines(of, lines.append, at_once=1, strict=True)
    whole = bulk_fhir.to_fhir(of, resources.extend, at_once=1)
    assert Counter(one for each in lines for one in each.text.splitlines()) == Counter(map(encode, resources))
    assert (done.ledger, done.findings) == (whole.ledger, whole.findings)
