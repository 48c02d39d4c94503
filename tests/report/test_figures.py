"""Pictures show the right numbers: the artists' data against values worked out by hand (see conftest)."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from matplotlib.colors import to_hex

from trialbridge.base.errors import UnknownNameError
from trialbridge.oncology import recist, survival
from trialbridge.oncology.survival_kaplan_meier import kaplan_meier
from trialbridge.report import figures, figures_events
from trialbridge.report.figures_abscopal import abscopal
from trialbridge.report.figures_data import Course, Point, courses, origin_of, reader_of
from trialbridge.report.figures_lesions import panels
from trialbridge.report.figures_spider import line_of, spider
from trialbridge.report.figures_style import GRADES, RESPONSES, colour, short_names
from trialbridge.report.figures_survival import DAYS_A_MONTH
from trialbridge.report.figures_survival import survival as kaplan_meier_picture
from trialbridge.report.figures_swimmer import swimmer
from trialbridge.report.figures_swimmer_data import Lane, lanes
from trialbridge.report.figures_waterfall import waterfall

READER = ("INVESTIGATOR", "")


@pytest.fixture
def drawn(cohort, done):
    """The courses of all lesions, and day 0."""
    origin = origin_of(cohort, done)
    return courses(done, READER, origin), origin


def made_up(number, changes=(-10.0,), best="SD"):
    """So many courses with these changes at weeks 6, 12 and so on."""
    points = tuple(Point(42 * (at + 1), change, best, best, new=False) for at, change in enumerate(changes))
    return [Course(f"S-{one:03}", "ALL", best, -5, points, min(changes)) for one in range(number)]


def test_best_change_ends_with_progression(drawn):
    """A fall after progression would count as best change: subject 02, or a subject without a sum would be drawn."""
    found = {one.usubjid[-2:]: (one.best, one.best_change, one.new_lesions) for one in drawn[0]}
    assert found["01"] == ("PR", pytest.approx(-2700 / 70), False)
    assert found["02"] == ("PD", 50.0, False)
    assert found["03"] == ("NON-CR/NON-PD", None, False)
    assert found["04"] == ("PD", 0.0, True)


def test_days_are_from_the_first_fraction(drawn):
    """Time would run from another day: 17 February 2020 is 42 days after 6 January, the baseline 5 before."""
    first = drawn[0][0]
    assert drawn[1].words == "start of radiotherapy"
    assert (first.baseline_days, [one.days for one in first.points]) == (-5, [42, 84])


def test_without_radiotherapy_days_are_from_first_treatment(cohort, done):
    """A study without PR would have no time axis."""
    without = cohort.with_tables([])
    without = type(cohort)(tables={name: one for name, one in without.tables.items() if name != "PR"})
    assert origin_of(without, done).words == "start of treatment"


def test_waterfall_bars(drawn):
    """Bars would have wrong heights, order or colours, or the new lesion no mark."""
    picture = waterfall("w", "t", {"all": drawn[0]})
    axes = picture.figure.axes[0]
    assert [bar.get_height() for bar in axes.patches] == pytest.approx([50, 0, -2700 / 70])
    shown = [to_hex(bar.get_facecolor()).upper() for bar in axes.patches]
    assert shown == [colour("PD"), colour("PD"), colour("PR")]
    assert [one.get_text() for one in axes.get_xticklabels()] == ["02", "04", "01"]
    (mark,) = axes.collections
    assert mark.get_offsets()[:, 0].tolist() == [1]
    assert {line.get_ydata()[0] for line in axes.lines if len(set(line.get_ydata())) == 1} >= {-30, 20}
    assert "1 without" in picture.caption


def test_waterfall_cuts_a_huge_bar_and_says_so():
    """One subject at +400 % would flatten all others, or be cut in silence."""
    axes = waterfall("w", "t", {"all": made_up(1, (400.0,), "PD") + made_up(2)}).figure.axes[0]
    assert axes.patches[0].get_height() == 150
    assert "+400" in [one.get_text() for one in axes.texts]


def test_what_is_not_evaluable_is_seen_among_many():
    """White bars without an outline would look like gaps."""
    axes = waterfall("w", "t", {"all": made_up(150) + made_up(1, (-20.0,), "NE")}).figure.axes[0]
    outlined = [bar.get_height() for bar in axes.patches if bar.get_linewidth() > 0]
    assert outlined == [-20]


def test_labels_thin_out():
    """At 400 subjects all names would be printed over one another; at 40 some would be missing."""
    for subjects, most in ((40, 40), (400, 60)):
        shown = waterfall("w", "t", {"all": made_up(subjects)}).figure.axes[0].get_xticklabels()
        assert len(shown) == 40
        assert len(shown) <= most


def test_legends_stand_outside_the_data():
    """A legend would hide bars."""
    figure = waterfall("w", "t", {"all": made_up(40)}).figure
    figure.draw_without_rendering()
    axes = figure.axes[0]
    assert axes.get_legend().get_window_extent().x0 >= axes.get_window_extent().x1


def test_spider_lines(drawn):
    """Lines would not begin at 0 % on the day of the baseline scan, or join visits that were not evaluable."""
    axes = spider("s", "t", drawn[0], "start", "words").figure.axes[0]
    lines = [line.get_xydata().tolist() for line in axes.lines if line.get_marker() not in ("None", None, "")]
    assert [[0, 0.0], [0, 0.0]] not in lines
    first, second, fourth = lines
    np.testing.assert_allclose(first, [[-5 / 7, 0], [6, -2000 / 70], [12, -2700 / 70]])
    np.testing.assert_allclose(second, [[-5 / 7, 0], [6, 50], [12, -50]])
    np.testing.assert_allclose(fourth, [[-5 / 7, 0], [12, 0]])


def test_a_new_lesion_is_marked_where_it_is_first_seen():
    """Every later visit would be marked as a new lesion, or none."""
    points = tuple(Point(42 * at, 10.0, "PD", "PD", new=at >= 2) for at in (1, 2, 3))
    assert line_of(Course("S-1", "ALL", "PD", -7, points, 10.0)) == [
        (-1, 0, False),
        (6, 10, False),
        (12, 10, True),
        (18, 10, False),
    ]


def test_many_spiders_stand_apart_by_response():
    """Two hundred lines in one panel cannot be read: each best response must have its own, with its own lines."""
    figure = spider("s", "t", made_up(150) + made_up(50, (60.0,), "PD"), "start", "words").figure
    coloured = [
        sum(line.get_color() == shade for line in axes.lines)
        for axes, shade in zip(figure.axes, (colour("SD"), colour("PD")), strict=True)
    ]
    assert coloured == [150, 50]


def test_abscopal_points(done, drawn):
    """The irradiated lesion's change would stand on the wrong axis, or a subject without one be drawn."""
    groups = [courses(done, READER, drawn[1], group) for group in ("IRRADIATED", "NON-IRRADIATED")]
    axes = abscopal("a", "t", *groups, "words").figure.axes[0]
    points = np.vstack([one.get_offsets() for one in axes.collections])
    np.testing.assert_allclose(points, [[-75, 0]])  # T01 40 -> 10; T02 30 -> 30, before it grew to 33


