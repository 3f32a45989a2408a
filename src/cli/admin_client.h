/* SPDX-License-Identifier: MIT */
/* Asking the admin listener of a gateway that runs on this machine. */
#pragma once

#include "base/buf.h"
#include "base/macros.h"
#include "cli/config_file.h"
#include "config/config.h"

#include <stdbool.h>

/* Where it is. */
struct admin_address {
    bool is_unix;
    char host[256]; /* a name or a numeric address without brackets; or the path of the socket */
    char port[8];
};

/* "http://HOST[:PORT]" or "unix:/PATH". False if it is neither. */
bool admin_address_parse(const char *url, struct admin_address *a) MUST_CHECK;
/* The one of a configuration. False if that does not say: it has none, systemd passes it, or the
 * kernel chooses the port. */
bool admin_address_of(const struct config *config, struct admin_address *a) MUST_CHECK;
/* Appends it as admin_address_parse() reads it. */
void admin_address_print(struct buf *b, const struct admin_address *a);

/* The address that a command is to ask: URL if that is given; else that of CONFIG, which may be
 * NULL, else that of the default configuration. STATUS_FINE, or the exit status with what is wrong
 * told on stderr. */
int admin_address_choose(const struct arguments *arguments, const char *url,
                         const struct config *config, struct admin_address *a);

/* Sends METHOD TARGET and waits for the whole answer, 10 s at the most. False with a sentence in
 * WHY and errno: nobody answered, or with no proper HTTP. That nobody listens there is ECONNREFUSED
 * or ENOENT. */
bool admin_call(const struct admin_address *a, const char *method, const char *target,
                unsigned *status, struct buf *body, struct buf *why) MUST_CHECK;
/* Appends what an answer other than 200 says: "refuses (403): DETAIL". It is made fit for a
 * terminal: it may come from whatever listens there. */
void admin_add_refusal(struct buf *why, unsigned status, struct text body);
