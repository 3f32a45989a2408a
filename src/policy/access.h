/* SPDX-License-Identifier: MIT */
/* Who may call: Host names that are ours (against DNS rebinding) and callers that a listener
 * admits. Pure decisions over values. */
#pragma once

#include "base/parse.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether HOST (from a Host field, without port) is ours on a TCP connection: a loopback name
 * ("localhost", 127.0.0.0/8, ::1), one of NAMES (case-insensitive, whole), or the literal of LOCAL,
 * the address that the connection came in on (16 bytes, IPv4 mapped; NULL if unknown). A trailing
 * dot makes another name. */
bool access_host_is_ours(struct text host, const char *const *names, size_t name_count,
                         const unsigned char *local);

/* What a listener admits. An empty list admits everyone; one that is not must be satisfied, on
 * whatever kind of socket. */
struct access_list {
    struct cidr *clients;
    size_t client_count;
    uint32_t *users; /* uids, for unix sockets */
    size_t user_count;
};

/* ADDRESS: 16 bytes with IPv4 mapped, or NULL for a unix socket. UID: the peer's, or -1 if unknown
 * (then a list of users admits nobody). */
bool access_caller_allowed(const struct access_list *list, const unsigned char *address,
                           int64_t uid);
