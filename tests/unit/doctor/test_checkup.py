"""Checks stand alone: one that fails, or hangs, is a broken line, and the others are as they are."""

import threading

import pytest

from bot.doctor.checkup import Check, examine
from bot.errors import LedgerError
from bot.reports.findings import Finding, Verdict


def fine(name: str) -> Check:
    return Check(name, lambda: Finding(name, Verdict.OK, "All is well."))


def test_findings_come_in_the_order_of_the_checks() -> None:
    first = threading.Event()

    def late() -> Finding:
        assert first.wait(20)
        return Finding("late", Verdict.WARNING, "Hm.")

    def early() -> Finding:
        first.set()
        return Finding("early", Verdict.OK, "Yes.")

    found = examine([Check("late", late), Check("early", early)])
    assert [finding.check for finding in found] == ["late", "early"]


def test_one_that_fails_breaks_no_other_and_nothing_secret_is_said(caplog: pytest.LogCaptureFixture) -> None:
    def ours() -> Finding:
        raise LedgerError("The ledger cannot be read.")

    def bug() -> Finding:
        raise KeyError("xoxb-hunter2")

    found = examine([fine("a"), Check("ours", ours), Check("bug", bug), fine("b")])
    assert [finding.verdict for finding in found] == [Verdict.OK, Verdict.BROKEN, Verdict.BROKEN, Verdict.OK]
    assert found[1].found == "The ledger cannot be read."
    assert found[2].found == "The check itself failed (KeyError)."
    assert "the check of bug failed" in caplog.text


def test_one_that_hangs_is_broken_when_time_is_up() -> None:
    hanging = threading.Event()

    def hang() -> Finding:
        hanging.wait(60)
        return Finding("hanging", Verdict.OK, "At last.")

    found = examine([Check("hanging", hang), Check("too", hang), fine("b")], seconds=0.2)
    hanging.set()
    assert [finding.verdict for finding in found] == [Verdict.BROKEN, Verdict.BROKEN, Verdict.OK]
    assert found[0].found == "There was no answer within 0.2 s."
