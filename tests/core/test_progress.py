"""Receivers of messages and progress."""

from decanet.core.progress import Report, Silent


def test_a_silent_report_drops_everything(capsys) -> None:  # type: ignore[no-untyped-def]
    report: Report = Silent()
    report.note("hello")
    report.progress("reading", 1, None, "images")
    assert capsys.readouterr() == ("", "")
