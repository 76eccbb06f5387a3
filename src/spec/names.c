/* SPDX-License-Identifier: BSD-3-Clause */
/* What numbers of the wire are called, in the specification's words. */
#include "nvproof/spec/names.h"

#include "nvproof/spec/cmd.h"
#include "nvproof/spec/status.h"
#include "util/bits.h"

struct name {
	uint16_t value;
	const char *text;
};

#define STATUS_TEXT(name, value, text) { value, text },

static const struct name statuses[] = {
	/* clang-format off */
	NVME_STATUS_LIST(STATUS_TEXT)
	/* clang-format on */
	{ 0x781, "Data Miscompare (found by the host)" },
	{ 0x7ff, "No Completion within the Timeout (said by the host)" },
};

static const struct name admin_cmds[] = {
	{ NVME_ADM_DELETE_IO_SQ, "Delete I/O Submission Queue" },
	{ NVME_ADM_CREATE_IO_SQ, "Create I/O Submission Queue" },
	{ NVME_ADM_GET_LOG_PAGE, "Get Log Page" },
	{ NVME_ADM_DELETE_IO_CQ, "Delete I/O Completion Queue" },
	{ NVME_ADM_CREATE_IO_CQ, "Create I/O Completion Queue" },
	{ NVME_ADM_IDENTIFY, "Identify" },
	{ NVME_ADM_ABORT, "Abort" },
	{ NVME_ADM_SET_FEATURES, "Set Features" },
	{ NVME_ADM_GET_FEATURES, "Get Features" },
	{ NVME_ADM_ASYNC_EVENT, "Asynchronous Event Request" },
	{ NVME_ADM_NS_MGMT, "Namespace Management" },
	{ NVME_ADM_FW_COMMIT, "Firmware Commit" },
	{ NVME_ADM_FW_DOWNLOAD, "Firmware Image Download" },
	{ NVME_ADM_DEV_SELF_TEST, "Device Self-test" },
	{ NVME_ADM_NS_ATTACH, "Namespace Attachment" },
	{ NVME_ADM_KEEP_ALIVE, "Keep Alive" },
	{ NVME_ADM_DIRECTIVE_SEND, "Directive Send" },
	{ NVME_ADM_DIRECTIVE_RECV, "Directive Receive" },
	{ NVME_ADM_VIRT_MGMT, "Virtualization Management" },
	{ NVME_ADM_MI_SEND, "NVMe-MI Send" },
	{ NVME_ADM_MI_RECV, "NVMe-MI Receive" },
	{ NVME_ADM_CAPACITY_MGMT, "Capacity Management" },
	{ NVME_ADM_DISCOVERY_INFO_MGMT, "Discovery Information Management" },
	{ NVME_ADM_FABRIC_ZONING_RECV, "Fabric Zoning Receive" },
	{ NVME_ADM_LOCKDOWN, "Lockdown" },
	{ NVME_ADM_FABRIC_ZONING_LOOKUP, "Fabric Zoning Lookup" },
	{ NVME_ADM_CLEAR_EXPORTED_CONFIG, "Clear Exported NVM Resource Configuration" },
	{ NVME_ADM_FABRIC_ZONING_SEND, "Fabric Zoning Send" },
	{ NVME_ADM_CREATE_EXPORTED_SUBSYS, "Create Exported NVM Subsystem" },
	{ NVME_ADM_MANAGE_EXPORTED_SUBSYS, "Manage Exported NVM Subsystem" },
	{ NVME_ADM_MANAGE_EXPORTED_NS, "Manage Exported Namespace" },
	{ NVME_ADM_MANAGE_EXPORTED_PORT, "Manage Exported Port" },
	{ NVME_ADM_CROSS_CTRLR_RESET, "Cross-Controller Reset" },
	{ NVME_ADM_SEND_DISCOVERY_LOG, "Send Discovery Log Page" },
	{ NVME_ADM_TRACK_SEND, "Track Send" },
	{ NVME_ADM_TRACK_RECV, "Track Receive" },
	{ NVME_ADM_MIGRATION_SEND, "Migration Send" },
	{ NVME_ADM_MIGRATION_RECV, "Migration Receive" },
	{ NVME_ADM_CTRLR_DATA_QUEUE, "Controller Data Queue" },
	{ NVME_ADM_DBBUF_CONFIG, "Doorbell Buffer Config" },
	{ NVME_ADM_FABRICS, "Fabrics Command" },
	{ NVME_ADM_FORMAT_NVM, "Format NVM" },
	{ NVME_ADM_SECURITY_SEND, "Security Send" },
	{ NVME_ADM_SECURITY_RECV, "Security Receive" },
	{ NVME_ADM_SANITIZE, "Sanitize" },
	{ NVME_ADM_LOAD_PROGRAM, "Load Program" },
	{ NVME_ADM_GET_LBA_STATUS, "Get LBA Status" },
	{ NVME_ADM_PROGRAM_ACTIVATION, "Program Activation Management" },
	{ NVME_ADM_MEM_RANGE_SET_MGMT, "Memory Range Set Management" },
	{ NVME_ADM_SANITIZE_NS, "Sanitize Namespace" },
};

static const struct name io_cmds[] = {
	{ NVME_OPC_FLUSH, "Flush" },
	{ NVME_OPC_WRITE, "Write" },
	{ NVME_OPC_READ, "Read" },
	{ NVME_OPC_WRITE_UNCOR, "Write Uncorrectable" },
	{ NVME_OPC_COMPARE, "Compare" },
	{ NVME_OPC_WRITE_ZEROES, "Write Zeroes" },
	{ NVME_OPC_DSM, "Dataset Management" },
	{ NVME_OPC_VERIFY, "Verify" },
	{ NVME_OPC_RESV_REGISTER, "Reservation Register" },
	{ NVME_OPC_RESV_REPORT, "Reservation Report" },
	{ NVME_OPC_RESV_ACQUIRE, "Reservation Acquire" },
	{ NVME_OPC_IO_MGMT_RECV, "I/O Management Receive" },
	{ NVME_OPC_RESV_RELEASE, "Reservation Release" },
	{ NVME_OPC_CANCEL, "Cancel" },
	{ NVME_OPC_COPY, "Copy" },
	{ NVME_OPC_IO_MGMT_SEND, "I/O Management Send" },
	{ NVME_OPC_ZONE_MGMT_SEND, "Zone Management Send" },
	{ NVME_OPC_ZONE_MGMT_RECV, "Zone Management Receive" },
	{ NVME_OPC_ZONE_APPEND, "Zone Append" },
	{ NVME_OPC_FABRICS, "Fabrics Command" },
};

static const char *
find(const struct name *list, size_t n, unsigned value, const char *otherwise)
{
	for (size_t i = 0; i < n; i++)
		if (list[i].value == value)
			return list[i].text;
	return otherwise;
}

const char *
nvp_status_text(uint16_t status)
{
	return find(statuses, UT_ARRAY_LEN(statuses), nvme_status_code(status), "unknown status");
}

const char *
nvp_admin_name(uint8_t opc)
{
	return find(admin_cmds, UT_ARRAY_LEN(admin_cmds), opc, "unknown");
}

const char *
nvp_io_name(uint8_t opc)
{
	return find(io_cmds, UT_ARRAY_LEN(io_cmds), opc, "unknown");
}
