/* SPDX-License-Identifier: BSD-3-Clause */
/* Plans that send a command no earlier than at its time: a rate, or a trace with time stamps. */
#pragma once
#include "ioworker/engine.h"

void iow_limit_init(struct iow_engine *e);
/* Of what e->allow() has allowed, so many were not sent after all: zones had no room for them. */
void iow_limit_unused(struct iow_engine *e, uint32_t n);
