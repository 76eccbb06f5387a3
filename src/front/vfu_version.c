/* SPDX-License-Identifier: BSD-3-Clause */
/* VFIO_USER_VERSION: who speaks what.  vfio-user Protocol Specification 0.9, "VFIO_USER_VERSION". */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include "front/vfu_server.h"
#include "util/bits.h"

/* What we can, by the names of the specification. */
static const struct cap {
	const char *name;
	json_int_t value;
} caps[] = {
	{ "max_msg_fds", IRQ_MSIX_VECTORS },
	{ "max_data_xfer_size", CONN_MAX_XFER },
	{ "max_dma_maps", DMA_MAX_MAPS },
	{ "pgsizes", DMA_PAGE },
};

/* The client's capabilities, a new reference; NULL and 0: it sent none; -EINVAL: it sent nonsense. */
static int
parse_caps(const char *text, uint32_t len, json_t **out)
{
	json_t *root;

	*out = NULL;
	if (!len || !text[0])
		return 0;
	if (!memchr(text, '\0', len))
		return -EINVAL;
	root = json_loads(text, 0, NULL);
	if (!root)
		return -EINVAL;
	*out = json_incref(json_object_get(root, "capabilities"));
	if (!*out && json_is_object(root))
		*out = json_object();
	json_decref(root);
	if (json_is_object(*out))
		return 0;
	json_decref(*out);
	*out = NULL;
	return -EINVAL;
}

static int
check_caps(json_t *theirs)
{
	for (size_t i = 0; i < UT_ARRAY_LEN(caps); i++) {
		json_t *v = json_object_get(theirs, caps[i].name);

		if (v && (!json_is_integer(v) || json_integer_value(v) < 0))
			return -EINVAL;
	}
	return 0;
}

/* "The capability list must be a subset of those proposed."  The length with its NUL; 0 when it does not work out. */
static uint32_t
answer_caps(json_t *theirs, char *text, size_t room)
{
	json_t *ours = json_object(), *root = json_object();
	size_t n;

	for (size_t i = 0; i < UT_ARRAY_LEN(caps); i++) {
		if (json_object_get(theirs, caps[i].name))
			json_object_set_new(ours, caps[i].name, json_integer(caps[i].value));
	}
	json_object_set_new(root, "capabilities", ours);
	n = json_dumpb(root, text, room - 1, JSON_COMPACT);
	json_decref(root);
	if (!n || n >= room)
		return 0;
	text[n] = '\0';
	return (uint32_t)n + 1;
}

static int
negotiate(struct vfu_conn *c, struct vfu_reply *r)
{
	const struct vfu_version *in = (const void *)c->in;
	struct vfu_version *out = conn_payload(c);
	json_t *theirs = NULL;
	int rc;

	if (c->in_len < sizeof(*in))
		return -EINVAL;
	if (in->major != VFU_MAJOR)
		return -EPROTONOSUPPORT;
	rc = parse_caps(in->data, c->in_len - (uint32_t)sizeof(*in), &theirs);
	if (!rc)
		rc = check_caps(theirs);
	if (!rc) {
		out->major = VFU_MAJOR;
		out->minor = UT_MIN(in->minor, (uint16_t)VFU_MINOR);
		r->len = (uint32_t)sizeof(*out);
		if (theirs)
			r->len += answer_caps(theirs, out->data, 1024);
	}
	json_decref(theirs);
	return rc;
}

int
vfu_on_version(struct vfu_server *s, struct vfu_conn *c, struct vfu_reply *r)
{
	int rc;

	if (c->attached)
		return -EINVAL; /* "This is the initial message" */
	rc = negotiate(c, r);
	if (!rc)
		rc = vfu_server_attach(s, c);
	if (rc)
		c->closing = true;
	return rc;
}
