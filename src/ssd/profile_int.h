/* SPDX-License-Identifier: BSD-3-Clause */
/* The profiles that are part of the library, as text; the last has no name. */
#pragma once
#include <stddef.h>

struct ssd_profile_text {
	const char *name, *text;
};
extern const struct ssd_profile_text ssd_profile_texts[];
/* profile_find.c: the text of one of them; NULL: there is none. */
const char *ssd_profile_shipped(const char *name);
