/* SPDX-License-Identifier: BSD-3-Clause */
/* The admin command set: exec.c runs it, and the Commands Supported and Effects log is printed from it. */
#include "ssd/admin/admin.h"
#include "ssd/admin/dst.h"
#include "ssd/admin/fw.h"
#include "ssd/admin/mi.h"
#include "ssd/admin/sanitize.h"
#include "ssd/admin/virt.h"

#define CSUPP NVME_EFFECTS_CSUPP
#define SCOPE(s) ((uint32_t)nvme_put(NVME_EFFECTS_CSP, s))
#define CTRL SCOPE(NVME_SCOPE_CTRL)
#define FORMAT_EFFECTS                                                                              \
	(NVME_EFFECTS_LBCC | NVME_EFFECTS_NCC | (uint32_t)nvme_put(NVME_EFFECTS_CSE, NVME_CSE_NS) | \
	 SCOPE(NVME_SCOPE_NS | NVME_SCOPE_NSS))
#define SANITIZE_EFFECTS \
	(NVME_EFFECTS_LBCC | (uint32_t)nvme_put(NVME_EFFECTS_CSE, NVME_CSE_ALL) | SCOPE(NVME_SCOPE_NSS))

const struct ssd_opcode ssd_admin_opcodes[256] = {
	[NVME_ADM_DELETE_IO_SQ] = { ssd_adm_delete_sq, CSUPP | CTRL },
	[NVME_ADM_CREATE_IO_SQ] = { ssd_adm_create_sq, CSUPP | CTRL },
	[NVME_ADM_GET_LOG_PAGE] = { ssd_adm_get_log_page, CSUPP | CTRL },
	[NVME_ADM_DELETE_IO_CQ] = { ssd_adm_delete_cq, CSUPP | CTRL },
	[NVME_ADM_CREATE_IO_CQ] = { ssd_adm_create_cq, CSUPP | CTRL },
	[NVME_ADM_IDENTIFY] = { ssd_adm_identify, CSUPP | SCOPE(NVME_SCOPE_NS | NVME_SCOPE_CTRL) },
	[NVME_ADM_ABORT] = { ssd_adm_abort, CSUPP | CTRL },
	[NVME_ADM_SET_FEATURES] = { ssd_adm_set_features, CSUPP | SCOPE(NVME_SCOPE_NS | NVME_SCOPE_CTRL) },
	[NVME_ADM_GET_FEATURES] = { ssd_adm_get_features, CSUPP | SCOPE(NVME_SCOPE_NS | NVME_SCOPE_CTRL) },
	[NVME_ADM_ASYNC_EVENT] = { ssd_adm_aer, CSUPP | CTRL },
	[NVME_ADM_NS_MGMT] = { ssd_adm_ns_mgmt,
			       CSUPP | NVME_EFFECTS_LBCC | NVME_EFFECTS_NIC | SCOPE(NVME_SCOPE_NS | NVME_SCOPE_NSS) },
	[NVME_ADM_FW_COMMIT] = { ssd_adm_fw_commit, CSUPP | NVME_EFFECTS_CCC | SCOPE(NVME_SCOPE_NSS) },
	[NVME_ADM_FW_DOWNLOAD] = { ssd_adm_fw_download, CSUPP | CTRL },
	[NVME_ADM_DEV_SELF_TEST] = { ssd_adm_dst, CSUPP | SCOPE(NVME_SCOPE_NS | NVME_SCOPE_CTRL) },
	[NVME_ADM_NS_ATTACH] = { ssd_adm_ns_attach, CSUPP | NVME_EFFECTS_NIC | SCOPE(NVME_SCOPE_NS | NVME_SCOPE_CTRL) },
	[NVME_ADM_KEEP_ALIVE] = { ssd_adm_keep_alive, CSUPP | CTRL },
	[NVME_ADM_DIRECTIVE_SEND] = { ssd_adm_directive_send, CSUPP | SCOPE(NVME_SCOPE_NS | NVME_SCOPE_NSS) },
	[NVME_ADM_DIRECTIVE_RECV] = { ssd_adm_directive_recv, CSUPP | SCOPE(NVME_SCOPE_NS | NVME_SCOPE_NSS) },
	[NVME_ADM_SECURITY_SEND] = { ssd_adm_security_send, CSUPP | SCOPE(NVME_SCOPE_NSS) },
	[NVME_ADM_SECURITY_RECV] = { ssd_adm_security_recv, CSUPP | SCOPE(NVME_SCOPE_NSS) },
	[NVME_ADM_MI_SEND] = { ssd_adm_mi_send, CSUPP | SCOPE(NVME_SCOPE_NSS) },
	[NVME_ADM_MI_RECV] = { ssd_adm_mi_recv, CSUPP | SCOPE(NVME_SCOPE_NSS) },
	[NVME_ADM_VIRT_MGMT] = { ssd_adm_virt_mgmt, CSUPP | SCOPE(NVME_SCOPE_CTRL | NVME_SCOPE_NSS) },
	[NVME_ADM_DBBUF_CONFIG] = { ssd_adm_dbbuf_config, CSUPP | CTRL },
	[NVME_ADM_FORMAT_NVM] = { ssd_adm_format, CSUPP | FORMAT_EFFECTS },
	[NVME_ADM_SANITIZE] = { ssd_adm_sanitize, CSUPP | SANITIZE_EFFECTS },
};

bool
ssd_admin_there(const struct ssd *ssd, uint32_t opc)
{
	if (opc == NVME_ADM_VIRT_MGMT && !ssd_virt_primary(ssd))
		return false;
	return ssd_admin_opcodes[opc].exec;
}
