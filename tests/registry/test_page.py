"""The page of a record: everything a reader looks for is there, nothing is fetched, nothing from the record is HTML."""

from __future__ import annotations

from lxml import html

from trialbridge.registry import page
from trialbridge.registry.record import Record
from trialbridge.registry.rules import check


def _text(content, findings=()):
    return page.page(Record(content), findings)


def _rows(tree, heading):
    tables = tree.xpath(f"//section[h2='{heading}']//table[contains(@class, 'data')]")
    return [
        [" ".join(cell.text_content().split()) for cell in row.xpath("./th|./td")]
        for one in tables
        for row in one.xpath(".//tr")
    ]


def test_the_driving_record_is_readable(driving):
    """If it failed, a reader would miss the trial's facts."""
    text = html.fromstring(_text(driving)).text_content()
    for shown in (
        "NCT03406468",
        "Recruiting",
        "Phase 2",
        "40 (estimated)",
        "July 15, 2019 (actual)",
        "Zuyderland Hospital",
    ):
        assert shown in text
    assert "18 Years to no upper limit" in text


def test_results_tables_have_the_numbers(made_up):
    """If it failed, a table would show a number in another arm's column."""
    tree = html.fromstring(_text(made_up))
    flow = _rows(tree, "Participant flow")
    assert flow[0] == ["", "Examplinib", "Placebo"]
    assert ["Started", "50", "50"] in flow
    assert ["Received Tablets", "49", "50"] in flow
    assert ["Moved away", "2", "6"] in flow
    baseline = _rows(tree, "Baseline characteristics")
    assert ["All", "50.1 (9.8)", "51.3 (10.2)", "50.7 (10.0)"] in baseline
    assert ["Female", "20", "30", "50"] in baseline
    outcomes = _rows(tree, "Results of outcome measures")
    assert ["Week 24", "-8.0 (-10.1 to -6.2)", "NA – Not reached."] in outcomes
    assert ["Lesions analysed", "80", "75"] in outcomes
    events = _rows(tree, "Adverse events")
    assert ["Deaths of any cause", "1 / 50 (2.0 %)", "0 / 50 (0.0 %)"] in events
    assert ["Pneumonia", "2 / 50 (4.0 %) [3]", "1 / 50 (2.0 %) [1]"] in events


def test_findings_stand_on_the_page(changed, made_up):
    """If it failed, a reader of the page would not see what the check found."""
    content = changed(made_up, {"protocolSection.statusModule.overallStatus": "TERMINATED"})
    text = _text(content, check(Record(content)))
    assert "TB-REG-WHY-STOPPED" in text


def test_nothing_is_fetched_and_nothing_from_the_record_is_markup(changed, made_up):
    """If it failed, a record could run script in a reader's browser."""
    evil = "<script>alert(1)</script>"
    text = _text(
        changed(
            made_up,
            {
                "protocolSection.identificationModule.briefTitle": evil,
                "protocolSection.armsInterventionsModule.armGroups[0].label": evil,
                "protocolSection.descriptionModule.briefSummary": evil,
                "resultsSection.participantFlowModule.groups[0].title": evil,
            },
        )
    )
    tree = html.fromstring(text)
    assert tree.xpath("//script|//link|//img|//iframe|//@src|//@href") == []
    assert text.count("&lt;script&gt;") >= 4


def test_an_empty_record_has_a_page_and_bytes_are_stable(tmp_path, made_up):
    """If it failed, a nearly empty record would fail, or two pages of one record differ."""
    assert "<h2>" not in _text({})
    page.write(Record(made_up), tmp_path / "a.html")
    assert (tmp_path / "a.html").read_text(encoding="utf-8") == _text(made_up)
