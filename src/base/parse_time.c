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

/* False if there is no such day, or it is before 1970. */
static bool set_date(struct tm *tm, int year, int month, int day) {
    tm->tm_year = year - 1900;
    tm->tm_mon = month - 1;
    tm->tm_mday = day;
    return year >= 1970 && month > 0 && day > 0 && day <= days_of(year, month);
}

static bool take_date(struct text *t, struct tm *tm) {
    int year, month, day;
    return take_digits(t, 4, 9999, &year) && take_one(t, "-") && take_digits(t, 2, 12, &month) &&
           take_one(t, "-") && take_digits(t, 2, 31, &day) && set_date(tm, year, month, day);
}

/* A leap second counts as the one after it. */
static bool take_clock(struct text *t, struct tm *tm) {
    return take_digits(t, 2, 23, &tm->tm_hour) && take_one(t, ":") &&
           take_digits(t, 2, 59, &tm->tm_min) && take_one(t, ":") &&
           take_digits(t, 2, 60, &tm->tm_sec);
}

/* None, or one that has digits; it is dropped. */
static bool take_fraction(struct text *t) {
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
    if (!take_date(&t, &tm) || !take_one(&t, "Tt ") || !take_clock(&t, &tm) || !take_fraction(&t) ||
        !take_zone(&t, &offset_s) || t.len > 0)
        return false;
    int64_t moment = timegm(&tm) - offset_s;
    if (moment < 0 || moment > LAST_SECOND)
        return false;
    *seconds = moment;
    return true;
}

static bool take_word(struct text *t, struct text word) {
    if (!text_starts(*t, word))
        return false;
    *t = text_skip(*t, word.len);
    return true;
}

/* *NUMBER: which of NAMES, from 1. */
static bool take_name(struct text *t, const char *const *names, int count, int *number) {
    for (int i = 0; i < count; i++)
        if (take_word(t, text_of(names[i]))) {
            *number = i + 1;
            return true;
        }
    return false;
}

static bool take_day_name(struct text *t, bool whole) {
    static const char *const short_names[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
    static const char *const whole_names[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                              "Friday", "Saturday", "Sunday"};
    int number;
    return take_name(t, whole ? whole_names : short_names, 7, &number);
}

static bool take_month_name(struct text *t, int *month) {
    static const char *const names[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    return take_name(t, names, 12, month);
}

/* "Sun, 06 Nov 1994 08:49:37 GMT", the one form that is still written. */
static bool imf_fixdate(struct text t, struct tm *tm) {
    int year, month, day;
    return take_day_name(&t, false) && take_word(&t, TEXT(", ")) && take_digits(&t, 2, 31, &day) &&
           take_one(&t, " ") && take_month_name(&t, &month) && take_one(&t, " ") &&
           take_digits(&t, 4, 9999, &year) && take_one(&t, " ") && take_clock(&t, tm) &&
           text_equal(t, TEXT(" GMT")) && set_date(tm, year, month, day);
}

/* "Sunday, 06-Nov-94 08:49:37 GMT": of RFC 850. The century is that of POSIX's %y, but for the
 * year 69, which is not before 1970. */
static bool rfc850_date(struct text t, struct tm *tm) {
    int year, month, day;
    return take_day_name(&t, true) && take_word(&t, TEXT(", ")) && take_digits(&t, 2, 31, &day) &&
           take_one(&t, "-") && take_month_name(&t, &month) && take_one(&t, "-") &&
           take_digits(&t, 2, 99, &year) && take_one(&t, " ") && take_clock(&t, tm) &&
           text_equal(t, TEXT(" GMT")) &&
           set_date(tm, year + (year < 70 ? 2000 : 1900), month, day);
}

/* "Sun Nov  6 08:49:37 1994": of asctime(3). */
static bool asctime_date(struct text t, struct tm *tm) {
    int year, month, day;
    return take_day_name(&t, false) && take_one(&t, " ") && take_month_name(&t, &month) &&
           take_one(&t, " ") &&
           (take_one(&t, " ") ? take_digits(&t, 1, 9, &day) : take_digits(&t, 2, 31, &day)) &&
           take_one(&t, " ") && take_clock(&t, tm) && take_one(&t, " ") &&
           take_digits(&t, 4, 9999, &year) && t.len == 0 && set_date(tm, year, month, day);
}

bool parse_http_date(struct text t, int64_t *seconds) {
    struct tm tm = {0};
    if (!imf_fixdate(t, &tm) && !rfc850_date(t, &tm) && !asctime_date(t, &tm))
        return false;
    int64_t moment = timegm(&tm);
    if (moment > LAST_SECOND)
        return false;
    *seconds = moment;
    return true;
}
