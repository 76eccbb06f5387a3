# SPDX-License-Identifier: BSD-3-Clause
"""Firmware bugs on request: what a script, the verification and the ioworker say of each."""
import json
import subprocess
import sys
import time

import pytest

import nvme as d
from nvproof import faults, softssd

LBA = 3000


def pattern(value, size=4096):
    return d.Buffer(size, pvalue=value, ptype=32)


def put(ns, qpair, lba=LBA, nlb=8):
    """Random data; the buffer."""
    buf = d.Buffer(nlb * ns.sector_size, pvalue=100, ptype=0xBEEF)
    ns.write(qpair, buf, lba, nlb).waitdone()
    return buf


def get(ns, qpair, lba=LBA, nlb=8):
    buf = d.Buffer(nlb * ns.sector_size)
    ns.read(qpair, buf, lba, nlb).waitdone()
    return buf


def test_third_read_fails(ssd, nvme0n1, qpair, caught):
    rule = ssd.fault(f"status=02/81,opc=read,slba={LBA},nth=3")
    for _ in range(4):
        get(nvme0n1, qpair)
        get(nvme0n1, qpair, LBA + 100)
    assert caught == ["ERROR status: 02/81"]
    assert [(f["id"], f["seen"], f["hits"]) for f in ssd.faults()] == [(rule, 4, 1)]
    assert ssd.clear(rule) == 1 and ssd.faults() == []


def test_rules_end_with_the_test(ssd):
    assert ssd.faults() == []


@pytest.mark.parametrize(
    "rule, word",
    [
        ("nonsense", "no such fault"),
        ("cqe-lost=1", "no argument"),
        ("status=99/1", "SCT/SC"),
        ("hang=3", "such as 3s"),
        ("cqe-lost,color=red", "opc sq nsid slba nth count prob seed"),
        ("cqe-lost,opc=raed", "read"),
        ("cqe-lost,nth=0", "from 1"),
        ("cqe-lost,count=none", "or all"),
        ("cqe-lost,prob=2", "from 0 to 1"),
        ("read-stale", "needs slba"),
        ("rdy-never,opc=read", "not about commands"),
        ("cqe-lost," + "x" * 200, "at most"),
        ("", "POINT"),
    ],
)
def test_what_is_wrong_with_a_rule(ssd, rule, word):
    with pytest.raises(softssd.ControlError, match=word):
        ssd.fault(rule)
    assert ssd.faults() == []


def test_lost_completion(ssd, nvme0, nvme0n1, qpair, caught):
    """The driver's timeout: 07/ff, within its time."""
    nvme0.timeout = 400
    ssd.fault("cqe-lost,opc=read")
    begin = time.monotonic()
    get(nvme0n1, qpair)
    assert time.monotonic() - begin < 5
    assert any("drive timeout" in text for text in caught) and "ERROR status: 07/ff" in list(caught)
    nvme0.timeout = 10000
    nvme0.reset()


def test_late_completion(ssd, nvme0n1, qpair):
    ssd.fault("cqe-late=50ms,opc=read")
    get(nvme0n1, qpair)
    assert 50_000 <= qpair.latest_latency < 5_000_000


def test_hang(ssd, nvme0n1, qpair):
    """Nothing answers for a time, and then all of it."""
    ssd.fault("hang=200ms,opc=read")
    begin = time.monotonic()
    get(nvme0n1, qpair)
    assert 0.2 <= time.monotonic() - begin < 5
    get(nvme0n1, qpair)


def test_wrong_cid(ssd, nvme0, nvme0n1, qpair, caught):
    """A completion of no command is told, and the command ends at its timeout."""
    nvme0.timeout = 400
    ssd.fault("cqe-cid,opc=read")
    get(nvme0n1, qpair)
    assert any(text.startswith(f"unexpected cid: qpair: {qpair.sqid}, cid: 16384") for text in caught)
    assert "ERROR status: 07/ff" in list(caught)
    nvme0.timeout = 10000
    nvme0.reset()


def test_twice(ssd, nvme0, nvme0n1, qpair, caught):
    """The second completion has the CID of a command that is complete."""
    ssd.fault("cqe-twice,opc=read")
    for n in range(8):
        nvme0n1.read(qpair, d.Buffer(4096), LBA + 8 * n, 8)
    qpair.waitdone(8)
    assert [text.split(",")[0] for text in caught] == [f"unexpected cid: qpair: {qpair.sqid}"]


