/* SPDX-License-Identifier: BSD-3-Clause */
/* Where a profile comes from, and what becomes of it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ssd/profile.h"
#include "ssd/profile_int.h"
#include "ssd/ssd.h"

#define FILE_MAX (64u << 10)

const char *
ssd_profile_name(uint32_t i)
{
	uint32_t n = 0;

	while (n < i && ssd_profile_texts[n].name)
		n++;
	return ssd_profile_texts[n].name;
}

const char *
ssd_profile_shipped(const char *name)
{
	for (const struct ssd_profile_text *t = ssd_profile_texts; t->name; t++) {
		if (!strcmp(t->name, name))
			return t->text;
	}
	return NULL;
}

static int
from_file(const char *path, struct ssd_profile *out, char *err, size_t errlen)
{
	char *text = malloc(FILE_MAX);
	FILE *f = text ? fopen(path, "re") : NULL;
	size_t len;
	int rc;

	if (!f) {
		rc = text ? -errno : -ENOMEM;
		snprintf(err, errlen, "%s: %s", path, strerror(-rc));
		free(text);
		return rc;
	}
	len = fread(text, 1, FILE_MAX, f);
	rc = ferror(f) ? -EIO : len == FILE_MAX ? -EFBIG : 0;
	fclose(f);
	if (rc)
		snprintf(err, errlen, "%s: %s", path, strerror(-rc));
	else
		rc = ssd_profile_parse(path, text, len, out, err, errlen);
	free(text);
	return rc;
}

int
ssd_profile_find(const char *name, struct ssd_profile *out, char *err, size_t errlen)
{
	const char *text = ssd_profile_shipped(name), *dot = strrchr(name, '.');
	size_t n;

	if (text)
		return ssd_profile_parse(name, text, strlen(text), out, err, errlen);
	if (strchr(name, '/') || (dot && !strcmp(dot, ".ini")))
		return from_file(name, out, err, errlen);
	snprintf(err, errlen, "%.60s: no such profile; there are:", name);
	for (uint32_t i = 0; ssd_profile_name(i); i++) {
		n = strnlen(err, errlen);
		snprintf(err + n, errlen - n, " %s", ssd_profile_name(i));
	}
	n = strnlen(err, errlen);
	snprintf(err + n, errlen - n, ", or a file NAME.ini");
	return -ENOENT;
}

void
ssd_profile_apply(const struct ssd_profile *p, struct ssd_config *cfg)
{
	static const enum ssd_media_kind media[] = {
		[SSD_PROFILE_RAM] = SSD_MEDIA_RAM,
		[SSD_PROFILE_NULL] = SSD_MEDIA_NULL,
		[SSD_PROFILE_FLASH] = SSD_MEDIA_FLASH,
	};

	cfg->profile = *p;
	cfg->media = media[p->media];
	cfg->nr_ns = p->namespaces;
	for (uint32_t i = 0; i < p->namespaces; i++)
		cfg->ns[i] = (struct ssd_ns_config){ .size = p->capacity, .lba_size = p->lba };
	cfg->queues = p->queues == SSD_MAX_QUEUES - 1 ? 0 : (uint16_t)p->queues; /* with virt the host has its say */
	cfg->mqes = (uint16_t)(p->entries - 1);
	cfg->mdts = (uint8_t)p->mdts;
	cfg->cmb_size = p->cmb;
	memcpy(cfg->sn, p->sn, sizeof(cfg->sn));
	memcpy(cfg->mn, p->mn, sizeof(cfg->mn));
	memcpy(cfg->fr, p->fr, sizeof(cfg->fr));
}
