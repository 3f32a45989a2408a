/* SPDX-License-Identifier: MIT */
/* Any bytes as the head of an answer of Azure, line by line as libcurl hands them over: what is
 * kept stays within its bounds, times are sensible. */
#include "upstream/fetch_head.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition) ((condition) ? (void)0 : abort())
#define NOW             ((int64_t)1700000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct text rest = {(const char *)data, size};
    struct fetch_head h;
    struct azure_answer a = {.status = 0};
    bool ok = true;
    fetch_head_init(&h);
    while (ok && rest.len) {
        size_t line = text_find(rest, '\n');
        line += line < rest.len;
        ok = fetch_head_line(&h, (struct text){rest.at, line});
        rest = text_skip(rest, line);
    }
    MUST(ok || h.too_large);
    MUST(h.challenge.len + h.location.len + h.operation.len <= FETCH_HEAD_MAX);
    fetch_head_give(&h, NOW, &a);
    MUST(a.retry_after_s >= -1);
    MUST(a.date_s >= 0);
    MUST(a.status <= 999);
    MUST(!a.challenge.len || text_find(a.challenge, '\n') == a.challenge.len);
    MUST(!a.location.len || text_find(a.location, '\n') == a.location.len);
    fetch_head_done(&h);
    return 0;
}