@pytest.mark.parametrize("rule, kind", [("cqe-sqid", "bad sqid"), ("cqe-sqhd=0xf000", "bad sqhd")])
def test_nonsense_in_an_entry(ssd, nvme0, nvme0n1, qpair, caught, rule, kind):
    nvme0.timeout = 400
    ssd.fault(rule)
    get(nvme0n1, qpair)
    assert any(text.startswith(f"{kind}: qpair: {qpair.sqid}") for text in caught)
    nvme0.timeout = 10000
    nvme0.reset()


def test_fatal(ssd, nvme0, nvme0n1, qpair, caught):
    nvme0.timeout = 400
    ssd.fault("cfs,opc=read")
    get(nvme0n1, qpair)
    assert nvme0[0x1C] & 2
    ssd.clear()
    nvme0.timeout = 10000
    nvme0.reset()
    assert nvme0[0x1C] & 3 == 1


def test_removed(ssd, nvme0, nvme0n1, qpair, caught):
    """Surprise removal: registers read all ones, commands end at their timeout."""
    nvme0.timeout = 400
    ssd.fault("remove,opc=read")
    get(nvme0n1, qpair)
    with pytest.raises(SystemError, match="No such device"):
        nvme0[0x1C]
    ssd.power(True)
    nvme0.timeout = 10000
    nvme0.reset()
    assert nvme0[0x1C] & 3 == 1


def test_stale_is_found(ssd, nvme0n1, qpair, verify, caught, caplog):
    put(nvme0n1, qpair)
    ssd.fault("write-lost")
    put(nvme0n1, qpair)
    get(nvme0n1, qpair)
    assert caught == ["ERROR status: 07/81"] and "stale version" in caplog.text


def test_stale_cache_is_found(ssd, nvme0, qpair, caught, caplog):
    """Of one LBA, a CRC of a byte may be the same by chance; one of 32 bits is not, as the versions differ in their token."""
    ns = d.Namespace(nvme0, crc32=True)
    ns.verify_enable(True)
    put(ns, qpair)
    ssd.fault(f"read-stale,slba={LBA + 2},count=all")
    put(ns, qpair)
    get(ns, qpair)
    assert caught == ["ERROR status: 07/81"] and "stale version" in caplog.text
    ssd.clear()
    caught.clear()
    get(ns, qpair)
    assert caught == []
    ns.close()


def test_misdirected_write_is_found(ssd, nvme0n1, qpair, verify, caught, caplog):
    put(nvme0n1, qpair, LBA, 32)
    ssd.fault("write-elsewhere=16")
    put(nvme0n1, qpair)
    get(nvme0n1, qpair, LBA + 16)
    assert caught == ["ERROR status: 07/81"] and f"misdirected: the data of LBA 0x{LBA:x}" in caplog.text


def test_torn_write_is_found(ssd, nvme0n1, qpair, verify, caught, caplog):
    put(nvme0n1, qpair)
    ssd.fault("write-torn")
    put(nvme0n1, qpair)
    get(nvme0n1, qpair)
    assert caught == ["ERROR status: 07/81"] and "torn: bytes 0 to 2047" in caplog.text


@pytest.mark.parametrize("rule", ["write-flip=700", "data-flip=700"])
def test_bit_flip_is_found(ssd, nvme0n1, qpair, verify, caught, caplog, rule):
    ssd.fault(rule)
    buf = put(nvme0n1, qpair)
    get(nvme0n1, qpair)
    assert caught == ["ERROR status: 07/81"] and "bit flips: 1 bit of the LBA: byte 188 bit 0" in caplog.text
    del buf


@pytest.mark.parametrize(
    "rule",
    [
        "data-none",
        "data-zeros",
        "data-torn",
        "data-short",
        "data-swapped",
        "read-elsewhere=8",
    ],
)
def test_wrong_data_is_found(ssd, nvme0n1, qpair, verify, caught, rule):
    put(nvme0n1, qpair, LBA, 32)
    ssd.fault(rule)
    get(nvme0n1, qpair)
    assert list(caught)[:1] == ["ERROR status: 07/81"]


