/* SPDX-License-Identifier: MIT */
/* Log lines: a level, a short constant message and named fields. This file formats; where the
 * finished line goes is a function that the daemon installs (sys/log_writer.h), by default stderr.
 *
 * Every value is escaped (no control characters reach a terminal, one event is one line) and cut at
 * LOG_VALUE_MAX bytes. Secrets have no field type and cannot be logged. Thread safe. */
#pragma once

#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

#define LOG_VALUE_MAX 512
#define LOG_LINE_MAX  4096

/* Values are those of syslog(3), so that the journal takes them as priorities. */
enum log_level {
    LOG_LEVEL_ERROR = 3,
    LOG_LEVEL_WARNING = 4,
    LOG_LEVEL_INFO = 6,
    LOG_LEVEL_DEBUG = 7
};

enum log_format {
    LOG_FORMAT_TEXT,    /* 2026-01-31T12:00:00.123Z info message key=value key="two words" */
    LOG_FORMAT_JSON,    /* {"time":"…","level":"info","message":"…","key":"value"} */
    LOG_FORMAT_JOURNAL, /* <6>message key=value: no time, the journal has its own (sd-daemon(3)) */
};

struct log_field {
    const char *name;
    struct text text; /* used if text.at is not NULL */
    int64_t number;
};

#define LOG_TEXT(n, t)   ((struct log_field){.name = (n), .text = (t)})
#define LOG_STRING(n, s) ((struct log_field){.name = (n), .text = text_of(s)})
#define LOG_NUMBER(n, i) ((struct log_field){.name = (n), .number = (int64_t)(i)})

/* Takes one finished line that ends with '\n'. Called from any thread; must not block for long. */
typedef void log_sink(enum log_level level, const char *line, size_t len);

/* Before threads start. SINK NULL means stderr. */
void log_setup(enum log_level level, enum log_format format, log_sink *sink);
bool log_enabled(enum log_level level);
void log_write(enum log_level level, const char *message, const struct log_field *fields, size_t n);

#define log_fields_(level, message, ...)                                                           \
    do {                                                                                           \
        if (log_enabled(level)) {                                                                  \
            const struct log_field log_list_[] = {__VA_ARGS__};                                    \
            log_write(level, message, log_list_, sizeof log_list_ / sizeof log_list_[0]);          \
        }                                                                                          \
    } while (0)

#define log_error(message, ...)   log_fields_(LOG_LEVEL_ERROR, message, __VA_ARGS__)
#define log_warning(message, ...) log_fields_(LOG_LEVEL_WARNING, message, __VA_ARGS__)
#define log_info(message, ...)    log_fields_(LOG_LEVEL_INFO, message, __VA_ARGS__)
#define log_debug(message, ...)   log_fields_(LOG_LEVEL_DEBUG, message, __VA_ARGS__)
