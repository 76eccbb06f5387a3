/* SPDX-License-Identifier: BSD-3-Clause */
#include "util/size.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool
ut_size(const char *s, const char **end, uint64_t *out)
{
	static const char units[] = "KMGT";
	int base = s[0] == '0' && (s[1] | 0x20) == 'x' ? 16 : 10;
	const char *unit;
	unsigned shift;
	char *stop;
	uint64_t v;

	if (*s < '0' || *s > '9') /* strtoull() takes signs and blanks */
		return false;
	errno = 0;
	v = strtoull(s, &stop, base);
	if (errno)
		return false;
	unit = *stop ? strchr(units, *stop & ~0x20) : NULL;
	shift = unit && *unit ? 10u * (unsigned)(unit - units + 1) : 0;
	if (v > UINT64_MAX >> shift)
		return false;
	*end = stop + !!shift;
	*out = v << shift;
	return true;
}
