# SPDX-License-Identifier: BSD-3-Clause
"""Wrong implementations of the Python contract: what a file says, what it says instead, and which tests have to see it."""
from typing import NamedTuple


class Mutant(NamedTuple):
    name: str
    file: str  # in python/nvproof
    old: str  # once in the file
    new: str
    tests: str  # in tests/api


MUTANTS = (
    Mutant(
        "data() leaves the last byte out",
        "util.py",
        "data[begin : byte_end + 1]",
        "data[begin:byte_end]",
        "test_buffer.py",
    ),
    Mutant(
        "numbers are big-endian",
        "util.py",
        '"big" if endian == "big" else "little"',
        '"big"',
        "test_buffer.py",
    ),
    Mutant(
        "a DSM range has LBA before count",
        "buffer.py",
        "(attr, 4), (lba_count, 4), (lba, 8)",
        "(attr, 4), (lba, 8), (lba_count, 4)",
        "test_buffer.py",
    ),
    Mutant(
        "set_copy_range() counts from 0",
        "buffer.py",
        "(lba_count - 1, 2)",
        "(lba_count, 2)",
        "test_buffer.py",
    ),
    Mutant(
        "a controller list without its count", "buffer.py", "(len(cntlids), 2)", "(0, 2)", "test_buffer.py"
    ),
    Mutant("CRC-8 of another polynomial", "buffer.py", "0x107", "0x11D", "test_buffer.py"),
    Mutant("distance() counts bytes", "buffer.py", ").bit_count()", ").bit_length() // 8", "test_buffer.py"),
    Mutant(
        "dump() has 8 bytes a line",
        "buffer.py",
        "range(0, len(data), 16)",
        "range(0, len(data), 8)",
        "test_buffer.py",
    ),
    Mutant(
        "NSSR of another signature",
        "subsystem.py",
        "_NSSR_MAGIC = 0x4E564D65",
        "_NSSR_MAGIC = 0x4E564D66",
        "test_contract_subsystem.py",
    ),
    Mutant(
        "a shutdown is not waited for",
        "subsystem.py",
        "if nvme[_CSTS] >> 2 & 3 == _SHST_COMPLETE:",
        "if True:",
        "test_contract_subsystem.py",
    ),
    Mutant(
        "an abrupt shutdown is a normal one",
        "subsystem.py",
        "(2 if abrupt else 1)",
        "1",
        "test_contract_subsystem.py",
    ),
    Mutant(
        "workers outlive a power cut",
        "subsystem.py",
        "        self._nvme.stop_workers()\n        if self._poweroff_cb",
        "        if self._poweroff_cb",
        "test_contract_subsystem.py test_iow_life.py",
    ),
    Mutant(
        "supports() of I/O commands asks for admin commands",
        "namespace.py",
        "supports(256 + opcode)",
        "supports(opcode)",
        "test_contract_info.py test_contract_ns.py",
    ),
    Mutant(
        "format() does not clear the table",
        "namespace.py",
        "        nvme.ns_clear(0xFFFFFFFF if nvme.id_data(524) & 1 else self.nsid)\n",
        "",
        "test_verify.py test_contract_ns.py",
    ),
    Mutant(
        "format() does not refresh",
        "namespace.py",
        "        self.refresh()\n",
        "",
        "test_contract_ns.py test_pi.py",
    ),
    Mutant(
        "the token is not switched off",
        "namespace.py",
        "return self._inject_token(False)",
        "return self._inject_token(True)",
        "test_verify.py test_pi.py",
    ),
    Mutant(
        "a snapshot is not loaded",
        "namespace.py",
        "self.load_crc(crc_snapshot)",
        "pass",
        "test_verify.py test_contract_ns.py",
    ),
    Mutant(
        "an LBA format without its metadata",
        "controller.py",
        "(1 << lbads, ms, elbaf",
        "(1 << lbads, meta_size, elbaf",
        "test_pi.py",
    ),
    Mutant(
        "slices of configuration space end at 256",
        "pcie.py",
        "key.indices(4096)",
        "key.indices(256)",
        "test_contract_pcie.py",
    ),
    Mutant(
        "capabilities are not aligned",
        "pcie.py",
        "self.cfg_byte_read(offset + 1) & 0xFC",
        "self.cfg_byte_read(offset + 2) & 0xFC",
        "test_contract_pcie.py",
    ),
    Mutant(
        "IOCQ is created one entry too long",
        "metamode.py",
        "self.qsize - 1 << 16",
        "self.qsize << 16",
        "test_metamode.py",
    ),
    Mutant(
        "a CQ's phase starts at 0", "metamode.py", "self._phase = 1 ", "self._phase = 0 ", "test_metamode.py"
    ),
    Mutant(
        "a power loss is not told to verification",
        "subsystem.py",
        "self._nvme._power_event(True)",
        "pass",
        "test_verify_power.py",
    ),
    Mutant(
        "a shutdown leaves data in doubt",
        "subsystem.py",
        "nvme._power_event(False)",
        "pass",
        "test_verify_power.py",
    ),
    Mutant(
        "tags of a copy range the other way round",
        "buffer.py",
        '"little" if format == 0 else "big"',
        '"little"',
        "test_buffer.py",
    ),
    Mutant(
        "match() finds all",
        "buffer.py",
        'found.group(0) if found else b""',
        "data",
        "test_buffer.py",
    ),
    Mutant(
        "srand() leaves Python's numbers alone",
        "util.py",
        "    random.seed(seed)\n",
        "",
        "test_contract_module.py",
    ),
    Mutant(
        "the timeout of an I/O opcode is that of an admin command",
        "namespace.py",
        "self.nvme.set_opcode_timeout(True, opcode, msec)",
        "self.nvme.set_opcode_timeout(False, opcode, msec)",
        "test_contract_waits.py",
    ),
    Mutant(
        "a zone is written from LBA 0 on",
        "zone.py",
        "self._ns.write(qpair, buf, self.slba + offset,",
        "self._ns.write(qpair, buf, offset,",
        "test_zone.py",
    ),
    Mutant(
        "a zone is read from LBA 0 on",
        "zone.py",
        "self._ns.read(qpair, buf, self.slba + offset,",
        "self._ns.read(qpair, buf, offset,",
        "test_zone.py",
    ),
    Mutant(
        "another bit says that a range is locked",
        "tcg.py",
        "return self._bit(_LOCKING, 2)",
        "return self._bit(_LOCKING, 3)",
        "test_contract_info.py",
    ),
    Mutant(
        "the bus master bit is another one",
        "pcie.py",
        "_BUS_MASTER = 1 << 2",
        "_BUS_MASTER = 1 << 1",
        "test_contract_pcie.py",
    ),
    Mutant(
        "a name leads out of the folder of results",
        "results.py",
        "if os.path.dirname(full) == full or not full.startswith(folder(base) + os.sep):",
        "if False:",
        "test_contract_info.py",
    ),
    Mutant(
        "an entry of a PRP list is not kept alive",
        "prp.py",
        "self._members[index] = value",
        "pass",
        "test_metamode_data.py",
    ),
)
