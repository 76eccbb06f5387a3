/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Status codes.  One list gives the enum and the texts, so that they cannot disagree.
 *
 * A value is SCT << 8 | SC.  An nvme_status is the status word of a completion without the phase tag:
 *
 *	14 DNR | 13 M | 12:11 CRD | 10:8 SCT | 7:0 SC
 *
 * NVMe Base 2.3, "Status Code" figures (generic, command specific, media and data integrity, path related);
 * NVM Command Set 1.1, ZNS Command Set 1.2 and KV Command Set 1.1, their "Status Values"; NVMe Base 2.3,
 * "Fabrics Commands".
 */
#pragma once

#include "nvproof/spec/types.h"

typedef uint16_t nvme_status;

#define NVME_STATUS_CODE NVME_BITS(10, 0) /* SCT and SC: one of NVME_SC_* */
#define NVME_STATUS_SC NVME_BITS(7, 0)
#define NVME_STATUS_SCT NVME_BITS(10, 8)
#define NVME_STATUS_CRD NVME_BITS(12, 11)
#define NVME_STATUS_M NVME_BIT(13)
#define NVME_STATUS_DNR NVME_BIT(14)

enum nvme_sct {
	NVME_SCT_GENERIC = 0,
	NVME_SCT_CMD_SPECIFIC = 1,
	NVME_SCT_MEDIA = 2,
	NVME_SCT_PATH = 3,
	NVME_SCT_VENDOR = 7,
};

/* clang-format off */

