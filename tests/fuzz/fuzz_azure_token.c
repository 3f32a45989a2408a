/* SPDX-License-Identifier: MIT */
/* Any bytes as a token's answer, and as a JWT: what is taken has the form of a credential and a
 * lifetime within its bounds, what is refused leaves nothing and says why. The first byte chooses
 * who is asked, the status and which clocks there are. */
#include "azure/jwt.h"
#include "azure/moment.h"
#include "azure/token.h"
#include "base/parse.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition) ((condition) ? (void)0 : abort())
#define NOW             ((int64_t)1700000000)

static void check_taken(struct azure_token *t, const struct azure_answer *a) {
    struct text value = secret_expose(t->value);
    int64_t exp;
    MUST(a->status >= 200 && a->status <= 299);
    MUST(parse_is_credential(value));
    MUST(t->lifetime_s >= 1 && t->lifetime_s <= AZURE_LIFETIME_MAX_S);
    MUST(t->refresh_s >= 1 && t->refresh_s <= t->lifetime_s);
    if (jwt_expiry(value, &exp))
        MUST(t->lifetime_s <= exp - NOW);
    azure_token_done(t);
    MUST(!t->value);
}

static void check_refused(const struct azure_token *t, const struct azure_error *e) {
    MUST(!t->value);
    MUST(e->failure != AZURE_FINE);
    MUST(*azure_failure_word(e->failure));
    MUST(strnlen(e->message, sizeof e->message) < sizeof e->message);
    MUST(e->failure != AZURE_MALFORMED || e->status != 200 || e->message[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const unsigned statuses[] = {200, 200, 201, 400};
    if (size == 0)
        return 0;
    const struct text rest = {(const char *)data + 1, size - 1};
    const struct azure_answer a = {.status = statuses[data[0] >> 2 & 3],
                                   .body = rest,
                                   .date_s = data[0] & 2 ? NOW : 0,
                                   .retry_after_s = -1};
    int64_t now_s = data[0] & 2 ? 0 : NOW, seconds = -1;
    struct azure_token t;
    struct azure_error e = {.failure = AZURE_FINE};
    bool managed = data[0] & 1, endpoint = data[0] & 16;
    bool ok = endpoint ? azure_endpoint_token_read(&a, now_s, &t, &e)
                       : azure_token_read(&a, managed, now_s, &t, &e);
    if (ok)
        check_taken(&t, &a);
    else
        check_refused(&t, &e);
    MUST(jwt_expiry(rest, &seconds) ? seconds >= 1 : seconds == -1);
    seconds = -1;
    MUST(moment_parse(rest, &seconds) ? seconds >= 0 : seconds == -1);
    return 0;
}
