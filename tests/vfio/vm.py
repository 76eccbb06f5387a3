# SPDX-License-Identifier: BSD-3-Clause
"""A virtual machine with an IOMMU and NVMe drives, for a job that needs a kernel with VFIO.

It boots under QEMU's software emulation (TCG), or KVM where that works and NVPROOF_GUEST_ACCEL does not say otherwise.  Its root is the
host's file system, read-only over 9p with memory on top, so python and the build are those of the host.  It has no network.
"""
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

import image

# Three drives as the guest sees them.  The last one sits behind a root port, has a bridge above it, and virtual functions.
DRIVES = """
-drive if=none,id=d0,file={dir}/d0.img,format=raw,cache=unsafe -device nvme,drive=d0,serial=FIRST,addr=4,max_ioqpairs=8
-drive if=none,id=d1,file={dir}/d1.img,format=raw,cache=unsafe -device nvme,drive=d1,serial=SECOND,addr=5,max_ioqpairs=8
-device pcie-root-port,id=rp,slot=1,chassis=1,addr=6,x-speed=2_5
-device nvme-subsys,id=s0
-device nvme,subsys=s0,serial=THIRD,bus=rp,max_ioqpairs=8,msix_qsize=9,sriov_max_vfs=2,sriov_vq_flexible=4,sriov_vi_flexible=4
-drive if=none,id=d2,file={dir}/d2.img,format=raw,cache=unsafe -device nvme-ns,drive=d2,shared=on
"""
SIZES = {"d0": 1 << 30, "d1": 256 << 20, "d2": 256 << 20}
UP_MARK = "guest: up"  # init.sh
UP_S = 20
KERNEL_ARGS = "console=ttyS0 quiet panic=-1 intel_iommu=on tsc=reliable"


def _kvm_likely():
    """A virtual machine's own KVM, where there is one, may hang or lack features: TCG is surer there."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return False
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as f:
        return " hypervisor" not in f.read()


def boot(job, limit_s):
    """A guest that has run the job, with its exit status in .status; KVM that does not come up is replaced by TCG."""
    kind = os.environ.get("NVPROOF_GUEST_ACCEL") or ("kvm" if _kvm_likely() else "tcg")
    end = time.monotonic() + limit_s
    guest = Guest(job, kind)
    guest.start()
    if kind == "kvm" and not guest.wait_up(min(UP_S, limit_s)):
        guest.close()
        guest = Guest(job, "tcg")
        guest.start()
    guest.wait(end - time.monotonic())
    return guest


class Guest:
    """A guest for a job, which is a shell script.  out: the folder it writes to; status: its exit status, None before its end."""

    def __init__(self, job, kind):
        self.kind = kind
        self.status = None
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="nvproof-guest-"))
        self.out = self.dir / "out"
        self.out.mkdir()
        (self.out / "job.sh").write_text(job)
        self._process = None
        self._initramfs = None

    def _command(self):
        qemu = shutil.which("qemu-system-x86_64")
        if qemu is None:
            raise image.NoGuest("no qemu-system-x86_64: install qemu-system-x86")
        version, boot, modules = image.kernel()
        if self.kind == "tcg":
            boot = image.uncompressed(boot, version)
        self._initramfs = image.initramfs(modules)
        share = "local,multidevs=remap,security_model=none"
        words = f"""
            {qemu} -M q35,kernel-irqchip=split -accel {self.kind} -cpu {'host,-arch-capabilities' if self.kind == 'kvm' else 'max'}
            -smp 2 -m 2048 -nodefaults -no-reboot -display none -serial file:{self.dir}/console
            -kernel {boot} -initrd {self._initramfs}
            -device intel-iommu,intremap=on
            -fsdev {share},id=host,path=/,readonly=on -device virtio-9p-pci,fsdev=host,mount_tag=host,addr=10
            -fsdev {share},id=out,path={self.out} -device virtio-9p-pci,fsdev=out,mount_tag=out,addr=11
            {DRIVES.format(dir=self.dir)}"""
        return [*words.split(), "-append", KERNEL_ARGS]

    def start(self):
        """Power on.  image.NoGuest: something is not installed."""
        for name, size in SIZES.items():
            with open(self.dir / f"{name}.img", "wb") as f:
                f.truncate(size)
        with open(self.dir / "qemu", "wb") as said:
            self._process = subprocess.Popen(
                self._command(), stdin=subprocess.DEVNULL, stdout=said, stderr=said
            )

    def _ended(self, limit_s):
        try:
            self._process.wait(max(0.0, limit_s))
        except subprocess.TimeoutExpired:
            return False
        return True

    def wait_up(self, limit_s):
        """Whether its first process runs within the time."""
        end = time.monotonic() + limit_s
        while time.monotonic() < end and not self._ended(0.2):
            if UP_MARK in self.console():
                return True
        return UP_MARK in self.console()

    def wait(self, limit_s):
        """Until it has powered off.  status stays None when it does not, or died before the job's end."""
        if not self._ended(limit_s):
            return
        try:
            self.status = int((self.out / "status").read_text())
        except (OSError, ValueError):
            pass

    def log(self):
        """What the job printed."""
        path = self.out / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def console(self):
        """What QEMU and the guest's kernel said."""
        return "".join(
            (self.dir / n).read_text(errors="replace") for n in ("qemu", "console") if (self.dir / n).exists()
        )

    def close(self):
        """End it, if it still runs, and remove its files."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        if self._initramfs is not None:
            self._initramfs.unlink(missing_ok=True)
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()
