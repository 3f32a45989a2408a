/* SPDX-License-Identifier: MIT */
/* Azure's IDs and names, as config/valid.h says. Most only have a form here; whether the thing
 * exists is for Azure to say. */
#include "config/valid.h"

#include <ctype.h>

/* Resource groups have the longest names, with 90 characters. */
#define NAME_MAX_BYTES        360
#define RESOURCE_ID_MAX_BYTES 2048

/* Visible characters, ASCII only unless MORE. */
static bool is_visible(struct text t, size_t max, bool more) {
    for (size_t i = 0; i < t.len; i++) {
        unsigned char c = (unsigned char)t.at[i];
        if (c <= ' ' || c == 0x7f || (c >= 0x80 && !more))
            return false;
    }
    return t.len > 0 && t.len <= max;
}

/* IDs and names become segments of paths. */
static bool is_segment(struct text t, bool more) {
    return is_visible(t, NAME_MAX_BYTES, more) && text_find(t, '/') == t.len &&
           text_find(t, '\\') == t.len && !text_equal(t, TEXT(".")) && !text_equal(t, TEXT(".."));
}

bool valid_id(struct text t) {
    return is_segment(t, false);
}

bool valid_resource(struct text t) {
    return is_segment(t, true);
}

bool valid_resource_id(struct text t) {
    return text_starts(t, TEXT("/subscriptions/")) && is_visible(t, RESOURCE_ID_MAX_BYTES, false);
}

bool valid_scope(struct text t) {
    const struct text tail = TEXT("/.default");
    return t.len > tail.len && text_equal(text_skip(t, t.len - tail.len), tail) &&
           is_visible(t, RESOURCE_ID_MAX_BYTES, false);
}

bool valid_api_version(struct text t) {
    static const char form[] = "0000-00-00";
    for (size_t i = 0; i < strlen(form); i++)
        if (i >= t.len || (form[i] == '-' ? t.at[i] != '-' : !isdigit((unsigned char)t.at[i])))
            return false;
    struct text rest = text_skip(t, strlen(form));
    return rest.len == 0 || text_equal(rest, TEXT("-preview"));
}

bool valid_vault_name(struct text t) {
    for (size_t i = 0; i < t.len; i++)
        if (!isalnum((unsigned char)t.at[i]) && t.at[i] != '-')
            return false;
    return t.len > 0 && t.len <= 127;
}
