# SPDX-License-Identifier: BSD-3-Clause
"""Hand an NVMe function to VFIO, and give it back to the kernel as it was.

What release() has to know is written to /run/nvproof/bind before anything is changed, so that it works after a crash of this process too; and
without that file it does what the kernel would do by itself.  Kernel documentation, "driver_override" in sysfs-bus-pci.
"""
import errno
import json
import logging
import os
import shutil
import subprocess
import time

from . import inuse, pcidev, sysfs
from .inuse import Use
from .pcidev import Function

DRIVER = "vfio-pci"

log = logging.getLogger("nvproof")


class InUse(OSError):
    """The drive cannot be taken; the text says who uses it, and what to do."""


def _refuse(f: Function, uses: list[Use]) -> None:
    if uses:
        lines = "".join(f"\n  {u.text}; {u.advice}" for u in uses)
        raise InUse(
            f"{f.bdf}{f' ({f.model})' if f.model else ''} is in use and stays with the kernel:{lines}"
        )


def check(f: Function, together: tuple[str, ...] = (), allow_noiommu: bool = False) -> None:
    """Whether it may be taken.  InUse, ValueError."""
    if not f.is_nvme:
        raise ValueError(f"{f.bdf}: is no NVMe function (its class is {f.pci_class:04x}h)")
    uses = inuse.users(f) + inuse.group_users(f, together)
    if f.virtual_functions:
        path = os.path.join(f.dir, "sriov_numvfs")
        uses.append(
            Use(f"{len(f.virtual_functions)} virtual functions of it are enabled", f"echo 0 > {path}")
        )
    _refuse(f, uses)
    if not f.group and not allow_noiommu:
        raise InUse(
            f"{f.bdf}: there is no IOMMU, so the drive could write anywhere into memory.  Enable it in the firmware (VT-d, AMD-Vi, SMMU) "
            "and in the kernel (intel_iommu=on); or accept that with --allow-noiommu"
        )