/* X(name, value, text) */
#define NVME_STATUS_LIST(X)											\
	/* Generic command status (SCT 0) */									\
	X(NVME_SC_SUCCESS, 0x000, "Successful Completion")							\
	X(NVME_SC_INVALID_OPCODE, 0x001, "Invalid Command Opcode")						\
	X(NVME_SC_INVALID_FIELD, 0x002, "Invalid Field in Command")						\
	X(NVME_SC_CID_CONFLICT, 0x003, "Command ID Conflict")							\
	X(NVME_SC_DATA_TRANSFER, 0x004, "Data Transfer Error")							\
	X(NVME_SC_POWER_LOSS, 0x005, "Commands Aborted due to Power Loss Notification")				\
	X(NVME_SC_INTERNAL, 0x006, "Internal Error")								\
	X(NVME_SC_ABORT_REQUESTED, 0x007, "Command Abort Requested")						\
	X(NVME_SC_ABORT_SQ_DELETION, 0x008, "Command Aborted due to SQ Deletion")				\
	X(NVME_SC_ABORT_FAILED_FUSED, 0x009, "Command Aborted due to Failed Fused Command")			\
	X(NVME_SC_ABORT_MISSING_FUSED, 0x00a, "Command Aborted due to Missing Fused Command")			\
	X(NVME_SC_INVALID_NS, 0x00b, "Invalid Namespace or Format")						\
	X(NVME_SC_CMD_SEQUENCE, 0x00c, "Command Sequence Error")						\
	X(NVME_SC_SGL_INVALID_SEGMENT, 0x00d, "Invalid SGL Segment Descriptor")					\
	X(NVME_SC_SGL_INVALID_COUNT, 0x00e, "Invalid Number of SGL Descriptors")				\
	X(NVME_SC_SGL_DATA_LEN, 0x00f, "Data SGL Length Invalid")						\
	X(NVME_SC_SGL_META_LEN, 0x010, "Metadata SGL Length Invalid")						\
	X(NVME_SC_SGL_INVALID_TYPE, 0x011, "SGL Descriptor Type Invalid")					\
	X(NVME_SC_CMB_INVALID_USE, 0x012, "Invalid Use of Controller Memory Buffer")				\
	X(NVME_SC_PRP_INVALID_OFFSET, 0x013, "PRP Offset Invalid")						\
	X(NVME_SC_ATOMIC_WRITE_UNIT, 0x014, "Atomic Write Unit Exceeded")					\
	X(NVME_SC_OP_DENIED, 0x015, "Operation Denied")								\
	X(NVME_SC_SGL_INVALID_OFFSET, 0x016, "SGL Offset Invalid")						\
	X(NVME_SC_HOSTID_FORMAT, 0x018, "Host Identifier Inconsistent Format")					\
	X(NVME_SC_KATO_EXPIRED, 0x019, "Keep Alive Timer Expired")						\
	X(NVME_SC_KATO_INVALID, 0x01a, "Keep Alive Timeout Invalid")						\
	X(NVME_SC_ABORT_PREEMPT, 0x01b, "Command Aborted due to Preempt and Abort")				\
	X(NVME_SC_SANITIZE_FAILED, 0x01c, "Sanitize Failed")							\
	X(NVME_SC_SANITIZE_IN_PROGRESS, 0x01d, "Sanitize In Progress")						\
	X(NVME_SC_SGL_GRANULARITY, 0x01e, "SGL Data Block Granularity Invalid")					\
	X(NVME_SC_CMB_CMD_NOT_SUPPORTED, 0x01f, "Command Not Supported for Queue in CMB")			\
	X(NVME_SC_NS_WRITE_PROTECTED, 0x020, "Namespace is Write Protected")					\
	X(NVME_SC_INTERRUPTED, 0x021, "Command Interrupted")							\
	X(NVME_SC_TRANSIENT_TRANSPORT, 0x022, "Transient Transport Error")					\
	X(NVME_SC_LOCKDOWN, 0x023, "Command Prohibited by Command and Feature Lockdown")			\
	X(NVME_SC_ADMIN_MEDIA_NOT_READY, 0x024, "Admin Command Media Not Ready")				\
	X(NVME_SC_INVALID_KEY_TAG, 0x025, "Invalid Key Tag")							\
	X(NVME_SC_HOST_DISPERSED_NS, 0x026, "Host Dispersed Namespace Support Not Enabled")			\
	X(NVME_SC_HOSTID_NOT_INIT, 0x027, "Host Identifier Not Initialized")					\
	X(NVME_SC_INCORRECT_KEY, 0x028, "Incorrect Key")							\
	X(NVME_SC_FDP_DISABLED, 0x029, "FDP Disabled")								\
	X(NVME_SC_INVALID_PLACEMENT_LIST, 0x02a, "Invalid Placement Handle List")				\
	X(NVME_SC_SANITIZE_NS_FAILED, 0x02b, "Sanitize Namespace Failed")					\
	X(NVME_SC_SANITIZE_NS_IN_PROGRESS, 0x02c, "Sanitize Namespace In Progress")				\
	/* Generic, I/O command sets: NVM and ZNS (80h-84h), KV (81h, 85h-89h) */				\
	X(NVME_SC_LBA_RANGE, 0x080, "LBA Out of Range")								\
	X(NVME_SC_CAPACITY_EXCEEDED, 0x081, "Capacity Exceeded")						\
	X(NVME_SC_NS_NOT_READY, 0x082, "Namespace Not Ready")							\
	X(NVME_SC_RESV_CONFLICT, 0x083, "Reservation Conflict")							\
	X(NVME_SC_FORMAT_IN_PROGRESS, 0x084, "Format In Progress")						\
	X(NVME_SC_KV_INVALID_VALUE_SIZE, 0x085, "Invalid Value Size")						\
	X(NVME_SC_KV_INVALID_KEY_SIZE, 0x086, "Invalid Key Size")						\
	X(NVME_SC_KV_KEY_NOT_FOUND, 0x087, "KV Key Does Not Exist")						\
	X(NVME_SC_KV_UNRECOVERED, 0x088, "Unrecovered Error")							\
	X(NVME_SC_KV_KEY_EXISTS, 0x089, "Key Exists")								\
	/* Command specific (SCT 1) */										\
	X(NVME_SC_CQ_INVALID, 0x100, "Completion Queue Invalid")						\
	X(NVME_SC_INVALID_QID, 0x101, "Invalid Queue Identifier")						\
	X(NVME_SC_INVALID_QSIZE, 0x102, "Invalid Queue Size")							\
	X(NVME_SC_ABORT_LIMIT, 0x103, "Abort Command Limit Exceeded")						\
	X(NVME_SC_AER_LIMIT, 0x105, "Asynchronous Event Request Limit Exceeded")				\
	X(NVME_SC_INVALID_FW_SLOT, 0x106, "Invalid Firmware Slot")						\
	X(NVME_SC_INVALID_FW_IMAGE, 0x107, "Invalid Firmware Image")						\
	X(NVME_SC_INVALID_VECTOR, 0x108, "Invalid Interrupt Vector")						\
	X(NVME_SC_INVALID_LOG_PAGE, 0x109, "Invalid Log Page")							\
	X(NVME_SC_INVALID_FORMAT, 0x10a, "Invalid Format")							\
	X(NVME_SC_FW_NEEDS_CONV_RESET, 0x10b, "Firmware Activation Requires Conventional Reset")		\
	X(NVME_SC_INVALID_QUEUE_DELETION, 0x10c, "Invalid Queue Deletion")					\
	X(NVME_SC_FEAT_NOT_SAVEABLE, 0x10d, "Feature Identifier Not Saveable")					\
	X(NVME_SC_FEAT_NOT_CHANGEABLE, 0x10e, "Feature Not Changeable")						\
	X(NVME_SC_FEAT_NOT_NS_SPECIFIC, 0x10f, "Feature Not Namespace Specific")				\
	X(NVME_SC_FW_NEEDS_SUBSYS_RESET, 0x110, "Firmware Activation Requires NVM Subsystem Reset")		\
	X(NVME_SC_FW_NEEDS_CTRLR_RESET, 0x111, "Firmware Activation Requires Controller Level Reset")		\
	X(NVME_SC_FW_NEEDS_MAX_TIME, 0x112, "Firmware Activation Requires Maximum Time Violation")		\
	X(NVME_SC_FW_PROHIBITED, 0x113, "Firmware Activation Prohibited")					\
	X(NVME_SC_OVERLAPPING_RANGE, 0x114, "Overlapping Range")						\
	X(NVME_SC_NS_INSUFFICIENT_CAP, 0x115, "Namespace Insufficient Capacity")				\
	X(NVME_SC_NSID_UNAVAILABLE, 0x116, "Namespace Identifier Unavailable")					\
	X(NVME_SC_NS_ALREADY_ATTACHED, 0x118, "Namespace Already Attached")					\
	X(NVME_SC_NS_IS_PRIVATE, 0x119, "Namespace Is Private")							\
	X(NVME_SC_NS_NOT_ATTACHED, 0x11a, "Namespace Not Attached")						\
	X(NVME_SC_THIN_NOT_SUPPORTED, 0x11b, "Thin Provisioning Not Supported")					\
	X(NVME_SC_CTRLR_LIST_INVALID, 0x11c, "Controller List Invalid")						\
	X(NVME_SC_DST_IN_PROGRESS, 0x11d, "Device Self-test In Progress")					\
	X(NVME_SC_BP_WRITE_PROHIBITED, 0x11e, "Boot Partition Write Prohibited")				\
	X(NVME_SC_INVALID_CNTLID, 0x11f, "Invalid Controller Identifier")					\
	X(NVME_SC_INVALID_SEC_CTRLR_STATE, 0x120, "Invalid Secondary Controller State")				\
	X(NVME_SC_INVALID_CTRLR_RES_COUNT, 0x121, "Invalid Number of Controller Resources")			\
	X(NVME_SC_INVALID_RESOURCE_ID, 0x122, "Invalid Resource Identifier")					\
	X(NVME_SC_SANITIZE_PMR_ENABLED, 0x123, "Sanitize Prohibited While Persistent Memory Region is Enabled")	\
	X(NVME_SC_ANA_GROUP_INVALID, 0x124, "ANA Group Identifier Invalid")					\
	X(NVME_SC_ANA_ATTACH_FAILED, 0x125, "ANA Attach Failed")						\
	X(NVME_SC_INSUFFICIENT_CAPACITY, 0x126, "Insufficient Capacity")					\
	X(NVME_SC_NS_ATTACH_LIMIT, 0x127, "Namespace Attachment Limit Exceeded")				\
	X(NVME_SC_LOCKDOWN_NOT_SUPPORTED, 0x128, "Prohibition of Command Execution Not Supported")		\
	X(NVME_SC_IOCS_NOT_SUPPORTED, 0x129, "I/O Command Set Not Supported")					\
	X(NVME_SC_IOCS_NOT_ENABLED, 0x12a, "I/O Command Set Not Enabled")					\
	X(NVME_SC_IOCS_COMBINATION, 0x12b, "I/O Command Set Combination Rejected")				\
	X(NVME_SC_IOCS_INVALID, 0x12c, "Invalid I/O Command Set")						\
	X(NVME_SC_ID_UNAVAILABLE, 0x12d, "Identifier Unavailable")						\
	X(NVME_SC_NS_IS_DISPERSED, 0x12e, "Namespace Is Dispersed")						\
	X(NVME_SC_INVALID_DISCOVERY_INFO, 0x12f, "Invalid Discovery Information")				\
	X(NVME_SC_ZONING_DATA_LOCKED, 0x130, "Zoning Data Structure Locked")					\
	X(NVME_SC_ZONING_DATA_NOT_FOUND, 0x131, "Zoning Data Structure Not Found")				\
	X(NVME_SC_INSUFFICIENT_DISC_RES, 0x132, "Insufficient Discovery Resources")				\
	X(NVME_SC_FUNCTION_DISABLED, 0x133, "Requested Function Disabled")					\
	X(NVME_SC_ZONEGROUP_ORIGINATOR, 0x134, "ZoneGroup Originator Invalid")					\
	X(NVME_SC_INVALID_HOST, 0x135, "Invalid Host")								\
	X(NVME_SC_INVALID_SUBSYSTEM, 0x136, "Invalid NVM Subsystem")						\
	X(NVME_SC_INVALID_CDQ, 0x137, "Invalid Controller Data Queue")						\
	X(NVME_SC_NOT_ENOUGH_RESOURCES, 0x138, "Not Enough Resources")						\
	X(NVME_SC_CTRLR_SUSPENDED, 0x139, "Controller Suspended")						\
	X(NVME_SC_CTRLR_NOT_SUSPENDED, 0x13a, "Controller Not Suspended")					\
	X(NVME_SC_CDQ_FULL, 0x13b, "Controller Data Queue Full")						\
	X(NVME_SC_SANITIZE_NS_LIMIT, 0x13c, "Request Exceeds Maximum Namespace Sanitize Operations In Progress")	\
	X(NVME_SC_PERSONALITY_REQUIRED, 0x13d, "Manufacturing Default Personality Required")			\
	X(NVME_SC_INVALID_POWER_LIMIT, 0x13e, "Invalid Power Limit")						\
	X(NVME_SC_CCR_IN_PROGRESS, 0x13f, "Cross-Controller Reset In Progress")					\
	X(NVME_SC_CCR_LOG_FULL, 0x140, "Cross-Controller Reset Log Page Full")					\
	X(NVME_SC_CCR_LIMIT, 0x141, "Cross-Controller Reset Limit Exceeded")					\
	X(NVME_SC_STREAM_ALLOC_FAILED, 0x17f, "Stream Resource Allocation Failed")					\
	/* Command specific, I/O command sets: NVM */								\
	X(NVME_SC_CONFLICTING_ATTRS, 0x180, "Conflicting Attributes")						\
	X(NVME_SC_INVALID_PI, 0x181, "Invalid Protection Information")						\
	X(NVME_SC_READ_ONLY_RANGE, 0x182, "Attempted Write to Read Only Range")					\
	X(NVME_SC_CMD_SIZE_LIMIT, 0x183, "Command Size Limit Exceeded")						\
	X(NVME_SC_INVALID_CID, 0x184, "Invalid Command ID")							\
	X(NVME_SC_INCOMPATIBLE_NS, 0x185, "Incompatible Namespace or Format")					\
	X(NVME_SC_FAST_COPY_NOT_POSSIBLE, 0x186, "Fast Copy Not Possible")					\
	X(NVME_SC_OVERLAPPING_IO_RANGE, 0x187, "Overlapping I/O Range")						\
	X(NVME_SC_NS_NOT_REACHABLE, 0x188, "Namespace Not Reachable")						\
	X(NVME_SC_INSUFFICIENT_RESOURCES, 0x189, "Insufficient Resources")					\
	/* Command specific, I/O command sets: ZNS */								\
	X(NVME_SC_ZONE_INVALID_OP, 0x1b6, "Invalid Zone Operation Request")					\
	X(NVME_SC_ZRWA_UNAVAILABLE, 0x1b7, "ZRWA Resources Unavailable")					\
	X(NVME_SC_ZONE_BOUNDARY, 0x1b8, "Zoned Boundary Error")							\
	X(NVME_SC_ZONE_IS_FULL, 0x1b9, "Zone Is Full")								\
	X(NVME_SC_ZONE_IS_READ_ONLY, 0x1ba, "Zone Is Read Only")						\
	X(NVME_SC_ZONE_IS_OFFLINE, 0x1bb, "Zone Is Offline")							\
	X(NVME_SC_ZONE_INVALID_WRITE, 0x1bc, "Zone Invalid Write")						\
	X(NVME_SC_ZONE_TOO_MANY_ACTIVE, 0x1bd, "Too Many Active Zones")						\
	X(NVME_SC_ZONE_TOO_MANY_OPEN, 0x1be, "Too Many Open Zones")						\
	X(NVME_SC_ZONE_INVALID_TRANSITION, 0x1bf, "Invalid Zone State Transition")				\
	/* Media and data integrity errors (SCT 2) */								\
	X(NVME_SC_WRITE_FAULT, 0x280, "Write Fault")								\
	X(NVME_SC_UNRECOVERED_READ, 0x281, "Unrecovered Read Error")						\
	X(NVME_SC_GUARD_CHECK, 0x282, "End-to-end Guard Check Error")						\
	X(NVME_SC_APPTAG_CHECK, 0x283, "End-to-end Application Tag Check Error")				\
	X(NVME_SC_REFTAG_CHECK, 0x284, "End-to-end Reference Tag Check Error")					\
	X(NVME_SC_COMPARE_FAILED, 0x285, "Compare Failure")							\
	X(NVME_SC_ACCESS_DENIED, 0x286, "Access Denied")							\
	X(NVME_SC_UNWRITTEN_BLOCK, 0x287, "Deallocated or Unwritten Logical Block")				\
	X(NVME_SC_STORAGE_TAG_CHECK, 0x288, "End-to-end Storage Tag Check Error")				\
	/* Path related (SCT 3) */										\
	X(NVME_SC_PATH_INTERNAL, 0x300, "Internal Path Error")							\
	X(NVME_SC_ANA_PERSISTENT_LOSS, 0x301, "Asymmetric Access Persistent Loss")				\
	X(NVME_SC_ANA_INACCESSIBLE, 0x302, "Asymmetric Access Inaccessible")					\
	X(NVME_SC_ANA_TRANSITION, 0x303, "Asymmetric Access Transition")					\
	X(NVME_SC_PATH_CTRLR, 0x360, "Controller Pathing Error")						\
	X(NVME_SC_PATH_HOST, 0x370, "Host Pathing Error")							\
	X(NVME_SC_PATH_ABORTED_BY_HOST, 0x371, "Command Aborted By Host")