def test_swimmer_lanes(cohort, done, drawn):
    """Bands, responses, toxicity or death would stand on the wrong day."""
    found = {one.usubjid[-2:]: one for one in lanes(cohort, done, READER, drawn[1])}
    first, second = found["01"], found["02"]
    assert first == Lane(
        "S1-A-01", 0, 98, True, ((0, 4),), ((7, 28),), ((42, "SD"), (84, "PR")), ((21, 3),), None
    )  # 13 April is day 98; 27 January day 21
    assert (second.death, second.end, second.events) == (105, 105, ((105, 5),))
    assert found["04"].events == ()


def test_swimmer_bars(cohort, done, drawn):
    """The drawing would differ from the lanes: widths in weeks, a mark for each response."""
    its = lanes(cohort, done, READER, drawn[1])
    assert its[0].usubjid == "S1-A-02"
    axes = swimmer("s", "t", its, "start", "Immune therapy", "words").figure.axes[0]
    widths = [bar.get_width() for bar in axes.patches]
    assert widths[:4] == pytest.approx([15, 14, 14, 14])  # lanes
    assert widths[4:] == pytest.approx([22 / 7, *[5 / 7] * 4])  # treatment days 7 to 28, radiotherapy days 0 to 4
    responses = sum(len(one.get_offsets()) for one in axes.collections[:5])
    assert responses == 8


def test_many_lanes_stand_in_columns():
    """Four hundred lanes above one another cannot be read: four columns of a hundred, none lost."""
    many = [Lane(f"S-{one:03}", 0, 70, True, (), (), (), (), None) for one in range(400)]
    axes = swimmer("s", "t", many, "start", "T", "words").figure.axes
    assert [len(one.patches) for one in axes] == [100] * 4
    assert [one.get_yticklabels()[0].get_text() for one in axes] == ["000", "100", "200", "300"]


def test_kaplan_meier_steps():
    """The curve would not be the product-limit estimate: 1 of 4 at day 30, one left at 60, 1 of 2 at day 90."""
    curve = kaplan_meier([30, 60, 90, 120], [True, False, True, False])
    figure = kaplan_meier_picture("k", "t", {"PFS": curve}, "start", "words").figure
    axes, table = figure.axes
    np.testing.assert_allclose(axes.lines[0].get_ydata(), [1, 0.75, 0.75, 0.375, 0.375])
    np.testing.assert_allclose(axes.lines[0].get_xdata() * DAYS_A_MONTH, [0, 30, 60, 90, 120])
    assert axes.lines[0].get_drawstyle() == "steps-post"
    marks = axes.collections[1].get_offsets()
    np.testing.assert_allclose(marks[:, 0] * DAYS_A_MONTH, [60, 120])
    # months 0 to 4 are days 0, 30.4, 60.9, 91.3, 121.75
    assert [one.get_text() for one in table.texts] == ["At risk", "4", "3", "2", "1", "0"]


