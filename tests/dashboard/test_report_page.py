"""The report of a night on the dashboard: the document of the command `report`."""

from pathlib import Path

from tests.dashboard.http import client


def test_a_study_has_a_report_and_a_link_to_it(example: Path) -> None:
    asking = client(example)

    assert '<a href="/studies/imgc/report">' in asking.get("/studies/imgc").text
    page = asking.get("/studies/imgc/report")
    assert page.status_code == 200
    for words in ("What improved", "48 of 48 trials have ended", "What to do", "show imgc 47"):
        assert words in page.text
    assert "raise limits.cycles" in page.text
    assert asking.get("/studies/imgc/report?hours=0").text.count("<td>new</td>") == 0
    assert asking.get("/studies/imgc/report?hour=1").status_code == 400
    assert asking.get("/studies/imgc/report?hours=x").status_code in (400, 422)
    assert asking.get("/studies/none/report").status_code == 404
