/* SPDX-License-Identifier: MIT */
/* What is Azure's: URLs of its services, and times of tokens. */
#include "base/parse.h"
#include "config/expect.h"
#include "config/uri.h"
#include "config/values.h"

#include <ctype.h>

void value_base_url(struct fill *f, const struct option *option, const struct node *node,
                    void *field) {
    const char *string = fill_string(f, option, node);
    const char *wrong =
        string ? uri_base(text_of(string), option->url == URL_HTTP, option->url != URL_HOST, field)
               : NULL;
    if (wrong)
        fill_complain(f, node, "%s: this is no URL of a service: %s", option_key(option).name,
                      wrong);
}

/* What begins with a digit is meant as a time: so a mistake in one is no name of a file. */
void value_time(struct fill *f, const struct option *option, const struct node *node, void *field) {
    const char *string = fill_string(f, option, node);
    int64_t seconds;
    if (!string)
        return;
    if (parse_time(text_of(string), &seconds))
        *(char **)field = fill_copy(f, text_of(string));
    else if (*string && !isdigit((unsigned char)*string))
        *(char **)field = fill_path(f, node, string);
    else
        expect_string(f, option, node, node->type == NODE_STRING ? string : "***", NULL);
}
