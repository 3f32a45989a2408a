/* SPDX-License-Identifier: MIT */
/* Points in time, as azure/moment.h says. */
#include "azure/moment.h"

#include "base/parse.h"

#define DAY_S      86400
#define YEAR_10000 253402300800

/* A date and a time of day with the offset from UTC, as they were read. */
struct moment {
    unsigned year, month, day, hour, minute, second;
    int offset_s;
};

/* Takes LEAST to MOST digits, a number of LOW to HIGH, off T. */
static bool take_number(struct text *t, size_t least, size_t most, unsigned low, unsigned high,
                        unsigned *number) {
    size_t n = 0;
    uint64_t value = 0;
    while (n < t->len && n < most && t->at[n] >= '0' && t->at[n] <= '9')
        n++;
    if (n < least || !parse_u64((struct text){t->at, n}, high, &value) || value < low)
        return false;
    *number = (unsigned)value;
    *t = text_skip(*t, n);
    return true;
}

static bool take(struct text *t, char c) {
    if (t->len == 0 || t->at[0] != c)
        return false;
    *t = text_skip(*t, 1);
    return true;
}

/* A fraction, if there is one. */
static bool take_fraction(struct text *t) {
    size_t n = 0;
    if (!take(t, '.'))
        return true;
    while (n < t->len && t->at[n] >= '0' && t->at[n] <= '9')
        n++;
    *t = text_skip(*t, n);
    return n > 0;
}

/* "+01:30" */
static bool take_offset(struct text *t, int *offset_s) {
    unsigned hours, minutes;
    bool west = take(t, '-');
    if ((!west && !take(t, '+')) || !take_number(t, 2, 2, 0, 23, &hours) || !take(t, ':') ||
        !take_number(t, 2, 2, 0, 59, &minutes))
        return false;
    *offset_s = (int)(hours * 3600 + minutes * 60) * (west ? -1 : 1);
    return true;
}

/* ":57:58", after the hour. A leap second counts as the next one. */
static bool take_minute_and_second(struct text *t, struct moment *m) {
    return take(t, ':') && take_number(t, 2, 2, 0, 59, &m->minute) && take(t, ':') &&
           take_number(t, 2, 2, 0, 60, &m->second);
}

static bool read_rfc3339(struct text t, struct moment *m) {
    if (!take_number(&t, 4, 4, 1970, 9999, &m->year) || !take(&t, '-') ||
        !take_number(&t, 2, 2, 1, 12, &m->month) || !take(&t, '-') ||
        !take_number(&t, 2, 2, 1, 31, &m->day))
        return false;
    if (!take(&t, 'T') && !take(&t, 't') && !take(&t, ' '))
        return false;
    if (!take_number(&t, 2, 2, 0, 23, &m->hour) || !take_minute_and_second(&t, m) ||
        !take_fraction(&t))
        return false;
    return (take(&t, 'Z') || take(&t, 'z') || take_offset(&t, &m->offset_s)) && t.len == 0;
}

/* " AM", " PM" or nothing behind an hour of twelve or of twenty-four. */
static bool take_half_of_day(struct text *t, struct moment *m) {
    bool am = text_starts(*t, TEXT(" AM")), pm = text_starts(*t, TEXT(" PM"));
    if (!am && !pm)
        return true;
    *t = text_skip(*t, 3);
    if (m->hour < 1 || m->hour > 12)
        return false;
    m->hour = m->hour % 12 + (pm ? 12 : 0);
    return true;
}

static bool read_app_service(struct text t, struct moment *m) {
    return take_number(&t, 1, 2, 1, 12, &m->month) && take(&t, '/') &&
           take_number(&t, 1, 2, 1, 31, &m->day) && take(&t, '/') &&
           take_number(&t, 4, 4, 1970, 9999, &m->year) && take(&t, ' ') &&
           take_number(&t, 1, 2, 0, 23, &m->hour) && take_minute_and_second(&t, m) &&
           take_half_of_day(&t, m) && take(&t, ' ') && take_offset(&t, &m->offset_s) && t.len == 0;
}

static bool is_leap(unsigned year) {
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* Days from 1970 to the first of January of YEAR. */
static int64_t days_before(unsigned year) {
    int64_t past = (int64_t)year - 1;
    return 365 * ((int64_t)year - 1970) + (past / 4 - past / 100 + past / 400) - 477;
}

static bool to_seconds(const struct moment *m, int64_t *seconds) {
    static const unsigned lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = is_leap(m->year);
    if (m->day > lengths[m->month - 1] + (m->month == 2 && leap))
        return false;
    int64_t days = days_before(m->year) + m->day - 1 + (m->month > 2 && leap);
    for (unsigned i = 0; i + 1 < m->month; i++)
        days += lengths[i];
    int64_t sum = days * DAY_S + m->hour * 3600 + m->minute * 60 + (int64_t)m->second - m->offset_s;
    if (sum < 0)
        return false;
    *seconds = sum;
    return true;
}

bool moment_parse(struct text t, int64_t *seconds) {
    uint64_t number;
    struct moment m = {.year = 0}, other = {.year = 0};
    if (parse_u64(t, YEAR_10000 - 1, &number)) {
        *seconds = (int64_t)number;
        return true;
    }
    if (read_rfc3339(t, &m))
        return to_seconds(&m, seconds);
    return read_app_service(t, &other) && to_seconds(&other, seconds);
}
