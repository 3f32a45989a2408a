/* SPDX-License-Identifier: MIT */
/* The egress proxy of the environment. */
#include "config/environment.h"

#include "config/uri.h"

#include <stdlib.h>

static const char *either(const char *name, const char *other, const char **used) {
    const char *value = getenv(name);
    *used = value ? name : other;
    return value ? value : getenv(other);
}

void environment_proxy(struct fill *f, bool given) {
    const char *used;
    const char *no_proxy = either("no_proxy", "NO_PROXY", &used);
    if (no_proxy && *no_proxy)
        f->config->no_proxy = fill_copy(f, text_of(no_proxy));
    const char *proxy = given ? NULL : either("https_proxy", "HTTPS_PROXY", &used);
    if (!proxy || !*proxy)
        return;
    const char *wrong = uri_check_proxy(text_of(proxy));
    if (!wrong)
        f->config->proxy = fill_copy(f, text_of(proxy));
    else
        problem_add(f->problems, (struct place){{"", 0}, SIZE_MAX},
                    "%s of the environment is no URL of a proxy: %s; expected http://HOST:PORT, or "
                    "proxy = \"\"; in the configuration",
                    used, wrong);
}
