/* SPDX-License-Identifier: MIT */
/* Moments as people and other programs write them, as base/parse.h says. */
#include "base/parse.h"

#include <time.h>

#define LAST_SECOND 253402300799 /* of the year 9999 */

/* COUNT digits at the beginning of T, which is moved past them. */
static bool take_digits(struct text *t, size_t count, uint64_t max, int *number) {
    uint64_t n;
    if (t->len < count || !parse_u64((struct text){t->at, count}, max, &n))
        return false;
    *number = (int)n;
    *t = text_skip(*t, count);
    return true;
}

static bool take_one(struct text *t, const char *of) {
    if (t->len == 0 || t->at[0] == '\0' || !strchr(of, t->at[0]))
        return false;
    *t = text_skip(*t, 1);
    return true;
}

static int days_of(int year, int month) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (leap && month == 2);
}

static bool take_date(struct text *t, struct tm *tm) {
    int year, month;
    if (!take_digits(t, 4, 9999, &year) || !take_one(t, "-") || !take_digits(t, 2, 12, &month) ||
        !take_one(t, "-") || !take_digits(t, 2, 31, &tm->tm_mday))
        return false;
    tm->tm_year = year - 1900;
    tm->tm_mon = month - 1;
    return year >= 1970 && month > 0 && tm->tm_mday > 0 && tm->tm_mday <= days_of(year, month);
}

/* With a fraction, which is dropped. A leap second counts as the one after it. */
static bool take_clock(struct text *t, struct tm *tm) {
    if (!take_digits(t, 2, 23, &tm->tm_hour) || !take_one(t, ":") ||
        !take_digits(t, 2, 59, &tm->tm_min) || !take_one(t, ":") ||
        !take_digits(t, 2, 60, &tm->tm_sec))
        return false;
    int digit, digits = 0;
    if (!take_one(t, "."))
        return true;
    while (take_digits(t, 1, 9, &digit))
        digits++;
    return digits > 0;
}

static bool take_zone(struct text *t, int64_t *offset_s) {
    int hours, minutes;
    *offset_s = 0;
    if (take_one(t, "Zz"))
        return true;
    bool west = t->len > 0 && t->at[0] == '-';
    if (!take_one(t, "+-") || !take_digits(t, 2, 23, &hours) || !take_one(t, ":") ||
        !take_digits(t, 2, 59, &minutes))
        return false;
    *offset_s = (hours * 60 + minutes) * (west ? -60 : 60);
    return true;
}

bool parse_time(struct text t, int64_t *seconds) {
    uint64_t digits;
    if (parse_u64(t, LAST_SECOND, &digits)) {
        *seconds = (int64_t)digits;
        return true;
    }
    struct tm tm = {0};
    int64_t offset_s;
    if (!take_date(&t, &tm) || !take_one(&t, "Tt ") || !take_clock(&t, &tm) ||
        !take_zone(&t, &offset_s) || t.len > 0)
        return false;
    int64_t moment = timegm(&tm) - offset_s;
    if (moment < 0 || moment > LAST_SECOND)
        return false;
    *seconds = moment;
    return true;
}
