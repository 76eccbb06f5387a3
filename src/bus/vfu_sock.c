/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests and replies of a vfio-user client.  Every wait has a deadline, and nothing in a reply is believed unchecked. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include "bus/vfu_client.h"
#include "util/alloc.h"
#include "util/bits.h"

#define MAX_REPLY (VFU_DEF_MAX_XFER + 4096u)

static uint64_t
deadline_in(uint32_t ms)
{
	return ut_mono_ns() + (uint64_t)ms * 1000000u;
}

static int
explain_connect(const char *path, int rc)
{
	struct stat st;

	if (rc == -ECONNREFUSED && !stat(path, &st) && !S_ISSOCK(st.st_mode)) {
		nvp_bus_set_error("%s is not a socket; give the socket that a vfio-user server listens on", path);
		return -ENOTSOCK;
	}
	if (rc == -ENOENT)
		nvp_bus_set_error("%s: no such socket; start a server there, e.g. nvproof-ssd --socket %s", path, path);
	else if (rc == -ECONNREFUSED)
		nvp_bus_set_error("%s: nobody listens on this socket; start its server again", path);
	else if (rc == -ETIMEDOUT)
		nvp_bus_set_error("%s: the server does not accept connections", path);
	else
		nvp_bus_set_error("%s: cannot connect: %s", path, strerror(-rc));
	return rc;
}

/* A full backlog is EAGAIN on a UNIX socket, and nothing tells when there is room: try again. */
static int
connect_until(int sock, const struct sockaddr_un *sa, uint64_t deadline)
{
	while (connect(sock, (const struct sockaddr *)sa, sizeof(*sa))) {
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		if (ut_mono_ns() >= deadline)
			return -ETIMEDOUT;
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	}
	return 0;
}

int
vfu_connect(const char *path, uint32_t timeout_ms, int *sock)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int rc;

	if (!path[0] || strlen(path) >= sizeof(sa.sun_path)) {
		nvp_bus_set_error("\"vfu:%.60s\": a socket path has 1 to %zu characters", path,
				  sizeof(sa.sun_path) - 1);
		return -EINVAL;
	}
	strcpy(sa.sun_path, path);
	*sock = ut_alloc_spend() ? -1 : socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (*sock < 0)
		return -ENOMEM;
	rc = connect_until(*sock, &sa, deadline_in(timeout_ms));
	if (!rc)
		return 0;
	close(*sock);
	return explain_connect(path, rc);
}

/* The stream is out of step or closed: nothing can be said any more. */
static int
give_up(struct vfu_bus *b, int rc)
{
	b->dead = true;
	shutdown(b->sock, SHUT_RDWR);
	return rc;
}

static int
send_request(struct vfu_bus *b, const struct vfu_req *r, uint16_t id, uint64_t deadline)
{
	struct vfu_hdr hdr = { .id = id, .cmd = r->cmd, .flags = VFU_F_COMMAND };
	uint8_t small[256], *msg = small;
	uint32_t len = (uint32_t)sizeof(hdr) + r->out_len + r->data_len;
	int rc;

	/* In one piece: there are servers that do not put pieces together. */
	if (len > sizeof(small)) {
		msg = ut_calloc(1, len);
		if (!msg)
			return -ENOMEM;
	}
	hdr.size = len;
	memcpy(msg, &hdr, sizeof(hdr));
	if (r->out_len)
		memcpy(msg + sizeof(hdr), r->out, r->out_len);
	if (r->data_len)
		memcpy(msg + sizeof(hdr) + r->out_len, r->data, r->data_len);
	rc = vfu_send(b->sock, msg, len, r->fds, r->nfds, deadline);
	if (msg != small)
		free(msg);
	return rc ? give_up(b, rc) : 0;
}

