/* SPDX-License-Identifier: MIT */
/* Answering a request to the demo's service with the headers that Azure's answers have. */
#pragma once

#include "base/macros.h"
#include "base/text.h"

#include <microhttpd.h>
#include <stdbool.h>

struct demo_reply {
    unsigned status;
    const char *type;  /* Content-Type; NULL: application/json */
    const char *allow; /* Allow, or NULL */
    bool secret;       /* no cache may keep it */
};

/* A field of the request, or NULL. */
const char *demo_request_field(struct MHD_Connection *c, const char *name);
/* Whether the ids of the request may be given back. */
bool demo_request_ids_valid(struct MHD_Connection *c);

/* Queues BODY, which is copied, as the answer; MHD_NO closes the connection. */
enum MHD_Result demo_reply(struct MHD_Connection *c, const struct demo_reply *reply,
                           struct text body);
/* Likewise {"message": MESSAGE}, with Allow unless it is NULL. */
enum MHD_Result demo_reply_error(struct MHD_Connection *c, unsigned status, const char *message,
                                 const char *allow);
