/* SPDX-License-Identifier: MIT */
#include "fake_fetch.h"

#include "../azure_answer.h"
#include "base/list.h"
#include "base/log.h"
#include "upstream/fetch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
/* cmocka wants these first. */
#include <cmocka.h>

struct fetch {
    struct list node;
    struct buf text; /* URL, fields and body */
    usec_t timeout;
    fetch_done *done;
    void *context;
};

struct fetcher {
    struct loop *loop;
};

struct loop loop;
unsigned calls_begun, calls_cancelled, calls_open;
bool calls_fail, fetchers_fail;

static struct list calls = {&calls, &calls};
static usec_t now, wall;
static struct buf lines;

usec_t clock_monotonic(void) {
    return now;
}

usec_t clock_wall(void) {
    return wall;
}

/* --- the calls -------------------------------------------------------------------------------- */

struct fetcher *fetcher_new(struct loop *of, const struct fetcher_options *options,
                            struct buf *why) {
    (void)options;
    if (fetchers_fail) {
        buf_add_string(why, "no fetcher");
        return NULL;
    }
    struct fetcher *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->loop = of;
    return f;
}

void fetcher_free(struct fetcher **f) {
    assert_true(list_empty(&calls));
    free(*f);
    *f = NULL;
}

static void release(struct fetch *call) {
    list_remove(&call->node);
    calls_open--;
    buf_wipe(&call->text);
    free(call);
}

struct fetch *fetch_start(struct fetcher *f, const struct azure_request *r, size_t max_body,
                          usec_t timeout, fetch_done *done, void *context) {
    (void)f;
    assert_true(azure_request_ok(r) && max_body > 0 && timeout > 0);
    if (calls_fail) {
        calls_fail = false;
        return NULL;
    }
    struct fetch *call = calloc(1, sizeof *call);
    assert_non_null(call);
    *call = (struct fetch){.timeout = timeout, .done = done, .context = context};
    buf_init(&call->text, (size_t)1024 * 1024);
    buf_add_text(&call->text, buf_text(&r->url));
    buf_add_char(&call->text, '\n');
    buf_add_text(&call->text, buf_text(&r->fields));
    buf_add_text(&call->text, buf_text(&r->body));
    list_push_back(&calls, &call->node);
    calls_begun++;
    calls_open++;
    return call;
}

void fetch_cancel(struct fetch **call) {
    if (*call) {
        calls_cancelled++;
        release(*call);
    }
    *call = NULL;
}

static struct fetch *find(const char *part, unsigned *count) {
    struct fetch *found = NULL;
    *count = 0;
    list_each (node, next, &calls) {
        struct fetch *call = list_entry(node, struct fetch, node);
        if (!strstr(call->text.at, part))
            continue;
        found = call;
        ++*count;
    }
    return found;
}

static struct fetch *the_call(const char *part) {
    unsigned count;
    struct fetch *call = find(part, &count);
    if (count != 1)
        fail_msg("%u calls hold \"%s\"", count, part);
    return call;
}

bool is_asked(const char *part) {
    unsigned count;
    (void)find(part, &count);
    assert_true(count <= 1);
    return count;
}

const char *asked(const char *part) {
    return the_call(part)->text.at;
}

usec_t timeout_of(const char *part) {
    return the_call(part)->timeout;
}

/* As upstream/fetch.c does it: in no list while DONE runs, freed afterwards, the answer wiped. */
static void finish(const char *part, const struct azure_answer *answer,
                   const struct azure_error *error) {
    struct fetch *call = the_call(part);
    list_remove(&call->node);
    call->done(call->context, answer, error);
    release(call);
    turn();
}

void answers_with(const char *part, const struct azure_answer *answer) {
    struct azure_answer mine = *answer;
    char *body = text_dup(answer->body);
    mine.body.at = body;
    finish(part, &mine, NULL);
    free(body);
}

void answers(const char *part, unsigned status, const char *body) {
    struct azure_answer answer = azure_answer_of(status, body);
    answers_with(part, &answer);
}

void is_unreachable(const char *part) {
    struct azure_error error;
    azure_error_set(&error, AZURE_UNAVAILABLE, "nobody answers");
    finish(part, NULL, &error);
}

/* --- surroundings ----------------------------------------------------------------------------- */

/* Timers that are set to a time that has passed fire in the next turn. */
void turn(void) {
    for (int i = 0; i < 4; i++)
        assert_true(loop_turn(&loop, 0));
}

void time_passes(usec_t duration) {
    now += duration;
    wall += duration;
    turn();
}

void wall_clock_jumps(usec_t duration) {
    wall += duration;
}

static void keep(enum log_level level, const char *line, size_t len) {
    if (level != LOG_LEVEL_DEBUG)
        buf_add(&lines, line, len);
}

static struct text find_line(struct text *rest, const char *part) {
    while (rest->len) {
        struct text line = {rest->at, text_find(*rest, '\n')};
        *rest = text_skip(*rest, line.len + 1);
        if (memmem(line.at, line.len, part, strlen(part)))
            return line;
    }
    return (struct text){0};
}

unsigned logged(const char *part) {
    unsigned count = 0;
    struct text rest = buf_text(&lines);
    while (find_line(&rest, part).at)
        count++;
    return count;
}

const char *last_logged(const char *part) {
    static char last[LOG_LINE_MAX];
    struct text rest = buf_text(&lines), line;
    last[0] = '\0';
    while ((line = find_line(&rest, part)).at)
        (void)snprintf(last, sizeof last, "%.*s", TEXT_ARG(line));
    return last;
}

void forget_log(void) {
    buf_clear(&lines);
}

int fake_set_up(void **state) {
    (void)state;
    now = 1000 * USEC_PER_SEC;
    wall = 1700000000 * USEC_PER_SEC;
    calls_begun = calls_cancelled = calls_open = 0;
    calls_fail = false;
    buf_init(&lines, (size_t)4 * 1024 * 1024);
    log_setup(LOG_LEVEL_DEBUG, LOG_FORMAT_JOURNAL, keep);
    return loop_init(&loop) ? 0 : -1;
}

int fake_tear_down(void **state) {
    (void)state;
    loop_done(&loop);
    buf_done(&lines);
    return list_empty(&calls) ? 0 : -1;
}
