# SPDX-License-Identifier: BSD-3-Clause
"""Where QEMU's NVMe device (7.2) deviates from the specification, or has not what a test of tests/api wants.

plugin.py checks each entry both ways: its test has to fail on `qemu:`, and one that passes, or does not run, is an error.
"""
from typing import NamedTuple

_BASE = "NVMe Base Specification 2.2, "
_NVM = "NVM Command Set Specification, "
_PCIE = "NVMe over PCIe Transport Specification, "
_PCI = "PCI Express Base Specification, "


class Known(NamedTuple):
    """test: below tests/api.  does: what QEMU does.  spec: where the specification decides.

    limit_s: it waits for what never comes; this long is enough.  always: False where it depends on how busy the machine is:
    such an entry is no error when its test passes.
    """

    test: str
    does: str
    spec: str
    limit_s: float = 0
    always: bool = True


_SLOW = (
    "emulates some ten thousand commands a second, and few of them on a machine that does something else",
    "no requirement: how fast a controller is, no specification says",
)
_NO_UNCORRECTABLE = (
    "has no Write Uncorrectable (optional): 00/01, and the LBAs stay readable",
    _NVM + '"Write Uncorrectable command"; "Identify Controller data structure" (ONCS)',
)
_NO_COMMON_DATA = (
    "announces Namespace Management and refuses Identify Namespace with NSID FFFFFFFFh: 00/0b",
    _BASE + '5.1.13 "Identify command" (CNS 00h, NSID FFFFFFFFh)',
)
_ASPM = (
    "has ASPM Control as read-only zeros",
    _PCI + '"Link Control Register"',
)
_D3HOT = (
    "answers memory accesses in D3hot",
    _PCI + '"D3hot State"',
)
_NO_CQ = (
    "answers 01/00 Completion Queue Invalid where the identifier itself is invalid",
    _BASE
    + '5.2.2 "Create I/O Submission Queue command", 5.2.3 "Delete I/O Completion Queue command" (figures 482, 484: Invalid Queue Identifier)',
)

_NO_COALESCING = (
    "has Interrupt Coalescing and Interrupt Vector Configuration, and lets nobody change them: 01/0e",
    _BASE
    + '5.1.25 "Set Features command" ("Interrupt Coalescing", "Interrupt Vector Configuration"; figure 103: Feature Not Changeable)',
)
_KEEPS_AQA = (
    "keeps AQA, ASQ and ACQ through each kind of reset",
    _BASE
    + '3.7.2 "Controller Level Reset": properties are reset, but for a Controller Reset (CC.EN), which alone keeps these three',
)
_DIES_OF_RESET = (
    "dies (SIGSEGV) when the bus is reset while commands are being carried out",
    _BASE + '3.7.2 "Controller Level Reset": the controller stops processing outstanding commands',
)

