# SPDX-License-Identifier: BSD-3-Clause
"""Bring-up: the default one, the script's own, its steps one by one, and what reset() does with each."""
import time
import warnings

import pytest

import nvme as d
from nvproof.bringup import default_init

AERL = 259  # Identify Controller


def standard_init(nvme0, cc=0x00460000):
    """The documented order."""
    nvme0[0x14] = 0
    nvme0.wait_csts(rdy=False)
    assert nvme0.init_adminq() == 0
    nvme0[0x14] = cc
    nvme0[0x14] = cc | 1
    nvme0.wait_csts(rdy=True)
    nvme0.identify(d.Buffer(4096)).waitdone()
    assert nvme0.init_ns() >= 0
    nvme0.setfeatures(7, cdw11=0xFFFEFFFE).waitdone()
    nvme0.init_queues(nvme0.getfeatures(7).waitdone())
    nvme0.aer()


def works(nvme0, qpair=None):
    """Admin and I/O commands do something."""
    assert nvme0.getfeatures(7).waitdone() > 0
    ns, pair = d.Namespace(nvme0), qpair or d.Qpair(nvme0, 8)
    out, back = d.Buffer(512, ptype=0xBEEF, pvalue=100), d.Buffer(512)
    ns.write(pair, out, 3).waitdone()
    ns.read(pair, back, 3).waitdone()
    assert back[:] == out[:]
    ns.close()


def test_default_is_the_documented_order(nvme0):
    assert nvme0.nvme_init_func is None
    css = 0x60 if nvme0[4] >> 11 & 1 else 0  # CAP.CSS: more command sets than NVM, and then all are enabled
    assert nvme0[0x14] == 0x00460001 | css and nvme0[0x1C] & 1
    names = [line.split(": ", 1)[1].split(" (")[0] for line in reversed(nvme0.cmdlog())]
    order = [names.index(name) for name in ("Identify", "Set Features", "Get Features")]
    assert order == sorted(order)
    assert "Asynchronous Event Request" in names  # one is outstanding
    assert sum("Asynchronous Event Request" in name for name in names) == 1


@pytest.mark.parametrize("init", [standard_init, default_init])
def test_user_init(pcie, init):
    calls = []

    def user(nvme0):
        calls.append(nvme0)
        init(nvme0)

    nvme0 = d.Controller(pcie, nvme_init_func=user)
    assert calls == [nvme0] and nvme0.nvme_init_func is user
    qpair = d.Qpair(nvme0, 8)
    works(nvme0, qpair)
    nvme0.reset()  # the same function again, and the queue pair is created again
    assert calls == [nvme0, nvme0]
    works(nvme0, qpair)


def test_user_init_chooses_cc(pcie):
    """Weighted round robin, which the script asks for in CC.AMS."""
    cap = d.Controller(pcie, True).cap
    if not cap >> 17 & 1:
        pytest.skip("no weighted round robin: CAP.AMS")
    nvme0 = d.Controller(pcie, lambda n: standard_init(n, 0x00460800))
    assert nvme0[0x14] == 0x00460801
    works(nvme0, d.Qpair(nvme0, 8, prio=2))
    nvme0.reset()
    assert nvme0[0x14] == 0x00460801


def test_user_init_sends_several_aers(pcie, caught):
    def init(nvme0):
        standard_init(nvme0)
        for _ in range(nvme0.id_data(AERL)):  # one is there already
            nvme0.aer()

    nvme0 = d.Controller(pcie, init)
    nvme0.getfeatures(7).waitdone()
    assert caught == []
    nvme0.aer()  # one too many
    nvme0.getfeatures(7).waitdone()
    assert "ERROR status: 01/05" in caught


def test_user_init_that_fails(pcie):
    def broken(nvme0):
        nvme0[0x14] = 0
        nvme0.wait_csts(rdy=False)
        raise KeyError("of the script")

    with pytest.raises(KeyError):
        d.Controller(pcie, broken)
    works(d.Controller(pcie))