def test_worst_grades_by_hand(cohort):
    """A subject would count twice in a bar, or with a grade that was not the worst."""
    terms = {one.words: one.subjects for one in figures_events.bars(cohort, "AEDECOD")}
    assert terms == {"Cough": (0, 0, 1, 1, 0, 0), "Pneumonitis": (0, 0, 0, 0, 0, 1), "Rash": (1, 0, 0, 0, 0, 0)}
    classes = figures_events.bars(cohort, "AESOC")
    assert [(one.words, one.total) for one in classes] == [("Respiratory disorders", 2), ("Skin disorders", 1)]
    figure = figures_events.events("e", "t", classes, [], 4).figure
    grade_3, grade_5 = (figure.axes[0].patches[2 * place] for place in (2, 4))
    assert (grade_3.get_width(), grade_5.get_width()) == (25, 25)  # one of four subjects each


def test_lesion_map(cohort, done, drawn):
    """Circles would not have areas in proportion to the square of the size, or the irradiated lesion no mark."""
    from trialbridge.oncology.recist_readers import readers
    from trialbridge.report.figures_lesions import lesion_maps

    everyone, _ = readers(cohort, done.criteria, done.choices)
    its = panels(everyone, {"S1-A-01": frozenset(("T01",))})
    assert [(row.lnkid, row.irradiated) for row in its[0].rows] == [("T01", True), ("T02", False)]
    assert its[0].visits == ("Scr", "W6", "W12")
    assert [row.lnkid for row in its[3].rows] == ["T01", "NEW01"]
    (picture,) = lesion_maps("lesions", "t", its, "words")
    areas = picture.figure.axes[0].collections[0].get_sizes()
    assert areas[0] / areas[1] == pytest.approx((40 / 20) ** 2)
    assert [one.get_text() for one in picture.figure.axes[0].texts] == ["40", "20", "10", "30", "30", "33"]
    assert [one.get_text() for one in picture.figure.axes[3].texts] == ["25", "?", "25"]


def test_all_pictures_of_the_cohort(cohort, done):
    """A picture would be missing without a word."""
    pfs = survival.progression_free_survival(cohort, survival.PfsRules(progression="computed", criteria="1.1"))
    found = figures.pictures(cohort, done, pfs=pfs)
    assert [one.name for one in found.pictures] == [*figures.NAMES, "lesions-01"]
    assert found.missing == ()
    assert all(one.title and one.caption.endswith(".") for one in found.pictures)


def test_what_cannot_be_drawn_is_said(cohort):
    """A study without AE and PR would fail, or its pictures vanish in silence."""
    left = {name: one for name, one in cohort.tables.items() if name in ("TU", "TR")}
    bare = type(cohort)(tables=left)
    found = figures.pictures(bare, recist.assess(bare, "1.1", by_group=True))
    assert [one.name for one in found.pictures] == ["waterfall", "spider", "swimmer", "lesions-01"]
    assert [one.partition(":")[0] for one in found.missing] == [
        "By lesion group",
        "Progression-free survival",
        "Adverse events",
    ]


def test_the_reader_is_named_or_the_investigator(done):
    """Another reader's responses would be shown under the name asked for."""
    assert reader_of(done) == READER
    assert reader_of(done, "investigator") == READER
    with pytest.raises(UnknownNameError, match="No readers are RADIOLOGIST 9"):
        reader_of(done, "RADIOLOGIST 9")


def test_colours_are_told_apart():
    """Two responses would share colour or marker; grades would not darken; a colour would not be Okabe and Ito's."""
    published = {"#000000", "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7"}
    shades, markers = zip(*RESPONSES.values(), strict=True)
    assert len(set(shades)) == len(set(markers)) == len(RESPONSES)
    assert {one for one in (*shades, *GRADES) if one not in published} == {"#B8B8B8", "#E4E4E4", "#FFFFFF"}  # greys

    def luminance(shade):
        parts = [int(shade[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    assert all(luminance(a) > luminance(b) for a, b in pairwise(GRADES))


def test_names_lose_only_what_all_share():
    """Subjects could no longer be told apart, or keep a prefix that says nothing."""
    assert short_names(["S1-A-01", "S1-B-02"]) == {"S1-A-01": "A-01", "S1-B-02": "B-02"}
    assert short_names(["S1-A-01"]) == {"S1-A-01": "S1-A-01"}
    assert short_names([]) == {}
    assert short_names(["1", "1-2"]) == {"1": "1", "1-2": "1-2"}
