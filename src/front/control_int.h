/* SPDX-License-Identifier: BSD-3-Clause */
/* Between control_methods.c (the table) and the files of its methods.  NULL: wrong parameters, ctl->wrong may say which. */
#pragma once
#include "front/control.h"

json_t *control_result(void); /* {"schema_version": ...} */
json_t *control_fault_add(struct control *ctl, const json_t *params);
json_t *control_fault_clear(struct control *ctl, const json_t *params);
json_t *control_fault_list(struct control *ctl, const json_t *params);
