/* SPDX-License-Identifier: MIT */
/* Formats the log lines of base/log.h, on the stack of the caller. A field that does not fit any
 * more is left out whole, and the line says so; smaller ones after it still get in. */
#include "base/log.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/utf8.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Kept free for the end of a line: the mark that fields are missing, the brace, the newline. */
#define END_BYTES 24

static void write_to_stderr(enum log_level level, const char *line, size_t len) {
    (void)level;
    ssize_t written = write(STDERR_FILENO, line, len); /* one call, so that lines do not mix */
    (void)written;                                     /* a lost line has nowhere to be reported */
}

static atomic_int threshold = LOG_LEVEL_INFO;
static atomic_int line_format = LOG_FORMAT_TEXT;
static _Atomic(log_sink *) line_sink = write_to_stderr;

void log_setup(enum log_level level, enum log_format format, log_sink *sink) {
    atomic_store(&threshold, (int)level);
    atomic_store(&line_format, (int)format);
    atomic_store(&line_sink, sink ? sink : write_to_stderr);
}

bool log_enabled(enum log_level level) {
    return (int)level <= atomic_load_explicit(&threshold, memory_order_relaxed);
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
    return "info";
}

/* The time as in RFC 3339, with milliseconds. A thread works the date out once per second. */
static void add_time(struct buf *b) {
    static _Thread_local time_t last_second = -1;
    static _Thread_local char last_text[sizeof "2026-01-31T12:00:00"];
    usec_t now = clock_wall();
    time_t second = (time_t)(now / USEC_PER_SEC);
    if (second != last_second) {
        struct tm date;
        gmtime_r(&second, &date);
        strftime(last_text, sizeof last_text, "%Y-%m-%dT%H:%M:%S", &date);
        last_second = second;
    }
    unsigned ms = (unsigned)(now % USEC_PER_SEC / USEC_PER_MS);
    char tail[] = {'.', (char)('0' + ms / 100), (char)('0' + ms / 10 % 10), (char)('0' + ms % 10),
                   'Z'};
    buf_add_string(b, last_text);
    buf_add(b, tail, sizeof tail);
}

static void add_number(struct buf *b, int64_t number) {
    if (number < 0)
        buf_add_char(b, '-');
    buf_add_u64(b, number < 0 ? 0 - (uint64_t)number : (uint64_t)number);
}

/* T up to LOG_VALUE_MAX bytes. What is cut off becomes an ellipsis, and no character is cut in two;
 * SPACE holds the result then. */
static struct text shorten(struct text t, char space[LOG_VALUE_MAX]) {
    static const struct text ellipsis = {"\u2026", sizeof "\u2026" - 1};
    if (t.len <= LOG_VALUE_MAX)
        return t;
    size_t keep = LOG_VALUE_MAX - ellipsis.len;
    for (int i = 0; i < 3 && ((unsigned char)t.at[keep] & 0xc0) == 0x80; i++)
        keep--;
    memcpy(space, t.at, keep);
    memcpy(space + keep, ellipsis.at, ellipsis.len);
    return (struct text){space, keep + ellipsis.len};
}

static void add_text_escape(struct buf *b, unsigned code, int digits) {
    static const char hex[] = "0123456789abcdef";
    static const char plain[] = "\"\\\n\r\t", letters[] = "\"\\nrt";
    const char *hit = code && code < 0x80 ? strchr(plain, (int)code) : NULL;
    buf_add_char(b, '\\');
    if (hit) {
        buf_add_char(b, letters[hit - plain]);
        return;
    }
    buf_add_char(b, digits == 2 ? 'x' : 'u');
    while (digits--)
        buf_add_char(b, hex[code >> 4 * digits & 15]);
}

static void add_escaped(struct buf *b, struct text t) {
    while (t.len) {
        size_t n = utf8_plain(t);
        buf_add(b, t.at, n);
        t = text_skip(t, n);
        if (t.len == 0)
            return;
        uint32_t code = (unsigned char)t.at[0];
        n = utf8_next(t, &code);
        add_text_escape(b, code, n > 1 ? 4 : 2);
        t = text_skip(t, n ? n : 1);
    }
}

static void add_value(struct buf *b, struct text t) {
    bool bare =
        t.len && utf8_plain(t) == t.len && !memchr(t.at, ' ', t.len) && !memchr(t.at, '=', t.len);
    if (bare) {
        buf_add_text(b, t);
        return;
    }
    buf_add_char(b, '"');
    add_escaped(b, t);
    buf_add_char(b, '"');
}

static void add_field(struct buf *b, bool json, const struct log_field *field) {
    char space[LOG_VALUE_MAX];
    struct text value = field->text.at ? shorten(field->text, space) : field->text;
    buf_add_char(b, json ? ',' : ' ');
    if (json)
        json_add_string(b, text_of(field->name));
    else
        add_value(b, text_of(field->name));
    buf_add_char(b, json ? ':' : '=');
    if (!value.at)
        add_number(b, field->number);
    else if (json)
        json_add_string(b, value);
    else
        add_value(b, value);
}

static void add_head(struct buf *b, enum log_format format, enum log_level level,
                     struct text message) {
    if (format == LOG_FORMAT_JSON) {
        buf_add_string(b, "{\"time\":\"");
        add_time(b);
        buf_add_string(b, "\",\"level\":\"");
        buf_add_string(b, level_name(level));
        buf_add_string(b, "\",\"message\":");
        json_add_string(b, message);
        return;
    }
    if (format == LOG_FORMAT_JOURNAL) {
        char priority[] = {'<', (char)('0' + (int)level), '>'};
        buf_add(b, priority, sizeof priority);
    } else {
        add_time(b);
        buf_add_char(b, ' ');
        buf_add_string(b, level_name(level));
        buf_add_char(b, ' ');
    }
    add_escaped(b, message);
}

void log_write(enum log_level level, const char *message, const struct log_field *fields,
               size_t n) {
    if (!log_enabled(level))
        return;
    int error = errno;
    char line[LOG_LINE_MAX], space[LOG_VALUE_MAX];
    /* The ceiling lies below the capacity, so that the buffer never leaves the stack. */
    struct buf b = {.at = line, .capacity = sizeof line, .max = sizeof line - 1 - END_BYTES};
    enum log_format format =
        (enum log_format)atomic_load_explicit(&line_format, memory_order_relaxed);
    bool json = format == LOG_FORMAT_JSON, whole = true;
    add_head(&b, format, level, shorten(text_of(message), space));
    for (size_t i = 0; i < n; i++) {
        size_t before = b.len;
        add_field(&b, json, &fields[i]);
        if (!buf_ok(&b)) {
            b.failed = false;
            b.len = before;
            whole = false;
        }
    }
    b.max = sizeof line - 1;
    if (!whole)
        buf_add_string(&b, json ? ",\"truncated\":true" : " truncated=1");
    buf_add_string(&b, json ? "}\n" : "\n");
    log_sink *sink = atomic_load_explicit(&line_sink, memory_order_relaxed);
    sink(level, b.at, b.len);
    errno = error;
}
