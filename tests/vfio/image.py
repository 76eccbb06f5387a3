# SPDX-License-Identifier: BSD-3-Clause
"""What the guest boots: the distribution's kernel, and an initramfs made here of busybox and the modules it needs.

The kernel is that of the package linux-image-amd64: an installed one, or else the package, downloaded and unpacked (not installed: the
machine's own boot menu is none of our business).
"""
import gzip
import lzma
import os
import pathlib
import re
import struct
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
CACHE = ROOT / "build" / "guest"
MODULES = [
    "virtio_pci",
    "9pnet_virtio",
    "9p",
    "overlay",
    "ext4",
    "dm_mod",
    "nvme",
    "vfio_pci",
    "vfio_iommu_type1",
]
OPTIONAL = [
    "iommufd",
    "crc32c_intel",
    "crc32c_generic",
]  # newer kernels have the first; ext4 asks for crc32c by name


class NoGuest(RuntimeError):
    """There is no kernel, or no program, to make a guest of; the text says what to install."""


def _run(*cmd, cwd=None):
    p = subprocess.run(cmd, cwd=cwd, capture_output=True, text=True)
    if p.returncode:
        raise NoGuest(f"{' '.join(cmd)}: {(p.stderr or p.stdout).strip()}")
    return p.stdout


def _trees():
    """Folders that may hold boot/ and lib/modules/, best first."""
    named = os.environ.get("NVPROOF_GUEST_KERNEL")
    if named:
        return [pathlib.Path(named)]
    return [CACHE / "kernel", pathlib.Path("/")]


def _find():
    for tree in _trees():
        for image in sorted(tree.glob("boot/vmlinuz-*-amd64"), reverse=True):
            version = image.name.removeprefix("vmlinuz-")
            modules = tree / "lib/modules" / version
            if (modules / "kernel").is_dir() and os.access(image, os.R_OK):
                return version, image, modules
    return None


def _download():
    depends = _run("apt-cache", "depends", "linux-image-amd64")
    name = re.search(r"Depends: (linux-image-\S+-amd64)$", depends, re.M)
    if not name:
        raise NoGuest("no package linux-image-amd64: the guest runs Debian's kernel")
    CACHE.mkdir(parents=True, exist_ok=True)
    _run("apt-get", "download", "-qq", name[1], cwd=CACHE)
    for package in CACHE.glob("linux-image-*.deb"):
        _run("dpkg-deb", "-x", str(package), str(CACHE / "kernel"))
        package.unlink()


def kernel():
    """(version, image, folder of modules)."""
    found = _find()
    if not found:
        _download()
        found = _find()
    if not found:
        raise NoGuest("the package linux-image-amd64 holds no kernel")
    return found


def uncompressed(image, version):
    """The kernel without its own decompressor, which software emulation runs for seconds; else the image as it is.

    Kernel documentation, "The Linux/x86 Boot Protocol": setup_sects, payload_offset, payload_length.
    """
    out = CACHE / f"vmlinux-{version}"
    if out.exists():
        return out
    raw = image.read_bytes()
    start, length = struct.unpack_from("<II", raw, 0x248)
    payload = raw[(raw[0x1F1] + 1) * 512 + start :][:length]
    try:
        if payload[:6] == b"\xfd7zXZ\0":
            data = lzma.LZMADecompressor().decompress(payload)
        elif payload[:2] == b"\x1f\x8b":
            data = gzip.decompress(payload)
        else:
            return image
    except (lzma.LZMAError, OSError, EOFError):
        return image
    CACHE.mkdir(parents=True, exist_ok=True)
    part = out.with_suffix(f".{os.getpid()}")
    part.write_bytes(data)
    part.rename(out)
    return out


def _content(path):
    """A module, which newer packages compress."""
    return lzma.decompress(path.read_bytes()) if path.suffix == ".xz" else path.read_bytes()


def _name(path):
    return path.name.split(".")[0].replace("-", "_")


def _depends(path):
    """Modules that a module needs, as its own .modinfo says."""
    found = re.search(rb"[\0]depends=([^\0]*)\0", _content(path))
    return [d.replace("-", "_") for d in found[1].decode().split(",") if d] if found else []


def module_files(modules):
    """The files of MODULES and what they need, in the order of loading."""
    files = {_name(p): p for p in (modules / "kernel").rglob("*.ko*") if p.suffix in (".ko", ".xz")}
    order = []

    def add(name, needed):
        if name not in files:
            builtin = (modules / "modules.builtin").read_text().replace("-", "_")
            if needed and f"/{name}.ko" not in builtin:
                raise NoGuest(f"the kernel has no module {name}")
            return
        for d in _depends(files[name]):
            add(d, True)
        if files[name] not in order:
            order.append(files[name])

    for name in OPTIONAL:
        add(name, False)
    for name in MODULES:
        add(name, True)
    return order


class _Cpio:
    """An archive in the "newc" format, which the kernel unpacks.  Kernel documentation, "initramfs buffer format"."""

    def __init__(self):
        self.data = bytearray()
        self._ino = 0

    def add(self, name, content=b"", mode=0o100644):
        self._ino += 1
        raw = name.encode() + b"\0"
        fields = (self._ino, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(raw), 0)
        self.data += b"070701" + b"".join(b"%08X" % f for f in fields) + raw
        self._pad()
        self.data += content
        self._pad()

    def _pad(self):
        self.data += bytes(-len(self.data) % 4)


def initramfs(modules):
    """Path of the archive: /init, busybox, and modules named in the order of loading."""
    busybox = next((p for p in ("/bin/busybox", "/usr/bin/busybox") if os.path.exists(p)), None)
    if busybox is None:
        raise NoGuest("no busybox: install busybox-static")
    cpio = _Cpio()
    for folder in ("bin", "modules", "proc", "sys", "dev", "host", "upper", "root"):
        cpio.add(folder, mode=0o040755)
    cpio.add("bin/busybox", pathlib.Path(busybox).read_bytes(), 0o100755)
    cpio.add("init", (ROOT / "tests/vfio/init.sh").read_bytes(), 0o100755)
    for i, path in enumerate(module_files(modules)):
        cpio.add(f"modules/{i:03d}-{path.name.removesuffix('.xz')}", _content(path))
    cpio.add("TRAILER!!!")
    CACHE.mkdir(parents=True, exist_ok=True)
    out = CACHE / f"initramfs-{os.getpid()}.cpio"
    out.write_bytes(cpio.data)
    return out