def test_user_init_fails_at_reset(pcie):
    """Commands end, the controller is disabled, what is sent is refused; the next good reset mends it."""
    good = [True]

    def init(nvme0):
        if not good[0]:
            raise KeyError("of the script")
        standard_init(nvme0)

    nvme0 = d.Controller(pcie, init)
    qpair, ns, seen = d.Qpair(nvme0, 8), d.Namespace(nvme0), []
    ns.read(qpair, d.Buffer(512), 0, cb=lambda cpl: seen.append(cpl.status))
    good[0] = False
    with pytest.raises(KeyError):
        nvme0.reset()
    assert len(seen) == 1 and not nvme0[0x14] & 1
    with pytest.raises(SystemError):
        nvme0.getfeatures(7)
    with pytest.raises(SystemError):
        ns.read(qpair, d.Buffer(512), 0)
    good[0] = True
    nvme0.reset()
    works(nvme0, qpair)


def test_no_init(pcie):
    nvme0 = d.Controller(pcie, True)
    assert nvme0.nvme_init_func is True
    before = nvme0[0x14]
    assert nvme0[8] >= 0x10000 and nvme0.cap & 0xFFFF and nvme0[0x14] == before
    for refused in (lambda: nvme0.getfeatures(7), nvme0.waitdone, nvme0.get_adminq_setting):
        with pytest.raises(SystemError):
            refused()


@pytest.mark.parametrize("bad", [0, False, 1, "default"])
def test_bad_init_func(pcie, bad):
    with pytest.raises(TypeError):
        d.Controller(pcie, bad)


@pytest.mark.parametrize("depth", [2, 16, 127, 4095])
def test_init_adminq_depth(pcie, depth):
    def init(nvme0):
        nvme0[0x14] = 0
        nvme0.wait_csts(rdy=False)
        assert nvme0.init_adminq(depth) == 0
        assert nvme0[0x24] == (depth - 1) * 0x10001
        nvme0[0x14] = 0x00460001
        nvme0.wait_csts(rdy=True)

    nvme0 = d.Controller(pcie, init)
    sq, sq_size, cq, cq_size = nvme0.get_adminq_setting()
    assert sq_size == cq_size == depth
    assert nvme0[0x28] | nvme0[0x2C] << 32 == sq and nvme0[0x30] | nvme0[0x34] << 32 == cq
    for _ in range(2 * min(depth, 128)):  # round the rings
        assert nvme0.getfeatures(7).waitdone() > 0
    for _ in range(depth - 1):
        nvme0.getfeatures(7)
    with pytest.raises(AssertionError, match="error in submitting"):
        nvme0.getfeatures(7)
    nvme0.waitdone(depth - 1)


def test_init_adminq_is_refused(pcie):
    nvme0 = d.Controller(pcie)
    assert nvme0.init_adminq() != 0  # enabled
    for depth in (0, 1, 4096):
        with pytest.raises(AssertionError):
            nvme0.init_adminq(depth)
    assert nvme0.getfeatures(7).waitdone() > 0


def test_init_adminq_lazy(pcie):
    """Nothing is sent before ring_doorbell() or waitdone()."""

    def init(nvme0):
        nvme0[0x14] = 0
        nvme0.wait_csts(rdy=False)
        nvme0.init_adminq(16, lazy_doorbell=True)
        nvme0[0x14] = 0x00460001
        nvme0.wait_csts(rdy=True)

    nvme0 = d.Controller(pcie, init)
    for ring in (nvme0.ring_doorbell, lambda: None):
        nvme0.getfeatures(7)
        nvme0._pause(0.02)
        assert "outstanding" in nvme0.cmdlog(1)[0]
        ring()
        assert nvme0.waitdone() > 0


def test_init_adminq_reuse(pcie):
    """The memory stays over a controller reset, and so do the registers, which need not be written again."""
    settings = []

    def init(nvme0):
        again = bool(settings)
        nvme0[0x14] = 0
        nvme0.wait_csts(rdy=False)
        before = nvme0[0x24], nvme0[0x28]
        nvme0.init_adminq(32, skip_register=again, reuse_adminq=again)
        assert not again or before == (nvme0[0x24], nvme0[0x28])
        nvme0[0x14] = 0x00460001
        nvme0.wait_csts(rdy=True)
        settings.append(nvme0.get_adminq_setting())

    nvme0 = d.Controller(pcie, init)
    nvme0.reset()
    assert settings[0] == settings[1] and nvme0.getfeatures(7).waitdone() > 0


