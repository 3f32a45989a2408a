/* SPDX-License-Identifier: MIT */
/* Formatting log lines, without allocation: whole into a buffer on the stack, cut where it is full.
 */
#include "base/log.h"

#include "base/clock.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

/* Room that is kept for what ends a line. */
#define TAIL 8

struct line {
    char at[LOG_LINE_MAX];
    size_t len;
};

static void write_stderr(enum log_level level, const char *line, size_t len) {
    (void)level;
    if (write(STDERR_FILENO, line, len) < 0)
        return; /* nobody to tell */
}

static enum log_level threshold = LOG_LEVEL_INFO;
static enum log_format chosen_format = LOG_FORMAT_TEXT;
static log_sink *chosen_sink = write_stderr;

void log_setup(enum log_level level, enum log_format format, log_sink *sink) {
    threshold = level;
    chosen_format = format;
    chosen_sink = sink ? sink : write_stderr;
}

bool log_enabled(enum log_level level) {
    return level <= threshold;
}

/* True if N more bytes and the end of the line fit. */
static bool fits(const struct line *l, size_t n) {
    return l->len + n <= sizeof l->at - TAIL;
}

static void put(struct line *l, const char *bytes, size_t n) {
    memcpy(l->at + l->len, bytes, n);
    l->len += n;
}

static bool add(struct line *l, struct text t) {
    if (!fits(l, t.len))
        return false;
    put(l, t.at, t.len);
    return true;
}

/* Length of the well-formed UTF-8 sequence at T (RFC 3629 section 4), or 0. */
static size_t utf8_length(struct text t) {
    const unsigned char *s = (const void *)t.at;
    size_t n = s[0] < 0x80   ? 1
               : s[0] < 0xc2 ? 0
               : s[0] < 0xe0 ? 2
               : s[0] < 0xf0 ? 3
               : s[0] < 0xf5 ? 4
                             : 0;
    if (n == 0 || n > t.len)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
        (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
        return 0;
    /* C1 controls, which terminals obey, are as bad as C0. */
    return n == 2 && s[0] == 0xc2 && s[1] < 0xa0 ? 0 : n;
}

/* One character of a value, escaped if it is no printable UTF-8; both formats read "\u00XX". */
static size_t add_character(struct line *l, struct text t) {
    unsigned char c = (unsigned char)t.at[0];
    size_t n = utf8_length(t);
    char escape[8];
    if (c == '"' || c == '\\') {
        escape[0] = '\\';
        escape[1] = (char)c;
        return add(l, (struct text){escape, 2}) ? 1 : 0;
    }
    if (n == 0 || c < 0x20 || c == 0x7f) {
        snprintf(escape, sizeof escape, "\\u%04x", c);
        return add(l, (struct text){escape, 6}) ? 1 : 0;
    }
    return add(l, (struct text){t.at, n}) ? n : 0;
}

/* A value in quotes, cut at LOG_VALUE_MAX. False if the line is full; then it is as before. */
static bool add_quoted(struct line *l, struct text t) {
    size_t before = l->len;
    bool cut = t.len > LOG_VALUE_MAX;
    t.len = cut ? LOG_VALUE_MAX : t.len;
    if (!add(l, TEXT("\"")))
        return false;
    while (t.len) {
        size_t n = add_character(l, t);
        if (n == 0) {
            l->len = before;
            return false;
        }
        t = text_skip(t, n);
    }
    if (cut && fits(l, 4))
        put(l, "\xe2\x80\xa6", 3);
    put(l, "\"", 1); /* TAIL has room for it */
    return true;
}

static bool is_plain(struct text t) {
    for (size_t i = 0; i < t.len; i++)
        if (t.at[i] <= ' ' || t.at[i] > '~' || t.at[i] == '"' || t.at[i] == '=' || t.at[i] == '\\')
            return false;
    return t.len > 0 && t.len <= LOG_VALUE_MAX;
}

static bool add_value(struct line *l, const struct log_field *f) {
    char number[24];
    if (!f->text.at) {
        int n = snprintf(number, sizeof number, "%lld", (long long)f->number);
        return add(l, (struct text){number, (size_t)n});
    }
    if (chosen_format != LOG_FORMAT_JSON && is_plain(f->text))
        return add(l, f->text);
    return add_quoted(l, f->text);
}

static void add_field(struct line *l, const struct log_field *f) {
    size_t before = l->len;
    bool json = chosen_format == LOG_FORMAT_JSON;
    bool ok = add(l, json ? TEXT(",\"") : TEXT(" ")) && add(l, text_of(f->name)) &&
              add(l, json ? TEXT("\":") : TEXT("=")) && add_value(l, f);
    if (!ok)
        l->len = before; /* a field that does not fit is left out whole */
}

static const char *level_name(enum log_level level) {
    switch (level) {
    case LOG_LEVEL_ERROR:
        return "error";
    case LOG_LEVEL_WARNING:
        return "warning";
    case LOG_LEVEL_INFO:
        return "info";
    case LOG_LEVEL_DEBUG:
        return "debug";
    }
    return "unknown";
}

static struct text timestamp(char into[40]) {
    usec_t now = clock_wall();
    time_t seconds = (time_t)(now / USEC_PER_SEC);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    size_t n = strftime(into, 24, "%Y-%m-%dT%H:%M:%S", &tm);
    int more = snprintf(into + n, 40 - n, ".%03dZ", (int)(now % USEC_PER_SEC / USEC_PER_MS));
    return (struct text){into, n + (size_t)more};
}

static void begin(struct line *l, enum log_level level, const char *message) {
    char time[40], priority[8];
    switch (chosen_format) {
    case LOG_FORMAT_TEXT:
        add(l, timestamp(time));
        add(l, TEXT(" "));
        add(l, text_of(level_name(level)));
        add(l, TEXT(" "));
        add(l, text_of(message));
        break;
    case LOG_FORMAT_JOURNAL:
        snprintf(priority, sizeof priority, "<%d>", (int)level);
        add(l, text_of(priority));
        add(l, text_of(message));
        break;
    case LOG_FORMAT_JSON:
        add(l, TEXT("{\"time\":\""));
        add(l, timestamp(time));
        add(l, TEXT("\",\"level\":\""));
        add(l, text_of(level_name(level)));
        add(l, TEXT("\",\"message\":"));
        add_quoted(l, text_of(message));
        break;
    }
}

void log_write(enum log_level level, const char *message, const struct log_field *fields,
               size_t n) {
    if (!log_enabled(level))
        return;
    struct line l;
    l.len = 0;
    begin(&l, level, message);
    for (size_t i = 0; i < n; i++)
        add_field(&l, &fields[i]);
    if (chosen_format == LOG_FORMAT_JSON)
        put(&l, "}", 1);
    put(&l, "\n", 1);
    chosen_sink(level, l.at, l.len);
}
