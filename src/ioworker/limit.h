/* SPDX-License-Identifier: BSD-3-Clause */
/* Plans that send a command no earlier than at its time: a rate, or a trace with time stamps. */
#pragma once
#include "ioworker/engine.h"

void iow_limit_init(struct iow_engine *e);