def test_skip_register(pcie):
    """The script writes AQA, ASQ and ACQ itself."""

    def init(nvme0):
        nvme0[0x14] = 0
        nvme0.wait_csts(rdy=False)
        nvme0[0x24], nvme0[0x28], nvme0[0x30] = 0, 0, 0
        nvme0.init_adminq(64, skip_register=True)
        assert nvme0[0x24] == 0 and nvme0[0x28] == 0
        sq, size, cq, _ = nvme0.get_adminq_setting()
        nvme0[0x24] = (size - 1) * 0x10001
        for at, value in ((0x28, sq), (0x30, cq)):
            nvme0[at], nvme0[at + 4] = value & 0xFFFFFFFF, value >> 32
        nvme0[0x14] = 0x00460001
        nvme0.wait_csts(rdy=True)

    assert d.Controller(pcie, init).getfeatures(7).waitdone() > 0


def test_init_queues_limits(pcie):
    """As many queue pairs as the script says; none before it says so."""

    def init(nvme0):
        nvme0[0x14] = 0
        nvme0.wait_csts(rdy=False)
        nvme0.init_adminq()
        nvme0[0x14] = 0x00460001
        nvme0.wait_csts(rdy=True)

    nvme0 = d.Controller(pcie, init)
    with pytest.raises(d.QpairCreationError, match="init_queues"):
        d.Qpair(nvme0, 8)
    nvme0.init_queues(0x00010001)
    pairs = [d.Qpair(nvme0, 8), d.Qpair(nvme0, 8)]
    with pytest.raises(d.QpairCreationError):
        d.Qpair(nvme0, 8)
    assert [q.sqid for q in pairs] == [1, 2] == nvme0.iosq_list


def test_init_ns_fails(pcie):
    """Below 0 when Identify fails; the default bring-up tries twice, with a warning, and gives up."""

    def init(nvme0):
        nvme0[0x14] = 0
        nvme0.wait_csts(rdy=False)
        nvme0.init_adminq()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            nvme0.timeout = 50
            assert nvme0.init_ns() < 0  # not enabled yet: no answer
        nvme0.timeout = 10_000
        standard_init(nvme0)
        assert nvme0.init_ns() == 0

    works(d.Controller(pcie, init))

    class Deaf(d.Controller):
        def init_ns(self):
            return -1

    start = time.monotonic()
    with pytest.warns(UserWarning, match="init namespaces first warning"):
        with pytest.raises(d.NvmeEnumerateError, match="twice"):
            Deaf(pcie)
    assert pcie.addr.startswith("sim:") or time.monotonic() - start >= 1


def test_wait_csts_times_out(nvme0):
    limit = max((nvme0.cap >> 24 & 0xFF) / 2, 0.5)
    nvme0.wait_csts()
    nvme0.wait_csts(rdy=True)
    start = nvme0._now()
    with pytest.raises(d.NvmeEnumerateError, match="CAP.TO") as e:
        nvme0.wait_csts(rdy=False)
    assert isinstance(e.value, TimeoutError)
    assert limit <= nvme0._now() - start < limit + 1


@pytest.mark.parametrize("user", [None, standard_init])
def test_reset_without_qpairs(pcie, user):
    nvme0 = d.Controller(pcie, user)
    qpair, ns, seen = d.Qpair(nvme0, 8), d.Namespace(nvme0), []
    ns.read(qpair, d.Buffer(512), 0, cb=lambda cpl: seen.append(cpl.status))
    nvme0.reset(create_qpair=False)
    assert len(seen) == 1 and nvme0.iosq_list == [] and qpair.sqid == 0
    with pytest.raises(SystemError):
        ns.read(qpair, d.Buffer(512), 0)
    qpair.delete()
    again = d.Qpair(nvme0, 8)
    assert again.sqid == 1
    works(nvme0, again)
