# SPDX-License-Identifier: BSD-3-Clause
"""What QEMU's NVMe device (7.2) has not: optional features, whose tests are skipped on it.

plugin.py checks each entry both ways: its tests have to be skipped on `qemu:`, and a test that is skipped has to be here.
"""
from typing import NamedTuple

_BASE = "NVMe Base Specification 2.2, "
_NVM = "NVM Command Set Specification, "


class Absent(NamedTuple):
    """tests: patterns of names below tests/api.  what: QEMU lacks.  spec: where the feature is, and announced or not."""

    tests: tuple[str, ...]
    what: str
    spec: str


ABSENT = [
    Absent(
        ("test_hmb.py::*",),
        "no use of a Host Memory Buffer (HMPRE 0)",
        _BASE + '8.2.3 "Host Memory Buffer"; "Identify Controller data structure" (HMPRE)',
    ),
    Absent(
        ("test_pi.py::*[[]4096-16-1-16*", "test_pi.py::*[[]512-16-1-64*"),
        "no 32-bit guard",
        _NVM + '"32b Guard Protection Information"; "Extended LBA Format data structure" (PIF)',
    ),
    Absent(
        ("test_pi.py::*[[]512-8-0-16*",),
        "no storage tags",
        _NVM
        + '"Storage Tag field and Logical Block Reference Tag field"; "Extended LBA Format data structure" (STS)',
    ),
    Absent(
        ("test_pi.py::*[[]4096-64-2-0*",),
        "no LBA format with a 64-bit guard unless it is made with one; tests/qemu/test_protection.py does so",
        _NVM + '"64b Guard Protection Information"; "Extended LBA Format data structure" (PIF)',
    ),
    Absent(
        (
            "test_cmb.py::test_[bdqmra]*",
            "test_cmb.py::test_gone_with_its_controller",
        ),
        "no controller memory buffer that another process can map; tests/qemu/test_memory.py has queues and data in it",
        _BASE + '8.2.1 "Controller Memory Buffer"',
    ),
    Absent(
        (
            "test_contract_*[[]nssr]",
            "test_contract_subsystem.py::test_nssr_says_so",
            "test_admin.py::test_subsystem_reset",
        ),
        "no NVM Subsystem Reset (CAP.NSSRS 0)",
        _BASE + '"NVM Subsystem Reset"',
    ),
    Absent(
        (
            "*[[]power]",
            "*[[]power cycle]",
            "test_contract_subsystem.py::test_power_off",
            "test_admin.py::test_power_cycle",
            "test_ioworker.py::test_power_cut_under_it",
        ),
        "no switch for its power",
        "no specification: a laboratory's",
    ),
    Absent(
        (
            "test_arbitration.py::test_all_priorities_are_served",
            "test_contract_init.py::test_user_init_chooses_cc",
        ),
        "round robin alone (CAP.AMS 0)",
        _BASE + '"Command Arbitration"; "Controller Capabilities" (AMS)',
    ),
    Absent(
        ("test_device_admin.py::test_boot_partition*",),
        "no boot partitions (CAP.BPS 0)",
        _BASE + '8.1.3 "Boot Partitions"',
    ),
    Absent(
        ("test_device_admin.py::test_streams*",),
        "no directives (OACS)",
        _BASE + '8.1.8 "Directives"',
    ),
    Absent(
        ("test_device_admin.py::test_security_protocols", "test_device_admin.py::test_tcg_level_0"),
        "no Security Send and Receive (OACS)",
        _BASE + '5.1.23 "Security Receive command"',
    ),
    Absent(
        ("test_device_admin.py::test_mi*",),
        "no NVMe-MI Send and Receive (OACS)",
        _BASE + '5.1.18 "NVMe-MI Receive command"',
    ),
    Absent(
        (
            "test_irq_modes.py::test_msi",
            "test_irq_modes.py::test_more_queues_than_messages",
            "test_irq_modes.py::test_msi_*",
        ),
        "MSI-X and no MSI",
        'NVMe over PCIe Transport Specification, "MSI Capability (Optional)"',
    ),
    Absent(
        ("test_metamode_entries.py::test_queues_in_prp_lists",),
        "contiguous queues alone (CAP.CQR 1)",
        _BASE + '"Controller Capabilities" (CQR)',
    ),
    Absent(
        ("test_verify_fused.py::*",),
        "no fused Compare and Write (FUSES 0)",
        _BASE + '"Fused Operations"; 5.1.13 "Identify command" (FUSES)',
    ),
    Absent(
        ("test_qpair.py::test_uncorrectable",),
        "no Write Uncorrectable (ONCS)",
        _NVM + '"Write Uncorrectable command"',
    ),
    Absent(
        ("test_metamode_data.py::test_sgl_example_of_the_specification",),
        "no bit buckets (SGLS)",
        _BASE + '4.3.2 "Scatter Gather List (SGL)" (Bit Bucket)',
    ),
]
