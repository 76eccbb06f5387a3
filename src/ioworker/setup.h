/* SPDX-License-Identifier: BSD-3-Clause */
/* All that can be made before the first command. */
#pragma once
#include "ioworker/engine.h"

int iow_setup(struct iow_engine *e);