/* Command specific codes of fabrics commands and discovery.  They reuse numbers of the NVM command set. */
#define NVME_STATUS_FABRICS_LIST(X)										\
	X(NVME_SC_FABRICS_INCOMPATIBLE_FORMAT, 0x180, "Incompatible Format")					\
	X(NVME_SC_FABRICS_CTRLR_BUSY, 0x181, "Controller Busy")							\
	X(NVME_SC_FABRICS_CONNECT_INVALID_PARAM, 0x182, "Connect Invalid Parameters")				\
	X(NVME_SC_FABRICS_CONNECT_RESTART, 0x183, "Connect Restart Discovery")					\
	X(NVME_SC_FABRICS_CONNECT_INVALID_HOST, 0x184, "Connect Invalid Host")					\
	X(NVME_SC_FABRICS_INVALID_QUEUE_TYPE, 0x185, "Invalid Queue Type")					\
	X(NVME_SC_FABRICS_DISCOVER_RESTART, 0x190, "Discover Restart")						\
	X(NVME_SC_FABRICS_AUTH_REQUIRED, 0x191, "Authentication Required")

#define NVME_STATUS_ENUM(name, value, text) name = value,

enum nvme_sc { NVME_STATUS_LIST(NVME_STATUS_ENUM) };
enum nvme_sc_fabrics { NVME_STATUS_FABRICS_LIST(NVME_STATUS_ENUM) };

#undef NVME_STATUS_ENUM

/* clang-format on */

/* The status of a completion.  status is cqe.status, in CPU order. */
static inline nvme_status
nvme_status_of(uint16_t status)
{
	return (nvme_status)(status >> 1);
}

/* The 11 bits that NVME_SC_* names. */
static inline uint16_t
nvme_status_code(nvme_status status)
{
	return (uint16_t)(status & NVME_STATUS_CODE);
}
