# SPDX-License-Identifier: BSD-3-Clause
"""What the device answers is a warning: its words, its order, and that none is lost."""
import warnings

import pytest


def beyond(ns, qpair, buf, cb=None):
    return ns.read(qpair, buf, ns.id_data(7, 0), cb=cb)


def test_text(nvme0n1, qpair, buf, caught):
    beyond(nvme0n1, qpair, buf).waitdone()
    assert caught == ["ERROR status: 00/80"]


def test_after_the_callback(nvme0n1, qpair, buf, caught):
    before = []
    beyond(nvme0n1, qpair, buf, cb=lambda cpl: before.append(list(caught))).waitdone()
    assert before == [[]] and caught == ["ERROR status: 00/80"]


def test_repeats_are_seen(nvme0n1, qpair, buf):
    """Even with Python's default filter, which hides what comes again from the same line."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("default")
        for _ in range(3):
            beyond(nvme0n1, qpair, buf).waitdone()
    assert len(seen) == 3 and all(w.category is UserWarning for w in seen)


def test_points_at_the_script(nvme0n1, qpair, buf):
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        beyond(nvme0n1, qpair, buf).waitdone()
    assert seen[0].filename == __file__


def test_as_error(nvme0n1, qpair, buf):
    """With -W error the warning is raised, and the rest is reaped nevertheless."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        beyond(nvme0n1, qpair, buf)
        nvme0n1.read(qpair, buf, 0)
        with pytest.raises(UserWarning, match="00/80"):
            qpair.waitdone(2)
    if qpair.outstanding:  # the drive was not done with it when the warning was raised
        qpair.waitdone(qpair.outstanding)
    nvme0n1.read(qpair, buf, 0).waitdone()


def test_success_says_nothing(nvme0, nvme0n1, qpair, buf, caught):
    nvme0n1.read(qpair, buf, 0).waitdone()
    nvme0.getfeatures(7).waitdone()
    assert caught == []


def test_admin(nvme0, buf):
    with pytest.warns(UserWarning, match="ERROR status: 00/02"):
        nvme0.getfeatures(0xBF).waitdone()
    assert nvme0.latest_status == 0x002
    with pytest.warns(UserWarning, match="ERROR status: 00/0b"):
        nvme0.identify(buf, nsid=0xFFFFFFF0, cns=0).waitdone()
    with pytest.warns(UserWarning, match="ERROR status: 01/09"):
        nvme0.getlogpage(0x7E, buf, 512).waitdone()
    with pytest.warns(UserWarning, match="ERROR status: 00/01"):
        nvme0.send_cmd(0xBE).waitdone()


def test_synchronous_helper(nvme0):
    with pytest.warns(UserWarning, match="ERROR status: 00/0b"):
        nvme0.id_data(7, 0, nsid=0xFFFFFFF0, cns=0)


def test_abort_of_an_event_request(nvme0):
    """Abort: NVMe Base, "Abort command"; the request ends with 00/07."""
    nvme0.aer()
    with pytest.warns(UserWarning, match="ERROR status: 00/07"):
        nvme0.abort(nvme0.latest_cid).waitdone()
        nvme0.waitdone(0)
        nvme0.getfeatures(7).waitdone()


def test_too_many_event_requests(nvme0):
    limit = nvme0.id_data(259) + 1  # AERL
    with pytest.warns(UserWarning, match="ERROR status: 01/05"):
        for _ in range(limit):  # one is outstanding from bring-up
            nvme0.aer()
        nvme0.getfeatures(7).waitdone()


def test_event_and_rearm(nvme0, buf):
    """SMART / health critical warning, from a temperature threshold below the temperature."""
    if nvme0.id_data(95, 92) is None:
        pytest.skip("no events")
    events = []
    nvme0.aer(cb=lambda cdw0, status1: events.append(cdw0))
    nvme0.setfeatures(0x0B, cdw11=2).waitdone()
    threshold = nvme0.getfeatures(4).waitdone() & 0xFFFF
    for _ in range(2):
        with pytest.warns(UserWarning, match="AER notification is triggered: 0x"):
            nvme0.setfeatures(4, cdw11=200).waitdone()
            for _ in range(100):
                if events:
                    break
                nvme0.getfeatures(7).waitdone()
        assert events.pop() & 7 == 1  # SMART / health status
        nvme0.setfeatures(4, cdw11=threshold).waitdone()
        nvme0.getlogpage(2, buf, 512).waitdone()  # clears the event
        nvme0.waitdone(0)
        events.clear()
