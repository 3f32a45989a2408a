/* SPDX-License-Identifier: MIT */
/* The decision of policy/replay.h. */
#include "policy/replay.h"

#define SAFE_METHODS (METHOD_GET | METHOD_HEAD | METHOD_OPTIONS)

bool replay_method_is_safe(enum method method) {
    return method & SAFE_METHODS;
}

bool replay_allowed(const struct replay_facts *facts) {
    if (facts->answer_began || !facts->kept || facts->attempts >= REPLAY_ATTEMPTS_MAX)
        return false;
    if (!facts->anything_sent)
        return true;
    if (!facts->connection_reused)
        return false;
    return !facts->whole_sent || facts->idempotent || replay_method_is_safe(facts->method);
}
