/* SPDX-License-Identifier: MIT */
/* Points in time, as azure/moment.h says: what base/parse.h does not know is written anew as it
 * does.
 */
#include "azure/moment.h"

#include "base/parse.h"

#include <stdio.h>

/* "+01:30" */
#define OFFSET_LEN 6

/* Takes one or MOST digits, a number up to MAX, off T. */
static bool take_number(struct text *t, size_t most, unsigned max, unsigned *number) {
    size_t n = 0;
    uint64_t value = 0;
    while (n < t->len && n < most && t->at[n] >= '0' && t->at[n] <= '9')
        n++;
    if (!parse_u64((struct text){t->at, n}, max, &value))
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

/* " AM", " PM" or nothing behind an hour of twelve or of twenty-four. */
static bool take_half_of_day(struct text *t, unsigned *hour) {
    bool am = text_starts(*t, TEXT(" AM")), pm = text_starts(*t, TEXT(" PM"));
    if (!am && !pm)
        return true;
    *t = text_skip(*t, 3);
    if (*hour < 1 || *hour > 12)
        return false;
    *hour = *hour % 12 + (pm ? 12 : 0);
    return true;
}

/* "1/16/2020 5:24:12 AM +00:00" */
static bool read_app_service(struct text t, int64_t *seconds) {
    unsigned month, day, year, hour;
    char rfc3339[40];
    if (!take_number(&t, 2, 12, &month) || !take(&t, '/') || !take_number(&t, 2, 31, &day) ||
        !take(&t, '/') || !take_number(&t, 4, 9999, &year) || !take(&t, ' ') ||
        !take_number(&t, 2, 23, &hour) || t.len < 6)
        return false;
    struct text minute_and_second = {t.at, 6}; /* ":24:12" */
    t = text_skip(t, 6);
    if (!take_half_of_day(&t, &hour) || !take(&t, ' ') || t.len != OFFSET_LEN)
        return false;
    snprintf(rfc3339, sizeof rfc3339, "%04u-%02u-%02uT%02u%.*s%.*s", year, month, day, hour,
             TEXT_ARG(minute_and_second), TEXT_ARG(t));
    return parse_time(text_of(rfc3339), seconds);
}

bool moment_parse(struct text t, int64_t *seconds) {
    return parse_time(t, seconds) || read_app_service(t, seconds);
}
