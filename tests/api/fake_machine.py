# SPDX-License-Identifier: BSD-3-Clause
"""A machine of files: /sys, /proc, /dev and /run in a folder, and a kernel that answers what is written to sysfs."""
import json
import os

from nvproof import sysfs

MOUNTINFO = "{id} 1 {dev} / {point} rw,relatime shared:1 - {fs} {source} rw\n"


class Machine:
    """Made of NVMe functions and what uses them; `with` nothing, it is in a temporary folder."""

    def __init__(self, root, monkeypatch):
        self.root = root
        self.written = []
        self.refuse = {}  # driver: it does not take functions
        monkeypatch.setenv("NVPROOF_TEST_ROOT", str(root))
        monkeypatch.setattr(sysfs, "write", self._write)
        for folder in (
            "sys/bus/pci/devices",
            "sys/block",
            "sys/class/block",
            "sys/class/nvme",
            "dev/vfio",
            "proc/self",
        ):
            (root / folder).mkdir(parents=True)
        for driver in ("nvme", "vfio-pci", "xhci_hcd", "pcieport"):
            (root / "sys/bus/pci/drivers" / driver).mkdir(parents=True)
        self.file(
            "proc/self/mountinfo",
            MOUNTINFO.format(id=1, dev="0:1", point="/", fs="overlay", source="overlay"),
        )
        self.file("proc/swaps", "Filename\tType\tSize\tUsed\tPriority\n")
        self._minor = 0

    def file(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def append(self, name, text):
        with open(self.root / name, "a", encoding="utf-8") as f:
            f.write(text)

    def link(self, name, to):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.symlink_to(self.root / to)

    # --- devices ---

    def function(self, bdf, group="7", driver="nvme", cls="0x010802", under="pci0000:00"):
        home = f"sys/devices/{under}/{bdf}"
        (self.root / home).mkdir(parents=True)
        self.link(f"sys/bus/pci/devices/{bdf}", home)
        self.file(f"{home}/class", cls + "\n")
        self.file(f"{home}/driver_override", "(null)\n")
        self.file(f"{home}/numa_node", "0\n")
        self.file(f"{home}/current_link_speed", "8.0 GT/s PCIe\n")
        self.file(f"{home}/current_link_width", "4\n")
        if group:
            self.link(f"{home}/iommu_group", f"sys/kernel/iommu_groups/{group}")
            self.link(f"sys/kernel/iommu_groups/{group}/devices/{bdf}", home)
        if driver:
            self._attach(bdf, driver)

    def nvme(self, bdf, n, **kwargs):
        """An NVMe function with the kernel's driver on it and one disk, nvme<n>n1."""
        self.function(bdf, **kwargs)
        home = f"sys/bus/pci/devices/{bdf}/nvme/nvme{n}"
        for name, text in (("model", "A Drive   "), ("serial", f"SN{n}"), ("firmware_rev", "1.0")):
            self.file(f"{home}/{name}", text + "\n")
        self.link(f"sys/class/nvme/nvme{n}/device", f"sys/bus/pci/devices/{bdf}")
        self.disk(f"nvme{n}n1")
        (self.root / home / f"nvme{n}n1").mkdir()

    def disk(self, name, sectors=2_000_000_000):
        self._minor += 1
        dev = f"259:{self._minor}"
        self.file(f"sys/block/{name}/dev", dev)
        self.file(f"sys/block/{name}/size", f"{sectors}\n")
        (self.root / f"sys/block/{name}/holders").mkdir()
        self.link(f"sys/class/block/{name}", f"sys/block/{name}")
        self.file(f"dev/{name}", "")
        return dev

    def partition(self, disk, n):
        name = f"{disk}p{n}"
        self._minor += 1
        dev = f"259:{self._minor}"
        self.file(f"sys/block/{disk}/{name}/partition", f"{n}\n")
        self.file(f"sys/block/{disk}/{name}/dev", dev)
        (self.root / f"sys/block/{disk}/{name}/holders").mkdir()
        self.link(f"sys/class/block/{name}", f"sys/block/{disk}/{name}")
        self.file(f"dev/{name}", "")
        return dev

    def holder(self, below, name, uuid="", mapped=""):
        """A stacked device on `below`."""
        dev = self.disk(name)
        self.link(f"sys/class/block/{below}/holders/{name}", f"sys/block/{name}")
        if mapped:
            self.file(f"sys/block/{name}/dm/name", mapped)
            self.file(f"sys/block/{name}/dm/uuid", uuid)
            self.link(f"dev/mapper/{mapped}", f"dev/{name}")
        return dev

    def mount(self, dev, source, point, fs="ext4"):
        self.append("proc/self/mountinfo", MOUNTINFO.format(id=9, dev=dev, point=point, fs=fs, source=source))

    def opened(self, node, pid=4321, comm="dd"):
        self.file(f"proc/{pid}/comm", comm)
        (self.root / f"proc/{pid}/fd").mkdir(parents=True, exist_ok=True)
        (self.root / f"proc/{pid}/fd/3").symlink_to(node)

    def driver(self, bdf):
        return sysfs.link(str(self.root / "sys/bus/pci/devices" / bdf / "driver"))

    def saved(self, bdf):
        path = self.root / f"run/nvproof/bind/{bdf}.json"
        return json.loads(path.read_text()) if path.exists() else None

    def override(self, bdf):
        return (self.root / f"sys/bus/pci/devices/{bdf}/driver_override").read_text()

    # --- the kernel ---

    def _attach(self, bdf, driver):
        self.link(f"sys/bus/pci/devices/{bdf}/driver", f"sys/bus/pci/drivers/{driver}")

    def _write(self, name, text):
        short = os.path.relpath(name, self.root)
        self.written.append((short, text))
        if short.endswith("/driver/unbind"):
            assert text in short
            (self.root / f"sys/bus/pci/devices/{text}/driver").unlink()
            nvme = self.root / f"sys/bus/pci/devices/{text}/nvme"
            if nvme.exists():
                nvme.rename(nvme.with_name("gone"))
        elif short == "sys/bus/pci/drivers_probe":
            self._probe(text)
        elif short.endswith("/driver_override"):
            self.file(short, "(null)\n" if text == "\n" else text)
        else:
            raise AssertionError(f"nobody writes {short}")

    def _probe(self, bdf):
        home = self.root / f"sys/bus/pci/devices/{bdf}"
        override = self.override(bdf).strip()
        driver = "nvme" if override == "(null)" else override
        if driver in self.refuse:
            return
        self._attach(bdf, driver)
        if driver == "nvme" and (home / "gone").exists():
            (home / "gone").rename(home / "nvme")
