/* SPDX-License-Identifier: MIT */
/* The format of daemon/metrics_format.h, version 0.0.4. */
#include "daemon/metrics_format.h"

#include "base/utf8.h"

#include <stdarg.h>
#include <stdio.h>

/* No number is longer. */
#define VALUE_SIZE 64

void metric_family(struct buf *b, const char *name, const char *type, const char *help) {
    buf_addf(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void metric_begin(struct buf *b, const char *name, const char *suffix) {
    buf_addf(b, "%s%s{", name, suffix);
}

/* Backslash, quote and newline are escaped, what is no UTF-8 becomes U+FFFD. */
static void add_value(struct buf *b, struct text t) {
    while (t.len) {
        uint32_t code = 0;
        size_t n = utf8_next(t, &code);
        if (n == 0)
            buf_add_string(b, "\xef\xbf\xbd");
        else if (code == '\n')
            buf_add_string(b, "\\n");
        else if (code == '"' || code == '\\')
            buf_addf(b, "\\%c", (char)code);
        else
            buf_add(b, t.at, n);
        t = text_skip(t, n ? n : 1);
    }
}

void metric_label(struct buf *b, const char *label, const char *value) {
    bool first = b->len && b->at[b->len - 1] == '{';
    buf_addf(b, "%s%s=\"", first ? "" : ",", label);
    add_value(b, text_of(value));
    buf_add_char(b, '"');
}

void metric_end(struct buf *b, const char *format, ...) {
    char value[VALUE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(value, sizeof value, format, arguments);
    va_end(arguments);
    buf_addf(b, "} %s\n", value);
}
