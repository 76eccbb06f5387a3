/* SPDX-License-Identifier: BSD-3-Clause */
/* The methods of the control socket.  JSON-RPC 2.0 Specification, "Request object", "Response object", "Error object". */
#include <stdlib.h>
#include <string.h>
#include "front/control_int.h"
#include "front/vfu_server.h"
#include "util/bits.h"

enum {
	RPC_PARSE_ERROR = -32700,
	RPC_INVALID_REQUEST = -32600,
	RPC_NO_METHOD = -32601,
	RPC_INVALID_PARAMS = -32602,
};

static const struct {
	int code;
	const char *text;
} errors[] = {
	{ RPC_PARSE_ERROR, "Parse error: one JSON object a line" },
	{ RPC_INVALID_REQUEST, "Invalid request: {\"jsonrpc\": \"2.0\", \"id\": 1, \"method\": \"info\"}" },
	{ RPC_NO_METHOD,
	  "Method not found: power_off power_on power_cycle stats temperature info fault_add fault_clear fault_list "
	  "shutdown" },
	{ RPC_INVALID_PARAMS, "Invalid params" },
};

json_t *
control_result(void)
{
	return json_pack("{s:i}", "schema_version", CONTROL_SCHEMA);
}

static json_t *
power_result(struct control *ctl)
{
	json_t *r = control_result();

	json_object_set_new(r, "powered", json_boolean(ssd_powered(ctl->sub)));
	return r;
}

static json_t *
power_off(struct control *ctl, const json_t *params)
{
	(void)params;
	ssd_power_off(ctl->sub);
	return power_result(ctl);
}

static json_t *
power_on(struct control *ctl, const json_t *params)
{
	(void)params;
	ssd_power_on(ctl->sub);
	return power_result(ctl);
}

static json_t *
power_cycle(struct control *ctl, const json_t *params)
{
	(void)params;
	ssd_power_off(ctl->sub);
	ssd_power_on(ctl->sub);
	return power_result(ctl);
}

static json_t *
stats(struct control *ctl, const json_t *params)
{
	struct ssd_stats st;
	json_t *r = control_result();

	(void)params;
	ssd_get_stats(ctl->sub, &st);
	const struct {
		const char *name;
		uint64_t value;
	} counters[] = {
		{ "cmds_admin", st.cmds_admin },
		{ "cmds_read", st.cmds_read },
		{ "cmds_write", st.cmds_write },
		{ "cmds_other", st.cmds_other },
		{ "bytes_read", st.bytes_read },
		{ "bytes_written", st.bytes_written },
		{ "errors", st.errors },
		{ "flash_host_bytes", st.flash_host_bytes },
		{ "flash_programmed_bytes", st.flash_programmed_bytes },
		{ "flash_erases", st.flash_erases },
		{ "flash_bad_blocks", st.flash_bad_blocks },
		{ "flash_refreshed_blocks", st.flash_refreshed_blocks },
		{ "flash_levelled_blocks", st.flash_levelled_blocks },
		{ "flash_unreadable", st.flash_unreadable },
		{ "flash_hard_reads", st.flash_hard_reads },
		{ "flash_slc_bytes", st.flash_slc_bytes },
		{ "flash_folded_bytes", st.flash_folded_bytes },
		{ "flash_failed_programs", st.flash_failed_programs },
	};
	for (size_t i = 0; i < UT_ARRAY_LEN(counters); i++)
		json_object_set_new(r, counters[i].name, json_integer((json_int_t)counters[i].value));
	json_object_set_new(r, "flash_write_amplification", json_real(st.flash_write_amplification));
	return r;
}

/* {"kelvin": 343} or {"celsius": 70} sets it; without parameters it is only told.  NULL: out of range. */
static json_t *
temperature(struct control *ctl, const json_t *params)
{
	const json_t *k = json_object_get(params, "kelvin"), *c = json_object_get(params, "celsius");
	double kelvin = json_number_value(k ? k : c) + (k ? 0 : 273);
	json_t *r;

	if (k || c) {
		if (!json_is_number(k ? k : c) || !(kelvin >= 1 && kelvin <= 1000))
			return NULL;
		ssd_set_temperature(ctl->sub, (uint16_t)(kelvin + 0.5));
	}
	r = control_result();
	json_object_set_new(r, "kelvin", json_integer(ssd_temperature(ctl->sub)));
	json_object_set_new(r, "celsius", json_integer(ssd_temperature(ctl->sub) - 273));
	return r;
}

