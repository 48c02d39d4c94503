"""Pictures and page as files: the same bytes every time, nothing fetched from elsewhere."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import matplotlib as mpl
import pytest

from trialbridge.oncology import survival
from trialbridge.report import figures
from trialbridge.report.oncology_page import Block, page


@pytest.fixture(scope="module")
def saved(cohort, done, tmp_path_factory):
    """All pictures of the cohort, drawn and saved twice: two folders."""
    folders = [tmp_path_factory.mktemp(name) for name in ("one", "two")]
    pfs = survival.progression_free_survival(cohort, survival.PfsRules(progression="computed", criteria="1.1"))
    kept = mpl.rcParams["axes.grid"], mpl.rcParams["savefig.dpi"]
    for folder in folders:
        drawn = figures.pictures(cohort, done, pfs=pfs)
        for one in drawn.pictures:
            figures.save(one, folder, dpi=50)
        mpl.rcParams["axes.grid"], mpl.rcParams["savefig.dpi"] = True, 33  # a user's own settings
    mpl.rcParams["axes.grid"], mpl.rcParams["savefig.dpi"] = kept
    return (*folders, drawn)


def test_same_bytes_twice_whatever_the_users_settings(saved):
    """A picture would carry a date or a random id, or look otherwise on another machine's matplotlibrc."""
    one, two, drawn = saved
    names = sorted(path.name for path in one.iterdir())
    assert len(names) == 2 * len(drawn.pictures)
    assert [name for name in names if (one / name).read_bytes() != (two / name).read_bytes()] == []


def test_no_date_and_no_version(saved):
    """A file would change with the day or with matplotlib's version."""
    folder, _, drawn = saved
    for path in folder.iterdir():
        data = path.read_bytes()
        assert not re.search(rb"<dc:date>|Matplotlib v|tIME|Software", data), path.name
    svg = (folder / "waterfall.svg").read_text()
    assert drawn.pictures[0].title in svg


def test_the_users_settings_come_back(saved):
    """Drawing would leave matplotlib changed for the user's own plots."""
    assert "font.family" in mpl.rcParams
    assert mpl.rcParams["svg.hashsalt"] != "trialbridge"
    assert mpl.rcParams["axes.spines.top"] is True


class Read(HTMLParser):
    """Every tag and attribute of a page."""

    def __init__(self):
        super().__init__()
        self.tags, self.outside = [], []

    def handle_starttag(self, tag, attrs):
        """Note the tag, and an attribute that points outside."""
        self.tags.append(tag)
        for name, value in attrs:
            if name in ("src", "href", "srcset", "action", "data", "poster") and not (value or "").startswith(
                ("data:", "#")
            ):
                self.outside.append((tag, name, value))


def a_page(saved, heading="Table", rows=(("a", 1, 2.5),)):
    """The page of the cohort."""
    folder, _, drawn = saved
    images = {one.name: folder / f"{one.name}.svg" for one in drawn.pictures}
    block = Block(heading, ("Name", "n", "%"), rows)
    return page("Title", "lead", drawn.pictures, images, [block], missing=["AE: none."], foot="foot")


def test_the_page_needs_nothing_else(saved):
    """The page would fetch a script, font or picture from another file or host."""
    text = a_page(saved)
    read = Read()
    read.feed(text)
    assert read.outside == []
    assert not {"script", "link", "iframe", "object", "embed"} & set(read.tags)
    assert read.tags.count("img") == len(saved[2].pictures)
    style = text[text.index("<style>") : text.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style


def test_the_parser_of_this_test_sees_an_outside_link():
    """The test above would pass whatever the page has."""
    read = Read()
    read.feed('<img src="https://elsewhere.example/x.png"><a href="#here">')
    assert read.outside == [("img", "src", "https://elsewhere.example/x.png")]


def test_the_page_escapes_what_it_shows(saved):
    """A term of the data would become part of the page."""
    text = a_page(saved, heading="<b>&", rows=(('<script>"x"</script>', 1, None),))
    assert "<script>" not in text
    assert "&lt;script&gt;&quot;x&quot;&lt;/script&gt;" in text


def test_every_picture_has_words_for_those_who_cannot_see_it(saved):
    """An image would have no alternative text, or a link of the contents no place."""
    text = a_page(saved)
    alts = re.findall(r'<img [^>]*?alt="([^"]*)"', text)
    assert len(alts) == len(saved[2].pictures)
    assert all(len(one) > 20 for one in alts)
    places = set(re.findall(r' id="([^"]+)"', text))
    assert set(re.findall(r'href="#([^"]+)"', text)) <= places
    assert "AE: none." in text


def test_the_same_page_twice(saved):
    """The page would carry a date."""
    assert a_page(saved) == a_page(saved)