/* Read and forget: what does not fit, or belongs to a request that nobody waits for any more. */
static int
skip(struct vfu_bus *b, uint32_t len, uint64_t deadline)
{
	uint8_t scrap[512];

	while (len) {
		uint32_t n = UT_MIN(len, (uint32_t)sizeof(scrap));
		int rc = vfu_recv(b->sock, scrap, n, NULL, deadline, NULL);

		if (rc)
			return give_up(b, rc);
		len -= n;
	}
	return 0;
}

/* A header; when nothing at all came in time, or only what others asked for, the stream is still in step. */
static int
recv_header(struct vfu_bus *b, struct vfu_hdr *hdr, struct vfu_fds *fds, uint64_t deadline)
{
	size_t done;
	int rc;

	if (ut_mono_ns() >= deadline)
		return -ETIMEDOUT;
	rc = vfu_recv(b->sock, hdr, sizeof(*hdr), fds, deadline, &done);
	if (rc == -ETIMEDOUT && !done)
		return rc;
	if (!rc && (hdr->size < sizeof(*hdr) || hdr->size - sizeof(*hdr) > MAX_REPLY))
		rc = -EPROTO;
	return rc ? give_up(b, rc) : 0;
}

/* The server asks us something (DMA without a mapping): we share all memory, so the answer is no. */
static int
refuse_command(struct vfu_bus *b, const struct vfu_hdr *cmd, uint64_t deadline)
{
	struct vfu_hdr no = {
		.id = cmd->id, .cmd = cmd->cmd, .size = sizeof(no), .flags = VFU_F_REPLY | VFU_F_ERROR, .error = ENOTSUP
	};
	int rc = skip(b, cmd->size - (uint32_t)sizeof(*cmd), deadline);

	if (!rc && !(cmd->flags & VFU_F_NO_REPLY))
		rc = vfu_send(b->sock, &no, sizeof(no), NULL, 0, deadline);
	return rc;
}

static int
recv_payload(struct vfu_bus *b, struct vfu_req *r, const struct vfu_hdr *hdr, uint64_t deadline)
{
	uint32_t len = hdr->size - (uint32_t)sizeof(*hdr);
	int rc;

	r->in_len = UT_MIN(len, r->room);
	rc = vfu_recv(b->sock, r->in, r->in_len, r->in_fds, deadline, NULL);
	if (rc)
		return give_up(b, rc);
	rc = skip(b, len - r->in_len, deadline);
	if (rc || !(hdr->flags & VFU_F_ERROR))
		return rc;
	/* "Error is an optional UNIX errno value." */
	return hdr->error > 0 && hdr->error < 4096 ? -(int)hdr->error : -EIO;
}

static int
recv_reply(struct vfu_bus *b, struct vfu_req *r, uint16_t id, uint64_t deadline)
{
	struct vfu_hdr hdr;
	int rc;

	for (;;) {
		rc = recv_header(b, &hdr, r->in_fds, deadline);
		if (rc)
			return rc;
		if ((hdr.flags & VFU_F_TYPE) == VFU_F_COMMAND)
			rc = refuse_command(b, &hdr, deadline);
		else if ((hdr.flags & VFU_F_TYPE) == VFU_F_REPLY && hdr.id == id && hdr.cmd == r->cmd)
			return recv_payload(b, r, &hdr, deadline);
		else /* late: its request timed out */
			rc = skip(b, hdr.size - (uint32_t)sizeof(hdr), deadline);
		if (rc)
			return rc;
		if (r->in_fds)
			vfu_fds_close(r->in_fds);
	}
}

int
vfu_call(struct vfu_bus *b, struct vfu_req *r)
{
	uint64_t deadline = deadline_in(b->timeout_ms);
	int rc;

	pthread_mutex_lock(&b->lock);
	if (b->dead) {
		rc = -ENODEV;
	} else {
		uint16_t id = b->next_id++;

		rc = send_request(b, r, id, deadline);
		if (!rc)
			rc = recv_reply(b, r, id, deadline);
	}
	pthread_mutex_unlock(&b->lock);
	return rc;
}
