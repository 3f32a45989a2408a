/* SPDX-License-Identifier: MIT */
/* Texts of others for a terminal: what would act on it is shown as "?". */
#pragma once

#include "base/buf.h"
#include "base/text.h"

/* Appends T as it may be shown, and returns how many characters that is. */
size_t visible_add(struct buf *b, struct text t);