static json_t *
info(struct control *ctl, const json_t *params)
{
	json_t *r = power_result(ctl), *list = json_array();

	(void)params;
	for (uint32_t i = 0; i < ctl->nr_servers; i++) {
		struct vfu_server *s = &ctl->server[i];

		json_array_append_new(list, json_pack("{s:s, s:b, s:I, s:I}", "socket", s->listener.path, "attached",
						      s->client != NULL, "dma_maps", (json_int_t)s->dma.n, "refused",
						      (json_int_t)s->nr_refused));
	}
	json_object_set_new(r, "version", json_string(ctl->version));
	json_object_set_new(r, "controllers", json_integer((json_int_t)ctl->nr_servers));
	json_object_set_new(r, "control", json_string(ctl->listener.path));
	json_object_set_new(r, "sockets", list);
	return r;
}

static json_t *
shut_down(struct control *ctl, const json_t *params)
{
	(void)params;
	ctl->loop->stop = true;
	return control_result();
}

static const struct {
	const char *name;
	json_t *(*fn)(struct control *ctl, const json_t *params);
} methods[] = {
	{ "power_off", power_off },
	{ "power_on", power_on },
	{ "power_cycle", power_cycle },
	{ "stats", stats },
	{ "fault_add", control_fault_add },
	{ "fault_clear", control_fault_clear },
	{ "fault_list", control_fault_list },
	{ "temperature", temperature },
	{ "info", info },
	{ "shutdown", shut_down },
};

static json_t *
call(struct control *ctl, const json_t *req, int *code)
{
	const char *name = json_string_value(json_object_get(req, "method"));
	const char *rpc = json_string_value(json_object_get(req, "jsonrpc"));
	const json_t *params = json_object_get(req, "params");
	json_t *r;

	*code = RPC_INVALID_REQUEST;
	if (!name || !rpc || strcmp(rpc, "2.0"))
		return NULL;
	*code = RPC_INVALID_PARAMS;
	if (params && !json_is_object(params))
		return NULL; /* all parameters here have names */
	for (size_t i = 0; i < UT_ARRAY_LEN(methods); i++) {
		if (strcmp(methods[i].name, name))
			continue;
		r = methods[i].fn(ctl, params);
		*code = r ? 0 : RPC_INVALID_PARAMS;
		return r;
	}
	*code = RPC_NO_METHOD;
	return NULL;
}

static json_t *
error_object(const struct control *ctl, int code)
{
	const char *text = "error";

	for (size_t i = 0; i < UT_ARRAY_LEN(errors); i++) {
		if (errors[i].code == code)
			text = errors[i].text;
	}
	if (code == RPC_INVALID_PARAMS && ctl->wrong[0])
		text = ctl->wrong;
	return json_pack("{s:i, s:s}", "code", code, "message", text);
}

char *
control_answer(struct control *ctl, const char *line, size_t len)
{
	json_t *req = json_loadb(line, len, 0, NULL), *id = json_object_get(req, "id");
	json_t *answer = json_pack("{s:s}", "jsonrpc", "2.0"), *r = NULL;
	int code = req ? RPC_INVALID_REQUEST : RPC_PARSE_ERROR;
	char *text = NULL, *whole;
	size_t n;

	ctl->wrong[0] = '\0';
	if (json_is_object(req))
		r = call(ctl, req, &code);
	json_object_set(answer, "id", id ? id : json_null());
	json_object_set_new(answer, r ? "result" : "error", r ? r : error_object(ctl, code));
	/* "A Notification is a Request object without an id": no answer, unless it was no request at all. */
	if (id || !json_is_object(req) || code == RPC_INVALID_REQUEST)
		text = json_dumps(answer, JSON_COMPACT);
	json_decref(answer);
	json_decref(req);
	if (!text)
		return NULL;
	n = strlen(text);
	whole = realloc(text, n + 2);
	if (!whole) {
		free(text);
		return NULL;
	}
	memcpy(whole + n, "\n", 2);
	return whole;
}
