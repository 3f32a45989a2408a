/* SPDX-License-Identifier: MIT */
/* What the demo's scoring service makes of a request body: {"data": [[10 numbers], …]} becomes an
 * array of predictions, as the article's scoring script does it. */
#pragma once

#include "base/buf.h"
#include "base/text.h"

/* Puts the JSON answer for BODY into the empty ANSWER and returns its status: 200 with the
 * predictions, or 400 with {"message": …}. Numbers are written with as few digits as read back the
 * same. */
unsigned demo_score(struct text body, struct buf *answer);
/* Appends {"message": MESSAGE}, the form of all errors of Azure's scoring server. */
void demo_message(struct buf *answer, const char *message);
/* The swagger 2.0 document of the service. */
extern const char demo_swagger[];