def test_data_of_another_namespace_is_found(caught):
    with softssd.SoftwareSSD(size="16M", ns=2) as drive:
        pcie = d.Pcie(drive.addrs[0])
        nvme0 = d.Controller(pcie)
        one, two = d.Namespace(nvme0, 1), d.Namespace(nvme0, 2)
        qpair = d.Qpair(nvme0, 8)
        for ns in (one, two):
            assert ns.verify_enable()
            put(ns, qpair)
        faults.Ssd(drive.addrs[0].removeprefix("vfu:") + ".ctl").fault("nsid-swapped,opc=read")
        get(one, qpair)
        assert list(caught)[:1] == ["ERROR status: 07/81"]
        pcie.close()


def test_prp_list_shifted_is_found(ssd, nvme0n1, qpair, verify, caught):
    """The list is read from one entry further on: the last page is one that nobody gave."""
    nlb = 65536 // nvme0n1.sector_size
    put(nvme0n1, qpair, LBA, nlb)
    ssd.fault("prp-shift,opc=read")
    get(nvme0n1, qpair, LBA, nlb)
    assert list(caught)[:1] == ["ERROR status: 00/04"]


def test_an_ioworker_finds_it(ssd, nvme0n1, verify, caught, caplog):
    fill = dict(io_size=8, lba_random=False, region_start=0, region_end=512, read_percentage=0, qdepth=8)
    nvme0n1.ioworker(**fill).start().close()
    ssd.fault("data-flip=99,opc=read,nth=20")
    r = nvme0n1.ioworker(**{**fill, "read_percentage": 100}).start().close()
    assert r.error == 0x781 and "bit flips" in caplog.text


def test_an_ioworker_meets_an_error(ssd, nvme0n1, caught):
    ssd.fault("status=02/80,opc=write,nth=50")
    r = (
        nvme0n1.ioworker(
            io_size=8, lba_random=True, region_end=4096, read_percentage=0, io_count=200, qdepth=8
        )
        .start()
        .close()
    )
    assert r.error == 0x280


def test_by_seed_and_probability(ssd, nvme0n1, qpair, caught):
    """The same seed strikes the same commands."""

    def struck():
        rule = ssd.fault("status=02/81,opc=read,prob=0.2,seed=7")
        seen = []
        for n in range(60):
            caught.clear()
            get(nvme0n1, qpair)
            if list(caught):
                seen.append(n)
        ssd.clear(rule)
        return seen

    first = struck()
    assert 3 <= len(first) <= 25
    assert struck() == first


def test_smart_forgets(ssd, nvme0, subsystem):
    ssd.fault("smart-forgets")
    subsystem.power_cycle()
    nvme0.reset()
    page = d.Buffer(512)
    nvme0.getlogpage(2, page, 512).waitdone()
    assert page.data(127, 112) <= 1  # power cycles


def test_the_table():
    points = faults.points()
    assert len(points) >= 60 and len({p.name for p in points}) == len(points)
    assert all(p.does and p.violates and p.arg in ("", "number", "time", "status") for p in points)


def cli(*args):
    return subprocess.run([sys.executable, "-m", "nvproof", "ssd", *args], capture_output=True, text=True)


def test_command_line(ssd):
    at = ("-o", "json", "--at", ssd.control_path)
    rule = json.loads(cli(*at, "fault", "add", "cqe-lost,opc=verify").stdout)["id"]
    shown = json.loads(cli(*at, "fault", "show").stdout)["faults"]
    assert [f["rule"] for f in shown if f["id"] == rule] == ["cqe-lost,opc=verify"]
    assert json.loads(cli(*at, "fault", "clear").stdout)["cleared"] == 1
    assert json.loads(cli(*at, "stats").stdout)["cmds_admin"] > 0
    assert json.loads(cli(*at, "temperature").stdout)["celsius"] > 0
    assert json.loads(cli(*at, "info").stdout)["powered"] is True
    wrong = cli("--at", ssd.control_path, "fault", "add", "nonsense")
    assert wrong.returncode == 2 and "no such fault" in wrong.stderr
    gone = cli("--at", "/no/such.ctl", "stats")
    assert gone.returncode == 2 and "/no/such.ctl" in gone.stderr
    assert "cqe-phase-first=TIME" in cli("fault", "list").stdout


def test_fio_tells_what_failed(nvme0, ssd):
    ssd.fault("status=02/81,opc=read,nth=3")
    assert nvme0.fio(1, "--rw=read", "--size=1m") == 1
    assert nvme0.fio(1, "--rw=read", "--size=1m") == 0
