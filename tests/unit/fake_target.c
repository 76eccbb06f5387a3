/* SPDX-License-Identifier: BSD-3-Clause */
/* The scripted server. */
#include "fake_target.h"

#include <errno.h>
#include <linux/vfio.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include "util/clock.h"

struct answer {
	struct vfu_hdr hdr;
	uint8_t data[8192];
	uint32_t len;
	int fd;
};

void
target_defaults(struct target *t)
{
	memset(t, 0, sizeof(*t));
	t->at = t->session_fd = -1;
	t->minor = 1;
	t->json =
		"{\"capabilities\":{\"max_msg_fds\":8,\"max_data_xfer_size\":1048576,\"migration\":{\"pgsize\":4096}}}";
	t->max_xfer = 1u << 20;
	t->area_off = t->area_size = 0x1000;
	t->file_size = 0x2000;
	t->class = 0x010802;
	t->dev_flags = VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET;
	t->irq_fd = -1;
}

static void
version(struct target *t, struct answer *a)
{
	struct vfu_version v = { t->major, t->minor };

	memcpy(a->data, &v, sizeof(v));
	a->len = sizeof(v);
	if (t->json) {
		strcpy((char *)a->data + a->len, t->json);
		a->len += (uint32_t)strlen(t->json) + 1;
	}
}

static void
region(struct target *t, const uint8_t *in, struct answer *a)
{
	struct vfu_region_info info = { .argsz = sizeof(info) };
	struct vfu_cap_sparse cap = { .hdr = { VFIO_REGION_INFO_CAP_SPARSE_MMAP, 1, 0 }, .nr_areas = 1 };
	struct vfu_sparse_area area = { t->area_off, t->area_size };

	memcpy(&info.index, in + 8, 4);
	info.size = info.index == 0 ? sizeof(t->bar) : info.index == 7 ? sizeof(t->cfg) : 0;
	info.flags = info.size ? 3 : 0;
	a->len = sizeof(info);
	if (info.index == 0 && !t->no_sparse) {
		info.flags |= VFIO_REGION_INFO_FLAG_MMAP;
		a->fd = t->bar_fd;
		if (!t->whole_mappable) {
			info.flags |= VFIO_REGION_INFO_FLAG_CAPS;
			info.cap_offset = sizeof(info);
			memcpy(a->data + a->len, &cap, sizeof(cap));
			memcpy(a->data + a->len + sizeof(cap), &area, sizeof(area));
			a->len += (uint32_t)(sizeof(cap) + sizeof(area));
		}
		info.argsz = a->len;
	}
	memcpy(a->data, &info, sizeof(info));
}

static void
access_region(struct target *t, uint16_t cmd, const uint8_t *in, struct answer *a)
{
	struct vfu_region_access acc;
	uint8_t *mem;

	memcpy(&acc, in, sizeof(acc));
	mem = (acc.region == 7 ? t->cfg : t->bar) + acc.offset;
	t->over_max |= acc.count > t->max_xfer;
	memcpy(a->data, &acc, sizeof(acc));
	a->len = sizeof(acc);
	if (cmd == VFU_REGION_WRITE) {
		memcpy(mem, in + sizeof(acc), acc.count);
		return;
	}
	memcpy(a->data + a->len, mem, acc.count);
	a->len += acc.count;
}

static void
serve(struct target *t, const struct vfu_hdr *hdr, const uint8_t *in, struct vfu_fds *fds, struct answer *a)
{
	struct vfu_device_info info = { 16, t->dev_flags, 9, 5 };
	struct vfu_irq_info irq = { 16, VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_NORESIZE, 2, 256 };

	switch (hdr->cmd) {
	case VFU_VERSION:
		version(t, a);
		break;
	case VFU_DEVICE_GET_INFO:
		memcpy(a->data, &info, a->len = sizeof(info));
		break;
	case VFU_DEVICE_GET_REGION_INFO:
		region(t, in, a);
		break;
	case VFU_DEVICE_GET_IRQ_INFO:
		memcpy(a->data, &irq, a->len = sizeof(irq));
		break;
	case VFU_DEVICE_SET_IRQS:
		t->irqs++;
		t->irq_fd = vfu_fds_take(fds, 0);
		break;
	case VFU_DMA_MAP:
		t->maps++;
		t->map_had_fd = fds->n == 1;
		memcpy(&t->last_map_addr, in + 16, 8);
		break;
	case VFU_DMA_UNMAP:
		t->unmaps++;
		memcpy(a->data, in, a->len = 24);
		break;
	case VFU_DEVICE_RESET:
		t->resets++;
		break;
	default:
		access_region(t, hdr->cmd, in, a);
	}
}

static void
say(int sock, struct answer *a)
{
	uint8_t msg[sizeof(a->hdr) + sizeof(a->data)];

	if (!a->hdr.size)
		a->hdr.size = (uint32_t)sizeof(a->hdr) + a->len;
	memcpy(msg, &a->hdr, sizeof(a->hdr));
	memcpy(msg + sizeof(a->hdr), a->data, a->len);
	vfu_send_some(sock, msg, sizeof(a->hdr) + a->len, &a->fd, a->fd >= 0);
}