KNOWN = [
    Known(
        "test_admin.py::test_error_log",
        "never records an error: the Error Information log is all zeros",
        _BASE + '5.1.12 "Get Log Page command" ("Error Information", Log Page Identifier 01h)',
    ),
    Known("test_admin.py::test_names_and_support", *_NO_COMMON_DATA),
    Known("test_contract_info.py::test_get_lba_format", *_NO_COMMON_DATA),
    Known("test_pi.py::test_get_lba_format", *_NO_COMMON_DATA),
    Known("test_contract_info.py::test_all_ones", *_D3HOT),
    Known("test_contract_pcie.py::test_power_state", *_D3HOT),
    Known("test_contract_pcie.py::test_aspm[1]", *_ASPM),
    Known("test_contract_pcie.py::test_aspm[2]", *_ASPM),
    Known("test_contract_pcie.py::test_aspm[3]", *_ASPM),
    Known(
        "test_contract_ns.py::test_properties",
        "announces Namespace Management and leaves NVMCAP at 0",
        _NVM + '"Identify Namespace data structure" (NVMCAP)',
    ),
    Known("test_iow_bench.py::test_device_errors", *_NO_UNCORRECTABLE),
    Known("test_iow_params.py::test_log_shows_the_failure", *_NO_UNCORRECTABLE),
    Known("test_iow_params.py::test_given_qpair_survives", *_NO_UNCORRECTABLE),
    Known("test_iow_params.py::test_fw_debug_leaves_the_queue", *_NO_UNCORRECTABLE),
    Known("test_iow_results.py::test_a_failure_is_saved_too", *_NO_UNCORRECTABLE),
    Known("test_ioworker.py::test_device_error", *_NO_UNCORRECTABLE),
    Known("test_iow_params.py::test_iops[1234]", *_SLOW, always=False),
    Known("test_iow_params.py::test_iops[12345]", *_SLOW, always=False),
    Known("test_iow_params.py::test_io_sequence", *_SLOW, always=False),
    Known("test_iow_params.py::test_they_begin_together[4]", *_SLOW, always=False),
    Known("test_iow_params.py::test_they_begin_together[16]", *_SLOW, always=False),
    Known("test_contract_info.py::test_monitor", *_SLOW, always=False),
    Known("test_metamode.py::test_create_use_delete", *_NO_CQ),
    Known("test_metamode.py::test_sq_refused[2-10-0-01/01]", *_NO_CQ),
    Known("test_metamode.py::test_sq_refused[2-10-65535-01/01]", *_NO_CQ),
    Known(
        "test_metamode.py::test_tail_beyond_the_queue[65537]",
        "ignores the reserved upper half of a doorbell, which it may: 10001h is 1",
        _PCIE + '"Submission Queue y Tail Doorbell"',
        3,
    ),
    Known(
        "test_metamode.py::test_head_beyond_what_was_completed",
        "takes any head inside of the queue, also one beyond what it has completed",
        _BASE + '5.1.2 "Asynchronous Event Request command" (Error Status: Invalid Doorbell Write Value)',
        3,
    ),
    Known(
        "test_metamode.py::test_every_value_of_a_doorbell_is_seen",
        "fetches later than the doorbell is written; an entry may only be written over when SQHD has passed it",
        _BASE + '4.1 "Submission Queue Entry"; figure 74, "Full Queue Definition"',
        5,
        always=False,
    ),
    Known(
        "test_metamode_data.py::test_bad_prps",
        "does not check that PRP offsets are a multiple of 4, which it may leave",
        _BASE + '4.3.1 "Physical Region Page Entry and List"; figure 102 (PRP Offset Invalid)',
    ),
    Known(
        "test_metamode_data.py::test_bad_sgls",
        "answers 00/0d to an SGL descriptor type that there is not, in place of 00/11",
        _BASE + '4.3.2 "Scatter Gather List (SGL)"; figure 102 (SGL Descriptor Type Invalid)',
    ),
    Known(
        "test_warnings.py::test_admin",
        "refuses a log page that there is not with 00/02 in place of 01/09",
        _BASE + '5.1.12 "Get Log Page command" (Invalid Log Page)',
    ),
    Known(
        "test_warnings.py::test_abort_of_an_event_request",
        "aborts no Asynchronous Event Request, which it may: Abort is best effort",
        _BASE + '5.1.1 "Abort command": it may or may not abort the command',
    ),
    Known(
        "test_arbitration.py::test_recommended_burst",
        "recommends a burst of 64 (RAB) and has no limit (AB 7h) as the default, which it may",
        _BASE + '5.1.25 "Set Features command" ("Arbitration": AB); 5.1.13 "Identify command" (RAB)',
    ),
    Known("test_irq_modes.py::test_threshold", *_NO_COALESCING, always=False),
    Known("test_irq_modes.py::test_time", *_NO_COALESCING),
    Known("test_irq_modes.py::test_disabled_for_a_vector", *_NO_COALESCING),
    Known("test_irq_modes.py::test_bad_vector", *_NO_COALESCING),
    Known("test_contract_pcie.py::test_resets_put_registers_to_their_defaults[flr]", *_KEEPS_AQA),
    Known("test_contract_pcie.py::test_resets_put_registers_to_their_defaults[reset]", *_KEEPS_AQA),
    Known(
        "test_contract_pcie.py::test_resets_put_registers_to_their_defaults[link_disable_enable]", *_KEEPS_AQA
    ),
    Known(
        "test_contract_subsystem.py::test_a_hundred_resets_with_commands_in_flight[reset]",
        *_DIES_OF_RESET,
        always=False,
    ),
    Known(
        "test_contract_subsystem.py::test_a_hundred_resets_with_commands_in_flight[link_disable_enable]",
        *_DIES_OF_RESET,
        always=False,
    ),
    Known("test_contract_subsystem.py::test_resets_under_an_ioworker[reset]", *_DIES_OF_RESET, always=False),
    Known(
        "test_contract_subsystem.py::test_resets_under_an_ioworker[link_disable_enable]",
        *_DIES_OF_RESET,
        always=False,
    ),
    Known("test_iow_contract.py::test_counts_of_opcodes_after_a_failure", *_NO_UNCORRECTABLE),
    Known("test_iow_contract.py::test_exit_on_error_off", *_NO_UNCORRECTABLE),
    Known("test_verify.py::test_uncorrectable[command]", *_NO_UNCORRECTABLE),
    Known("test_verify.py::test_uncorrectable[failed]", *_NO_UNCORRECTABLE),
    Known("test_verify_procs.py::test_a_sequential_worker_skips_what_is_uncorrectable", *_NO_UNCORRECTABLE),
    Known(
        "test_virt.py::test_not_announced",
        "says in the log of supported commands that it has Virtualization Management, which OACS denies",
        _BASE
        + '5.2.6 "Virtualization Management command"; 5.1.12 "Get Log Page command" ("Commands Supported and Effects"); OACS',
    ),
]
