/* SPDX-License-Identifier: BSD-3-Clause */
/* The methods of the control socket that are about faults. */
#include <errno.h>
#include <stdio.h>
#include "front/control_int.h"
#include "ssd/fault.h"

/* {"rule": "status=02/81,opc=read"}: {"id": 1}. */
json_t *
control_fault_add(struct control *ctl, const json_t *params)
{
	const char *rule = json_string_value(json_object_get(params, "rule"));
	uint32_t id;
	json_t *r;
	int rc;

	if (!rule) {
		snprintf(ctl->wrong, sizeof(ctl->wrong), "rule is missing: POINT[=ARG][,KEY=VALUE...]");
		return NULL;
	}
	rc = ssd_fault_add(ctl->sub, rule, &id, ctl->wrong, sizeof(ctl->wrong));
	if (rc == -ENOMEM)
		snprintf(ctl->wrong, sizeof(ctl->wrong), "no memory");
	if (rc)
		return NULL;
	r = control_result();
	json_object_set_new(r, "id", json_integer((json_int_t)id));
	return r;
}

/* {"id": 1}, or all: {"cleared": how many}. */
json_t *
control_fault_clear(struct control *ctl, const json_t *params)
{
	const json_t *id = json_object_get(params, "id");
	json_int_t v = json_integer_value(id);
	json_t *r;

	if (id && (!json_is_integer(id) || v < 1 || v > UINT32_MAX)) {
		snprintf(ctl->wrong, sizeof(ctl->wrong), "id is the number that fault_add returned");
		return NULL;
	}
	r = control_result();
	json_object_set_new(r, "cleared", json_integer((json_int_t)ssd_fault_clear(ctl->sub, (uint32_t)v)));
	return r;
}

/* The rules that are armed. */
json_t *
control_fault_list(struct control *ctl, const json_t *params)
{
	json_t *r = control_result(), *list = json_array();
	struct ssd_fault_state st;

	(void)params;
	for (uint32_t i = 0; ssd_fault_state(ctl->sub, i, &st); i++)
		json_array_append_new(list, json_pack("{s:I, s:s, s:I, s:I}", "id", (json_int_t)st.id, "rule", st.text,
						      "seen", (json_int_t)st.seen, "hits", (json_int_t)st.hits));
	json_object_set_new(r, "faults", list);
	return r;
}
