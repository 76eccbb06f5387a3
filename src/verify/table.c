/* SPDX-License-Identifier: BSD-3-Clause */
/* The memory behind a verification table: made, found by name, shared with another process by descriptor. */
#include "verify/verify_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "util/alloc.h"
#include "util/clock.h"

#define HUGE_2M (21u << 26) /* log2 of the page size, where memfd_create() wants it */
#define HUGE_PAGE (2ull << 20)

/* What the kernel would give before it starts to kill; 0 when it does not say. */
static uint64_t
memory_available(void)
{
	unsigned long long kib = 0;
	char line[128];
	FILE *f = fopen("/proc/meminfo", "re");

	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "MemAvailable: %llu kB", &kib) == 1)
			break;
	fclose(f);
	return (uint64_t)kib * 1024;
}

uint64_t
verify_file_len(uint64_t nlba, uint32_t code_bytes)
{
	uint64_t foreign = (nlba >> VERIFY_CHUNK_SHIFT) + 1;

	return ut_align_up(VERIFY_FRONT + ut_align_up(nlba * code_bytes, 4096) + foreign, HUGE_PAGE);
}

/* Where its parts are. */
void
verify_place(struct nvp_verify *v)
{
	uint8_t *base = (uint8_t *)v->head;

	v->group = (struct verify_group *)(void *)(base + VERIFY_GROUPS_AT);
	v->stamp = base + VERIFY_STAMPS_AT;
	v->code = base + VERIFY_FRONT;
	v->foreign = v->code + ut_align_up(v->nlba * v->code_bytes, 4096);
}

/* --- files --- */

/* Sealed: nobody can shorten it under the feet of the others. */
static int
make_memfd(uint64_t len, unsigned flags)
{
	int fd = memfd_create("nvproof-verify", MFD_CLOEXEC | MFD_ALLOW_SEALING | flags);

	if (fd < 0)
		return -ENOMEM;
	if (ftruncate(fd, (off_t)len) || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)) {
		close(fd);
		return -ENOMEM;
	}
	return fd;
}

static int
map_file(struct nvp_verify *v, int flags)
{
	void *p = mmap(NULL, v->map_len, PROT_READ | PROT_WRITE, MAP_SHARED | flags, v->fd, 0);

	if (p == MAP_FAILED)
		return -ENOMEM;
	v->head = p;
	return 0;
}

/* Plain pages come when they are touched, and then they have to be there. */
static bool
enough_memory(uint64_t limit, uint32_t code_bytes)
{
	return limit <= memory_available() / code_bytes;
}

static int
make_mapped(struct nvp_verify *v, unsigned memfd_flags, int map_flags)
{
	int rc;

	v->fd = ut_alloc_spend() ? -1 : make_memfd(v->map_len, memfd_flags);
	if (v->fd < 0)
		return -ENOMEM;
	rc = ut_alloc_spend() ? -ENOMEM : map_file(v, map_flags);
	if (rc) {
		close(v->fd);
		v->fd = -1;
	}
	return rc;
}

/* Huge pages are reserved as a whole when they are mapped, so that no access can fail for lack of them. */
static int
make_file(struct nvp_verify *v, uint64_t limit, bool *huge)
{
	*huge = !make_mapped(v, MFD_HUGETLB | HUGE_2M, 0);
	if (*huge)
		return 0;
	return enough_memory(limit, v->code_bytes) ? make_mapped(v, 0, MAP_NORESERVE) : -ENOMEM;
}

/* --- handles --- */

/* A new table: the tokens go on where an earlier one cannot have got to. */
static int
create(struct nvp_verify *v, uint64_t limit)
{
	bool huge;
	int rc;

	v->map_len = verify_file_len(v->nlba, v->code_bytes);
	rc = make_file(v, limit, &huge);
	if (rc)
		return rc;
	*v->head = (struct verify_head){
		.magic = VERIFY_MAGIC,
		.stamp = 1,
		.nlba = v->nlba,
		.limit = limit,
		.lba_size = v->lba_size,
		.code_bytes = v->code_bytes,
		.crc32 = v->crc32,
		.huge = huge,
		.token = ut_wall_ns() >> 8,
	};
	return 0;
}

/* The descriptor comes from another process: its head has to agree with its size. */
static int
check_head(struct nvp_verify *v)
{
	const struct verify_head *h = v->head;
	uint64_t nlba = ut_load(&h->nlba), most = (v->map_len - VERIFY_FRONT) * VERIFY_UNIT;
	uint32_t size = ut_load(&h->lba_size), crc32 = ut_load(&h->crc32);

	if (h->magic != VERIFY_MAGIC || !nlba || nlba > most || size < VERIFY_UNIT || size > INT32_MAX ||
	    size % VERIFY_UNIT || crc32 > 1)
		return -EPROTO;
	v->nlba = nlba;
	v->lba_size = size;
	v->crc32 = crc32;
	v->code_bytes = crc32 ? 4 : size / VERIFY_UNIT;
	if (nlba > most / v->code_bytes || verify_file_len(nlba, v->code_bytes) != v->map_len)
		return -EPROTO;
	return 0;
}

/* v->fd is somebody's table. */
static int
adopt(struct nvp_verify *v)
{
	struct stat st;
	int rc;

	/* Without the seal, whoever holds the file could shorten it, and the next access would be a SIGBUS. */
	if (fstat(v->fd, &st) || st.st_size <= (off_t)VERIFY_FRONT || !(fcntl(v->fd, F_GET_SEALS) & F_SEAL_SHRINK))
		return -EPROTO;
	v->map_len = (uint64_t)st.st_size;
	rc = ut_alloc_spend() ? -ENOMEM : map_file(v, MAP_NORESERVE);
	if (rc)
		return rc;
	rc = check_head(v);
	if (rc)
		munmap(v->head, v->map_len);
	return rc;
}