/* Many at once and without waiting: the client must not find the socket empty. */
static void
flood(int sock, const struct vfu_hdr *hdr)
{
	uint64_t end = ut_mono_ns() + 3000000000u;
	struct vfu_hdr many[4096];
	size_t at = 0;
	ssize_t n;

	for (size_t i = 0; i < sizeof(many) / sizeof(many[0]); i++) {
		many[i] = *hdr;
		many[i].size = (uint32_t)sizeof(many[i]);
	}
	while (ut_mono_ns() < end) {
		n = vfu_send_some(sock, (char *)many + at, sizeof(many) - at, NULL, 0);
		if (n == -ENODEV)
			return;
		at = (at + (n > 0 ? (size_t)n : 0)) % sizeof(many);
	}
}

/* False: the connection is over. */
static bool
misbehave(struct target *t, int sock, struct answer *a)
{
	struct answer other = { .hdr = { .id = (uint16_t)(a->hdr.id + 77), .cmd = a->hdr.cmd, .flags = 1 },
				.fd = t->bar_fd };
	struct vfu_hdr ask = { .id = a->hdr.id, .cmd = VFU_DMA_READ, .size = 16 + 16 };

	switch (t->act) {
	case ACT_DIE:
		return false;
	case ACT_SILENT:
		return true;
	case ACT_LATE:
		nanosleep(&(struct timespec){ .tv_sec = t->late_ms / 1000, .tv_nsec = t->late_ms % 1000 * 1000000l },
			  NULL);
		break;
	case ACT_HALF:
		vfu_send_some(sock, &a->hdr, 8, NULL, 0);
		return true;
	case ACT_SHORT:
		a->len = a->len > 4 ? 4 : 0;
		break;
	case ACT_HUGE:
		a->hdr.size = 0x80000000u;
		break;
	case ACT_TINY:
		a->hdr.size = 3;
		break;
	case ACT_FLOOD:
		flood(sock, &other.hdr);
		break;
	case ACT_OTHER_ID:
		other.len = 100;
		say(sock, &other);
		break;
	case ACT_COMMAND:
		memcpy(other.data, (uint8_t[16]){ 0 }, 16);
		vfu_send_some(sock, &ask, sizeof(ask), NULL, 0);
		vfu_send_some(sock, other.data, 16, NULL, 0);
		break;
	case ACT_ERROR:
	case ACT_ERROR_ZERO:
		a->hdr.flags |= VFU_F_ERROR;
		a->hdr.error = t->act == ACT_ERROR ? (uint32_t)t->err : 0;
		a->len = 0;
		a->fd = -1;
		break;
	case ACT_JUNK:
		memset(a->data, 0xff, a->len);
		break;
	}
	say(sock, a);
	return true;
}

static void
session(struct target *t, int sock)
{
	struct vfu_fds fds = { .n = 0 };
	struct answer *a = malloc(sizeof(*a));
	uint8_t *in = calloc(1, 1u << 20);
	struct vfu_hdr hdr;
	bool go = true;

	while (go && !vfu_recv(sock, &hdr, sizeof(hdr), &fds, UINT64_MAX, NULL) &&
	       !vfu_recv(sock, in, hdr.size - sizeof(hdr), &fds, UINT64_MAX, NULL)) {
		memset(a, 0, sizeof(*a));
		a->fd = -1;
		a->hdr = (struct vfu_hdr){ .id = hdr.id, .cmd = hdr.cmd, .flags = VFU_F_REPLY };
		if ((hdr.flags & VFU_F_TYPE) == VFU_F_REPLY) {
			t->refused++;
			continue;
		}
		serve(t, &hdr, in, &fds, a);
		if (t->messages++ == t->at)
			go = misbehave(t, sock, a);
		else
			say(sock, a);
		vfu_fds_close(&fds);
	}
	vfu_fds_close(&fds);
	free(in);
	free(a);
}

static void *
target_main(void *arg)
{
	struct target *t = arg;
	int sock;

	while ((sock = accept4(t->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		t->session_fd = sock;
		session(t, sock);
		t->session_fd = -1;
		close(sock);
	}
	return NULL;
}

void
target_start(struct target *t)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	t->cfg[9] = (uint8_t)t->class;
	t->cfg[10] = (uint8_t)(t->class >> 8);
	t->cfg[11] = (uint8_t)(t->class >> 16);
	for (size_t i = 0; i < sizeof(t->bar); i++)
		t->bar[i] = (uint8_t)(i * 3 + 1);
	t->bar_fd = memfd_create("target", MFD_CLOEXEC);
	strcpy(t->dir, "/tmp/vfu-target-XXXXXX");
	if (t->bar_fd < 0 || ftruncate(t->bar_fd, t->file_size) || !mkdtemp(t->dir))
		abort();
	snprintf(t->path, sizeof(t->path), "%s/s", t->dir);
	strcpy(sa.sun_path, t->path);
	t->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(t->listen_fd, (struct sockaddr *)&sa, sizeof(sa)) || listen(t->listen_fd, 4) ||
	    pthread_create(&t->thread, NULL, target_main, t))
		abort();
}

void
target_stop(struct target *t)
{
	shutdown(t->listen_fd, SHUT_RDWR);
	if (t->session_fd >= 0)
		shutdown(t->session_fd, SHUT_RDWR); /* a test failed and left its client open */
	pthread_join(t->thread, NULL);
	close(t->listen_fd);
	close(t->bar_fd);
	if (t->irq_fd >= 0)
		close(t->irq_fd);
	unlink(t->path);
	rmdir(t->dir);
}

int
target_setup(void **state)
{
	struct target *t = malloc(sizeof(*t));

	target_defaults(t);
	*state = t;
	return 0;
}

int
target_teardown(void **state)
{
	target_stop(*state);
	free(*state);
	return 0;
}
