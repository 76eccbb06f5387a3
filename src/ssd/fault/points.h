/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The table of faults.  FAULT(symbol, name, when, argument, default, does, violates)
 * when: COMMAND: decided when a command begins; STATE: asked for whenever it matters, for as long as it is armed; EVENT: the
 * same, once.  argument: NONE, NUMBER, TIME (ns), STATUS.
 */
/* A table, a line each. */
/* clang-format off */
/* completion queue entries */
FAULT(CQE_LOST, "cqe-lost", COMMAND, NONE, 0, "the completion is never posted", "NVMe Base, Completion Queue")
FAULT(CQE_TWICE, "cqe-twice", COMMAND, NONE, 0, "the completion is posted twice", "NVMe Base, Completion Queue")
FAULT(CQE_CID, "cqe-cid", COMMAND, NUMBER, 0x4000, "CID is wrong: these bits are flipped", "NVMe Base, Completion Queue Entry: Command Identifier")
FAULT(CQE_SQID, "cqe-sqid", COMMAND, NUMBER, 1, "SQID is wrong: these bits are flipped", "NVMe Base, Completion Queue Entry: SQ Identifier")
FAULT(CQE_SQHD, "cqe-sqhd", COMMAND, NUMBER, 1, "SQHD is wrong: these bits are flipped", "NVMe Base, Completion Queue Entry: SQ Head Pointer")
FAULT(CQE_PHASE_STUCK, "cqe-phase-stuck", COMMAND, NONE, 0, "the phase tag of the entry is not inverted, so that nobody sees it", "NVMe Base, Phase Tag")
FAULT(CQE_PHASE_FIRST, "cqe-phase-first", COMMAND, TIME, 1000000, "the half with the phase tag is written as long before the other half", "NVMe Base, Completion Queue Entry: written before the Phase Tag tells")
FAULT(CQE_DW0, "cqe-dw0", COMMAND, NUMBER, 1, "Dword 0 is wrong: these bits are flipped", "NVMe Base, Completion Queue Entry: Command Specific")
FAULT(CQE_RESERVED, "cqe-reserved", COMMAND, NUMBER, 1, "Dword 1 is not 0h: these bits are flipped", "NVMe Base, Completion Queue Entry: reserved fields are 0h")
FAULT(CQE_LATE, "cqe-late", COMMAND, TIME, 100000000, "the completion comes as much later", "the host's timeout; by itself it is legal")
FAULT(CQE_DNR, "cqe-dnr", COMMAND, NONE, 0, "Do Not Retry is inverted", "NVMe Base, Completion Queue Entry: Do Not Retry")
FAULT(CQE_SKIP, "cqe-skip", COMMAND, NONE, 0, "an entry of the ring is skipped: the completion is in the next", "NVMe Base, Completion Queue: posted at the tail")
FAULT(CQE_OVERRUN, "cqe-overrun", STATE, NONE, 0, "completions are posted into a full queue, over entries that were not taken", "NVMe Base, Full Queue")
/* legal, and unpleasant */
FAULT(CQE_JITTER, "cqe-jitter", COMMAND, TIME, 100000, "the completion comes up to as much later, by chance: out of order", "none: completions have no order")
FAULT(CQE_BURST, "cqe-burst", COMMAND, TIME, 50000, "completions gather, and come together at the next multiple of this time: the queue is nearly full", "none: completions may come together")
FAULT(IRQ_LATE, "irq-late", EVENT, TIME, 100000, "the interrupt comes up to as much later, by chance", "none: an interrupt has no time")
FAULT(AER_NOISE, "aer-noise", COMMAND, NONE, 0, "a vendor specific event happens at this command", "none: an event may happen at any time")
FAULT(WRITE_SPLIT, "write-split", COMMAND, NONE, 0, "a part of what is in the write buffer is programmed at once: flash has some of a write before the rest", "none: until it is flushed each atomic unit may be old or new")
/* interrupts */
FAULT(IRQ_LOST, "irq-lost", EVENT, NONE, 0, "completions are posted without their interrupt", "NVMe over PCIe, Interrupts")
FAULT(IRQ_VECTOR, "irq-vector", EVENT, NUMBER, 1, "the interrupt comes on another vector: these bits are flipped", "NVMe Base, Create I/O Completion Queue command: Interrupt Vector")
FAULT(IRQ_TWICE, "irq-twice", EVENT, NONE, 0, "the interrupt comes twice", "NVMe over PCIe, Interrupts")
/* data to the host */
FAULT(DATA_FLIP, "data-flip", COMMAND, NUMBER, 7, "bit 0 of this byte of the data is flipped on its way to the host", "NVMe Base, Data Layout")
FAULT(DATA_NONE, "data-none", COMMAND, NONE, 0, "success, and no data is transferred", "NVMe Base, Completion Queue Entry: status of success")
FAULT(DATA_LATE, "data-late", COMMAND, TIME, 1000000, "the completion is posted as long before the data is there", "NVMe Base, Completion Queue: after the data was transferred")
FAULT(DATA_TORN, "data-torn", COMMAND, NONE, 0, "the second half of the data is not transferred", "NVMe Base, Data Layout")
FAULT(DATA_SHORT, "data-short", COMMAND, NUMBER, 512, "the last bytes, as many, are not transferred", "NVMe Base, Data Layout")
FAULT(DATA_ZEROS, "data-zeros", COMMAND, NONE, 0, "zeros instead of the data", "NVM Command Set, Read command")
FAULT(DATA_BEYOND, "data-beyond", COMMAND, NONE, 0, "four bytes more than asked for are written to host memory", "NVMe Base, Data Layout: no access outside of the buffer")
FAULT(DATA_SWAPPED, "data-swapped", COMMAND, NONE, 0, "the two halves of the data change places", "NVMe Base, Physical Region Page Entry and List: in order")
FAULT(READ_STALE, "read-stale", COMMAND, NONE, 0, "slba= reads as it was when the rule was armed: a cache that writes do not invalidate", "NVM Command Set, Atomic Operations: a read returns what was written last")
FAULT(READ_ELSEWHERE, "read-elsewhere", COMMAND, NUMBER, 1, "the data is that of as many LBAs further on", "NVM Command Set, Read command: Starting LBA")
/* writes */
FAULT(WRITE_LOST, "write-lost", COMMAND, NONE, 0, "the write is acknowledged and not done", "NVM Command Set, Write command")
FAULT(WRITE_ELSEWHERE, "write-elsewhere", COMMAND, NUMBER, 1, "the data goes as many LBAs further on", "NVM Command Set, Write command: Starting LBA")
FAULT(WRITE_TORN, "write-torn", COMMAND, NONE, 0, "only the first half of the blocks is written", "NVM Command Set, Atomic Operations")
FAULT(WRITE_FLIP, "write-flip", COMMAND, NUMBER, 7, "bit 0 of this byte is flipped on the media", "NVM Command Set, Write command")
FAULT(WRITE_SPILL, "write-spill", COMMAND, NUMBER, 1, "the data is written to as many LBAs further on, too", "NVM Command Set, Write command: other blocks do not change")
FAULT(SLBA_BITS, "slba-bits", COMMAND, NUMBER, 32, "only so many bits of the starting LBA are looked at", "NVM Command Set, Starting LBA")
FAULT(NLB_LESS, "nlb-less", COMMAND, NONE, 0, "NLB is taken as 1's based: one block less", "NVM Command Set, Number of Logical Blocks is a 0's based value")
FAULT(NLB_8BIT, "nlb-8bit", COMMAND, NONE, 0, "only the low 8 bits of NLB are looked at", "NVM Command Set, Number of Logical Blocks")
FAULT(FUA_IGNORED, "fua-ignored", COMMAND, NONE, 0, "Force Unit Access is not looked at", "NVM Command Set, Write command: Force Unit Access")
/* acknowledged and not done */
FAULT(FLUSH_IGNORED, "flush-ignored", COMMAND, NONE, 0, "Flush is acknowledged before the data is safe", "NVMe Base, Flush command")
FAULT(ZEROES_IGNORED, "zeroes-ignored", COMMAND, NONE, 0, "Write Zeroes is acknowledged and not done", "NVM Command Set, Write Zeroes command")
FAULT(TRIM_IGNORED, "trim-ignored", COMMAND, NONE, 0, "Deallocate is acknowledged and not done", "NVM Command Set, Deallocated or Unwritten Logical Blocks (where DULBE or DLFEAT promises)")
FAULT(UNCOR_IGNORED, "uncor-ignored", COMMAND, NONE, 0, "Write Uncorrectable is acknowledged and not done", "NVM Command Set, Write Uncorrectable command")
FAULT(FEATURE_IGNORED, "feature-ignored", COMMAND, NONE, 0, "Set Features is acknowledged and not done", "NVMe Base, Set Features command")
FAULT(FORMAT_IGNORED, "format-ignored", COMMAND, NONE, 0, "Format NVM is acknowledged and not done", "NVMe Base, Format NVM command")
FAULT(SANITIZE_IGNORED, "sanitize-ignored", COMMAND, NONE, 0, "Sanitize is acknowledged and not done", "NVMe Base, Sanitize command")
FAULT(FW_COMMIT_IGNORED, "fw-commit-ignored", COMMAND, NONE, 0, "Firmware Commit is acknowledged and not done", "NVMe Base, Firmware Commit command")
FAULT(SQ_DELETE_IGNORED, "sq-delete-ignored", COMMAND, NONE, 0, "Delete I/O Submission Queue is acknowledged, and the queue still works", "NVMe Base, Delete I/O Submission Queue command")
FAULT(CQ_CREATE_IGNORED, "cq-create-ignored", COMMAND, NONE, 0, "Create I/O Completion Queue is acknowledged, and there is no queue", "NVMe Base, Create I/O Completion Queue command")
/* what is checked, and not */
FAULT(COMPARE_EQUAL, "compare-equal", COMMAND, NONE, 0, "Compare finds everything equal", "NVM Command Set, Compare command")
FAULT(COMPARE_DIFFERS, "compare-differs", COMMAND, NONE, 0, "Compare finds a difference where there is none", "NVM Command Set, Compare command")
FAULT(RANGE_UNCHECKED, "range-unchecked", COMMAND, NONE, 0, "LBAs beyond the namespace are no error", "NVM Command Set, LBA Out of Range")
FAULT(OPCODE_UNCHECKED, "opcode-unchecked", COMMAND, NONE, 0, "a command that does not exist succeeds", "NVMe Base, Invalid Command Opcode")
FAULT(FIELD_UNCHECKED, "field-unchecked", COMMAND, NONE, 0, "an invalid field is no error", "NVMe Base, Invalid Field in Command")
FAULT(NSID_IGNORED, "nsid-ignored", COMMAND, NONE, 0, "every command is for namespace 1", "NVMe Base, Namespace Identifier")
FAULT(NSID_SWAPPED, "nsid-swapped", COMMAND, NONE, 0, "namespaces 1 and 2 are taken for each other", "NVMe Base, Namespace Identifier")
FAULT(STATUS, "status", COMMAND, STATUS, 0x281, "the command fails with this status and is not carried out", "none: an error that a drive may have")
FAULT(STATUS_AFTER, "status-after", COMMAND, STATUS, 0x6, "the command is carried out, and fails with this status", "NVMe Base, Status Field")
FAULT(TRIM_MORE, "trim-more", COMMAND, NUMBER, 1, "Deallocate takes as many LBAs more than its first range has", "NVM Command Set, Dataset Management command")
FAULT(RU_RESET_ON_TRIM, "ru-reset-on-trim", COMMAND, NONE, 0, "Deallocate has the reclaim unit handles of the namespace go on to other reclaim units, untold", "NVMe Base, Flexible Data Placement: a handle is modified by a write to capacity, a time limit, a reset or the host")
/* where data is */
FAULT(PRP_SHIFT, "prp-shift", COMMAND, NUMBER, 1, "the PRP list is read from as many entries further on", "NVMe Base, Physical Region Page Entry and List")
FAULT(PRP_LIST_OFFSET, "prp-list-offset", COMMAND, NONE, 0, "the offset of a PRP list in its page is not looked at", "NVMe Base, Physical Region Page Entry and List: Offset")
FAULT(PRP1_OFFSET, "prp1-offset", COMMAND, NONE, 0, "the offset of PRP1 is not looked at", "NVMe Base, Physical Region Page Entry and List: Offset")
FAULT(PRP2_IGNORED, "prp2-ignored", COMMAND, NONE, 0, "the second page is taken to follow the first", "NVMe Base, Data Layout: PRP Entry 2")
/* the way of a command */
FAULT(CMD_LOST, "cmd-lost", COMMAND, NONE, 0, "the command is fetched and forgotten", "NVMe Base, Command Execution")
FAULT(CMD_TWICE, "cmd-twice", COMMAND, NONE, 0, "the command is carried out twice", "NVMe Base, Command Execution")
FAULT(SQE_STALE, "sqe-stale", COMMAND, NONE, 0, "instead of the entry, the one before is carried out once more", "NVMe over PCIe, Submission Queue Tail Doorbell: entries are read after it")
/* admin commands */
FAULT(ABORT_LIES, "abort-lies", COMMAND, NONE, 0, "Abort says that it aborted a command, which it did not", "NVMe Base, Abort command: Immediate Abort Not Performed")
FAULT(FEATURE_ZERO, "feature-zero", COMMAND, NONE, 0, "Get Features returns 0h", "NVMe Base, Get Features command")
FAULT(LOG_OFFSET, "log-offset", COMMAND, NONE, 0, "the offset of Get Log Page is not looked at", "NVMe Base, Get Log Page command: Log Page Offset")
FAULT(ERROR_UNLOGGED, "error-unlogged", COMMAND, NONE, 0, "the error has no entry in the Error Information log", "NVMe Base, Error Information log page")
FAULT(SMART_FROZEN, "smart-frozen", COMMAND, NONE, 0, "the command is not counted in SMART", "NVMe Base, SMART / Health Information log page")
FAULT(CQ_DELETE_SHARED, "cq-delete-shared", COMMAND, NONE, 0, "a completion queue that a submission queue still uses is deleted", "NVMe Base, Delete I/O Completion Queue command: Invalid Queue Deletion")
/* events */
FAULT(AER_LOST, "aer-lost", EVENT, NONE, 0, "the event is not reported", "NVMe Base, Asynchronous Event Request command")
FAULT(AER_WRONG, "aer-wrong", EVENT, NUMBER, 1, "the event information is wrong: these bits are flipped", "NVMe Base, Asynchronous Event Request command: Asynchronous Event Information")
FAULT(AER_UNASKED, "aer-unasked", COMMAND, NONE, 0, "an Asynchronous Event Request completes at once, with no event", "NVMe Base, Asynchronous Event Request command")
/* doorbells */
FAULT(DB_WRAPS, "doorbell-wraps", STATE, NONE, 0, "a tail beyond the queue is taken modulo its size", "NVMe Base, Asynchronous Event Information: Invalid Doorbell Write Value")
FAULT(DB_SHADOW_WRAPS, "dbbuf-wraps", STATE, NONE, 0, "the same, for shadow doorbells alone: out of bounds and not told", "NVMe Base, Doorbell Buffer Config command")
FAULT(DB_UNTOLD, "doorbell-untold", EVENT, NONE, 0, "a wrong doorbell is not reported", "NVMe Base, Asynchronous Event Information: Error Status")
/* registers */
FAULT(REG_ONES, "reg-ones", EVENT, NUMBER, 0x1c, "the register at this offset reads all ones", "NVMe over PCIe, Controller Properties")
FAULT(RDY_NEVER, "rdy-never", STATE, NONE, 0, "CSTS.RDY stays 0", "NVMe Base, Controller Status: Ready, within CAP.TO")
FAULT(RDY_STUCK, "rdy-stuck", STATE, NONE, 0, "CSTS.RDY stays 1", "NVMe Base, Controller Status: Ready")
FAULT(SHST_STUCK, "shst-stuck", STATE, NONE, 0, "a shutdown is never complete", "NVMe Base, Controller Status: Shutdown Status, within RTD3E")
FAULT(VS_ZERO, "vs-zero", STATE, NONE, 0, "VS reads 0h", "NVMe Base, Version")
FAULT(MQES_ZERO, "mqes-zero", STATE, NONE, 0, "CAP.MQES reads 0h", "NVMe Base, Controller Capabilities: Maximum Queue Entries Supported is 1h at least")
/* zones */
FAULT(ZONE_WP_MOVED, "zone-wp-moved", COMMAND, NONE, 0, "a write that fails, as of a transfer, moves the write pointer", "ZNS Command Set, Write Pointer: of commands that complete successfully")
FAULT(ZONE_WP_UNCHECKED, "zone-wp-unchecked", COMMAND, NONE, 0, "a write that is not at the write pointer is no error", "ZNS Command Set, Zone Invalid Write")
FAULT(ZONE_APPEND_LBA, "zone-append-lba", COMMAND, NUMBER, 1, "Zone Append says an LBA as much further on than it wrote to", "ZNS Command Set, Zone Append command: Assigned LBA")
FAULT(ZONE_ACTION_IGNORED, "zone-action-ignored", COMMAND, NONE, 0, "the action of a Zone Management Send is acknowledged and not done", "ZNS Command Set, Zone Management Send command")
FAULT(ZONE_LIMIT_UNCHECKED, "zone-limit-unchecked", COMMAND, NONE, 0, "more zones than the limits allow are opened and active", "ZNS Command Set, Zone Resources")
/* flash */
FAULT(PROGRAM_FAIL, "program-fail", COMMAND, NONE, 0, "the next program of the flash fails: a block is retired", "none: a drive writes the data elsewhere")
FAULT(ERASE_FAIL, "erase-fail", COMMAND, NONE, 0, "the next erase of the flash fails: a block is lost", "none: a drive has spare blocks")
/* the controller as a whole */
FAULT(CFS, "cfs", COMMAND, NONE, 0, "CSTS.CFS becomes 1 and nothing works any more until a reset", "none: a drive may fail")
FAULT(HANG, "hang", COMMAND, TIME, 3000000000, "nothing is done for this time, from this command on", "the host's timeout; by itself it is legal")
FAULT(REMOVE, "remove", COMMAND, NONE, 0, "the drive is gone, until its power is switched on", "none: somebody pulled it")
FAULT(SMART_FORGETS, "smart-forgets", STATE, NONE, 0, "the counters of SMART are lost with the power", "NVMe Base, SMART / Health Information log page: persistent across power cycles")
FAULT(UNSAFE_UNCOUNTED, "unsafe-uncounted", STATE, NONE, 0, "an unsafe shutdown is not counted", "NVMe Base, SMART / Health Information log page: Unsafe Shutdowns")
/* clang-format on */
