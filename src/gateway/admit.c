/* SPDX-License-Identifier: MIT */
/* The admission of gateway/admit.h. */
#include "gateway/admit.h"

enum reason admit_caller(const struct config *config, const struct caller *caller,
                         const struct head *h) {
    const struct caller_info *info = caller_info(caller);
    if (!access_caller_allowed(info->access, info->address, info->uid))
        return REASON_caller_not_allowed;
    if (info->address && h->host.at &&
        !access_host_is_ours(h->host, (const char *const *)config->hosts, config->host_count,
                             info->local))
        return REASON_host_not_ours;
    return REASON_NONE;
}

enum reason admit_origin(const struct cors *cors, const struct head *h) {
    switch (cors_decide(cors, h)) {
    case CORS_REFUSED:
        return REASON_origin_not_allowed;
    case CORS_CROSS_SITE:
        return REASON_cross_site;
    case CORS_NONE:
    case CORS_ALLOWED:
        break;
    }
    return REASON_NONE;
}