/* The handle's own part.  Its counts of reads are touched where it reads only. */
static int
sign_in(struct nvp_verify *v)
{
	int rc = -ENOMEM;

	verify_place(v);
	v->reads = ut_calloc(VERIFY_GROUPS * 2, sizeof(*v->reads));
	if (v->reads)
		rc = verify_user_take(v);
	if (rc == -EUSERS)
		ut_store(&v->head->broken, 1u);
	if (rc) {
		free(v->reads);
		munmap(v->head, v->map_len);
	}
	return rc;
}

/* Later ones may want more of it: what lies beyond was never recorded, so it is unknown. */
void
nvp_verify_raise_limit(struct nvp_verify *v, uint64_t limit)
{
	uint64_t was = ut_load(&v->head->limit);

	limit = UT_MIN(limit, v->nlba);
	if (limit > was && (nvp_verify_huge(v) || enough_memory(limit, v->code_bytes)))
		while (was < limit && !__atomic_compare_exchange_n(&v->head->limit, &was, limit, false,
								   __ATOMIC_RELAXED, __ATOMIC_RELAXED))
			;
}

static bool
same_shape(const struct nvp_verify *v, uint64_t nlba, uint32_t lba_size)
{
	return v->nlba == nlba && v->lba_size == lba_size;
}

/* Under its name: the one that is there, or a new one. */
static int
open_named(struct nvp_verify *v, uint64_t limit)
{
	struct nvp_verify want = *v;
	struct verify_registry *r;
	int rc = verify_registry_enter(v->name, &r);

	if (rc)
		return create(v, limit);
	v->fd = verify_registry_find(r);
	rc = v->fd >= 0 ? adopt(v) : -ENOENT;
	if (!rc && !same_shape(v, want.nlba, want.lba_size)) {
		munmap(v->head, v->map_len);
		rc = -ENOENT;
	}
	if (!rc) {
		nvp_verify_raise_limit(v, limit);
	} else {
		if (v->fd >= 0)
			close(v->fd);
		*v = want;
		rc = create(v, limit);
	}
	if (!rc)
		verify_registry_add(r, v->fd);
	verify_registry_leave(r);
	return rc;
}

int
nvp_verify_open(uint64_t nlba, uint32_t lba_size, const struct nvp_verify_opts *opts, struct nvp_verify **out)
{
	const struct nvp_verify_opts o = opts ? *opts : (struct nvp_verify_opts){ 0 };
	uint64_t limit = o.limit && o.limit < nlba ? o.limit : nlba;
	struct nvp_verify *v;
	int rc = -ENOMEM;

	if (!nlba || lba_size < VERIFY_UNIT || lba_size % VERIFY_UNIT || lba_size > INT32_MAX)
		return -EINVAL;
	if (nlba > INT64_MAX / lba_size)
		return -ENOMEM;
	v = ut_calloc(1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	*v = (struct nvp_verify){ .nlba = nlba, .lba_size = lba_size, .crc32 = o.crc32, .fd = -1 };
	v->code_bytes = o.crc32 ? 4 : lba_size / VERIFY_UNIT;
	if (o.name)
		v->name = ut_strdup(o.name);
	if (!o.name || v->name)
		rc = o.name ? open_named(v, limit) : create(v, limit);
	if (!rc)
		rc = sign_in(v);
	if (rc && v->fd >= 0)
		close(v->fd);
	if (rc) {
		free(v->name);
		free(v);
	} else {
		*out = v;
	}
	return rc;
}

int
nvp_verify_attach(int fd, struct nvp_verify **out)
{
	struct nvp_verify *v = ut_calloc(1, sizeof(*v));
	int rc = -ENOMEM;

	if (!v)
		return -ENOMEM;
	v->fd = ut_alloc_spend() ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (v->fd < 0)
		goto err_free;
	rc = adopt(v);
	if (!rc)
		rc = sign_in(v);
	if (rc)
		goto err_fd;
	*out = v;
	return 0;

err_fd:
	close(v->fd);
err_free:
	free(v);
	return rc;
}

void
nvp_verify_close(struct nvp_verify *v)
{
	if (!v)
		return;
	verify_user_drop(v);
	if (v->name)
		verify_registry_remove(v->name, v->fd);
	munmap(v->head, v->map_len);
	close(v->fd);
	free(v->reads);
	free(v->sums);
	free(v->name);
	free(v);
}

int
nvp_verify_fd(const struct nvp_verify *v)
{
	return v->fd;
}

uint64_t
nvp_verify_nlba(const struct nvp_verify *v)
{
	return v->nlba;
}

uint64_t
nvp_verify_limit(const struct nvp_verify *v)
{
	return UT_MIN(ut_load(&v->head->limit), v->nlba);
}

uint32_t
nvp_verify_lba_size(const struct nvp_verify *v)
{
	return v->lba_size;
}

bool
nvp_verify_crc32(const struct nvp_verify *v)
{
	return v->crc32;
}

bool
nvp_verify_huge(const struct nvp_verify *v)
{
	return ut_load(&v->head->huge) != 0;
}

void
nvp_verify_set_nsid(struct nvp_verify *v, uint32_t nsid)
{
	v->nsid = nsid;
}

void
nvp_verify_enable(struct nvp_verify *v, bool enable)
{
	ut_store(&v->head->enabled, enable ? 1u : 0u);
}

bool
nvp_verify_enabled(const struct nvp_verify *v)
{
	return ut_load(&v->head->enabled) && !ut_load(&v->head->broken);
}