def _load_module() -> None:
    if os.path.isdir(sysfs.path("sys/bus/pci/drivers", DRIVER)):
        return
    tool = shutil.which("modprobe", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    said = ""
    if tool:
        said = subprocess.run([tool, DRIVER], capture_output=True, text=True, check=False).stderr.strip()
    if not os.path.isdir(sysfs.path("sys/bus/pci/drivers", DRIVER)):
        raise OSError(
            f"the kernel module {DRIVER} is not loaded: modprobe {DRIVER}" + (f" ({said})" if said else "")
        )


def _check_unsafe_mode(f: Function) -> None:
    """Without an IOMMU VFIO takes a function only in a mode that is switched on.  Kernel configuration, VFIO_NOIOMMU."""
    path = sysfs.path("sys/module/vfio/parameters/enable_unsafe_noiommu_mode")
    mode = sysfs.read(path)
    if not mode:
        raise OSError(
            f"{f.bdf}: the VFIO of this kernel takes no drive without an IOMMU: it was built without CONFIG_VFIO_NOIOMMU"
        )
    if mode != "Y":
        raise OSError(f"{f.bdf}: VFIO takes no drive without an IOMMU yet: echo 1 > {path}")


def _save(f: Function) -> None:
    """Before anything changes.  An older file stays: it tells how things were before us."""
    path = pcidev.state_path(f.bdf)
    if pcidev.state(f.bdf):
        return
    override = sysfs.read(os.path.join(f.dir, "driver_override"))
    saved = {
        "driver": f.driver,
        "driver_override": "" if override == "(null)" else override,
        "model": f.model,
        "serial": f.serial,
        "firmware": f.firmware,
        "size": str(f.size),
        "bound": time.strftime("%Y-%m-%d %H:%M:%S"),
    }
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    part = f"{path}.{os.getpid()}"
    with open(part, "w", encoding="utf-8") as out:
        json.dump(saved, out)
    os.rename(part, path)


def _claim(f: Function) -> list[int]:
    """Hold the disks for ourselves, so that nobody mounts one between the check and the change."""
    held: list[int] = []
    for disk in f.disks():
        node = sysfs.path("dev", disk)
        if not inuse.is_block(node):
            continue
        try:
            held.append(os.open(node, os.O_RDONLY | os.O_EXCL | os.O_CLOEXEC))
        except OSError as e:
            for fd in held:
                os.close(fd)
            if e.errno == errno.EBUSY:
                raise InUse(f"{f.bdf}: /dev/{disk} has just been taken by somebody else") from None
            raise
    return held


def _set_driver(f: Function, override: str, probe: bool) -> None:
    sysfs.write(os.path.join(f.dir, "driver_override"), (override or "") + "\n")
    if f.driver:
        sysfs.write(os.path.join(f.dir, "driver/unbind"), f.bdf)
    if probe:
        sysfs.write(sysfs.path("sys/bus/pci/drivers_probe"), f.bdf)


def _give_to(f: Function, user: str) -> None:
    if user:
        shutil.chown(f.vfio_node, user)


def bind(
    addr: str,
    together: tuple[str, ...] = (),
    user: str = "",
    allow_noiommu: bool = False,
    dry_run: bool = False,
) -> bool:
    """Take a function from the kernel for VFIO; False: it had it already.

    user: who may open it from now on; default only root.  InUse: it, or something on it, is used; OSError: the kernel refused; ValueError.
    """
    f = Function(addr)
    if f.is_vfio:
        if user and not dry_run:
            _give_to(f, user)
        return False
    check(f, together, allow_noiommu)
    if dry_run:
        return True
    _load_module()
    if not f.group:
        _check_unsafe_mode(f)
    held = _claim(f)
    try:
        _save(f)
        _set_driver(f, DRIVER, True)
    except OSError as e:
        _undo(f)
        raise OSError(
            e.errno, f"{f.bdf}: cannot be taken from the kernel: {e.strerror}; run it as root"
        ) from None
    finally:
        for fd in held:
            os.close(fd)
    if not f.is_vfio:
        _undo(f)
        raise OSError(f"{f.bdf}: {DRIVER} did not take it (dmesg says why); the kernel has it again")
    _give_to(f, user)
    return True


def _undo(f: Function) -> None:
    try:
        release(f.bdf)
    except OSError as e:
        log.warning("%s: could not be given back: %s", f.bdf, e)


def release(addr: str) -> bool:
    """Give a function back to the kernel as it was; False: VFIO did not have it, and nothing was left to restore.

    InUse: a program has it open (the kernel would wait for its end); OSError: the kernel refused; ValueError.
    """
    f = Function(addr)
    saved = pcidev.state(f.bdf)
    if not saved and f.driver and not f.is_vfio:
        return False
    if f.is_vfio:
        users = inuse.vfio_openers(f)
        if users:
            raise InUse(f"{f.bdf}: is open in {', '.join(users)}; end it first")
    if f.is_vfio or not f.driver:
        had_driver = not saved or bool(saved.get("driver"))
        _set_driver(f, saved.get("driver_override", ""), had_driver)
    else:
        sysfs.write(os.path.join(f.dir, "driver_override"), saved.get("driver_override", "") + "\n")
    if f.is_vfio:
        raise OSError(f"{f.bdf}: {f.driver} still has it; see dmesg")
    try:
        os.unlink(pcidev.state_path(f.bdf))
    except FileNotFoundError:
        pass
    return True


def ensure(addr: str, allow_noiommu: bool = False) -> str:
    """For an address in a test: taken from the kernel if nobody uses it; the address.  The same checks and messages as `nvproof bind`."""
    f = Function(addr)
    if not f.is_vfio:
        before = f.driver or "nobody"
        bind(f.bdf, allow_noiommu=allow_noiommu)
        log.warning("%s: taken from %s; `nvproof release %s` gives it back", f.bdf, before, f.bdf)
    return f.bdf
