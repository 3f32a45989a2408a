/* SPDX-License-Identifier: MIT */
/* Printing who may call as it is written in a configuration. */
#pragma once

#include "base/buf.h"
#include "policy/access.h"

#include <sys/types.h>

void print_unix_group(struct buf *into, gid_t group);
void print_clients(struct buf *into, const struct access_list *list);
void print_users(struct buf *into, const struct access_list *list);
