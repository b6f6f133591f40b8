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


def test_the_report_is_one_file_that_needs_no_other(example: Path) -> None:
    asking = client(example)
    page = asking.get("/studies/imgc/report").text
    assert 'href="/studies/imgc/report.html" download' in page
    file = asking.get("/studies/imgc/report.html")
    assert file.headers["content-disposition"] == 'attachment; filename="imgc-report.html"'
    assert file.text.startswith("<!doctype html>")
    assert "<svg" in file.text
    assert "<script" not in file.text
    assert 'src="' not in file.text
    assert "href=" not in file.text
    assert asking.get("/studies/none/report.html").status_code == 404
