/* SPDX-License-Identifier: MIT */
/* The driving of sources, as daemon/source.h says. */
#include "daemon/source.h"

#include "base/log.h"
#include "base/random.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How long a call may take; while something usable runs out, half of what is left of it, so that a
 * service that hangs leaves time for another try. */
#define CALL_TIMEOUT       (30 * USEC_PER_SEC)
#define CALL_TIMEOUT_LEAST (1 * USEC_PER_SEC)

/* A failure that goes on for the same reason is told again after this long. */
#define TOLD_AGAIN (300 * USEC_PER_SEC)

static void proceed(struct source *s);
static void on_need(void *owner, struct source *need);
static void on_timer(struct timer *timer, usec_t now);

/* Values */

void source_value_done(struct source_value *v) {
    secret_unref(&v->secrets[0]);
    secret_unref(&v->secrets[1]);
    azure_service_done(&v->service);
    azure_deployments_done(&v->deployments);
    free(v->base);
    *v = (struct source_value){0};
}

static bool same_value(const struct source_value *a, const struct source_value *b) {
    const struct azure_service *x = &a->service, *y = &b->service;
    return secret_same(a->secrets[0], b->secrets[0]) && secret_same(a->secrets[1], b->secrets[1]) &&
           string_same(a->base, b->base) && string_same(x->scoring_uri, y->scoring_uri) &&
           string_same(x->swagger_uri, y->swagger_uri) && x->auth == y->auth &&
           azure_deployments_same(&a->deployments, &b->deployments);
}

/* Making and keeping */

void sources_init(struct sources *all) {
    list_init(&all->all);
    all->count = 0;
}

static void source_free(struct source *s) {
    list_remove(&s->node);
    fetch_cancel(&s->fetch);
    azure_request_done(&s->request);
    timer_done(s->all->loop, &s->timer);
    if (s->all->files)
        file_watch_remove(s->all->files, &s->watched);
    if (s->class->free)
        s->class->free(s);
    source_value_done(&s->value);
    buf_wipe(&s->note);
    workload_ca_done(&s->workload_ca);
    free(s->resource);
    free(s->key);
    free(s->name);
    free(s);
}

/* Users are not looked at: those that are sources go as well, the others may be gone already. */
void sources_done(struct sources *all) {
    struct list *node;
    while ((node = list_pop_front(&all->all)))
        source_free(list_entry(node, struct source, node));
}

static struct source *find(struct sources *all, const char *key) {
    list_each (node, next, &all->all) {
        struct source *s = list_entry(node, struct source, node);
        if (strcmp(s->key, key) == 0)
            return s;
    }
    return NULL;
}

static bool is_named(const struct sources *all, const char *name) {
    list_each (node, next, &all->all)
        if (strcmp(list_entry(node, struct source, node)->name, name) == 0)
            return true;
    return false;
}

/* NAME, or "NAME#2" and so on if others have it: names are what people and metrics go by. */
static char *unique_name(const struct sources *all, const char *name) {
    char *unique = strdup(name);
    for (unsigned n = 2; unique && is_named(all, unique); n++) {
        free(unique);
        if (asprintf(&unique, "%s#%u", name, n) < 0)
            return NULL;
    }
    return unique;
}

struct source *source_get(struct sources *all, const struct source_class *class, const char *key,
                          const char *name, const char *kind, bool *made) {
    struct source *s = find(all, key);
    *made = !s;
    if (s)
        return s;
    s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    *s = (struct source){.all = all, .class = class, .kind = kind};
    azure_request_init(&s->request, METHOD_GET);
    list_init(&s->node);
    list_init(&s->users);
    for (size_t i = 0; i < SOURCE_NEEDS_MAX; i++)
        list_init(&s->needs[i].node);
    renewal_init(&s->renewal, class->rules);
    buf_init(&s->note, 4096);
    workload_ca_init(&s->workload_ca);
    s->key = strdup(key);
    s->name = unique_name(all, name);
    if (!s->key || !s->name || !timer_init(all->loop, &s->timer, on_timer)) {
        free(s->key);
        free(s->name);
        free(s);
        return NULL;
    }
    list_push_back(&all->all, &s->node);
    all->count++;
    return s;
}

void source_drop(struct source *s) {
    assert(list_empty(&s->users));
    for (size_t i = 0; i < SOURCE_NEEDS_MAX; i++)
        source_unuse(&s->needs[i]);
    s->all->count--;
    source_free(s);
}

/* Telling */

/* Whether anybody but sources that nobody wants uses it. */
static bool is_wanted(const struct source *s) {
    list_each (node, next, &s->users) {
        const struct source_use *use = list_entry(node, struct source_use, node);
        if (use->told != on_need || is_wanted(use->owner))
            return true;
    }
    return false;
}

/* The timer stands at whatever comes first: the next attempt, or the end of what we have. */
static void set_timer(struct source *s) {
    usec_t now = s->all->loop->now, at = USEC_NEVER;
    if (!is_wanted(s)) {
        timer_clear(&s->timer);
        return;
    }
    if (s->phase == SOURCE_RESTING && !s->blocked && !s->all->once)
        at = s->renewal.refresh;
    if (s->renewal.expires > now && s->renewal.expires < at)
        at = s->renewal.expires;
    if (at == USEC_NEVER)
        timer_clear(&s->timer);
    else
        timer_set(s->all->loop, &s->timer, at);
}

/* Its timer, and those of what it needs: whether they are wanted hangs on it. */
static void arm(struct source *s) {
    set_timer(s);
    for (size_t i = 0; i < SOURCE_NEEDS_MAX; i++)
        if (s->needs[i].source)
            arm(s->needs[i].source);
}

/* Who is told may begin and end any use, and have it fetched: so each is back among the users
 * before it is told, and one who is told in between is not told again by us. */
static void tell_users(struct source *s) {
    struct list left, *node;
    list_take_all(&left, &s->users);
    while ((node = list_pop_front(&left))) {
        struct source_use *use = list_entry(node, struct source_use, node);
        list_push_back(&s->users, node);
        use->told(use->owner, s);
    }
    arm(s);
}

static void on_timer(struct timer *timer, usec_t now) {
    struct source *s = container_of(timer, struct source, timer);
    bool ended = s->renewal.expires <= now && s->renewal.expires > s->since;
    if (s->phase == SOURCE_RESTING && !s->blocked && !s->all->once && s->renewal.refresh <= now)
        source_fetch(s, s->renewal.forced_due ? "refused" : "timer");
    arm(s);
    if (ended)
        tell_users(s);
}

void source_use(struct source_use *use, struct source *s,
                void (*told)(void *owner, struct source *source), void *owner) {
    assert(!use->source);
    use->source = s;
    use->told = told;
    use->owner = owner;
    list_push_back(&s->users, &use->node);
    arm(s);
}

void source_unuse(struct source_use *use) {
    struct source *s = use->source;
    if (!s)
        return;
    list_remove(&use->node);
    use->source = NULL;
    arm(s);
}

/* Ends of an attempt */

/* A log line of which only those fields are there that say something. */
struct line {
    struct log_field fields[12];
    size_t count;
};

static void say(struct line *l, const char *name, const char *value) {
    if (value && *value)
        l->fields[l->count++] = LOG_STRING(name, value);
}

static void say_span(struct line *l, const char *name, usec_t from, usec_t to, usec_t unit) {
    if (to != USEC_NEVER)
        l->fields[l->count++] = LOG_NUMBER(name, to > from ? (to - from) / unit : 0);
}

/* Every change is one line: which, why, by what it can be told from others, how long it lasts. What
 * stands in the configuration does not change. */
static void log_change(const struct source *s) {
    usec_t now = s->all->loop->now;
    const struct azure_service *found = &s->value.service;
    char second[SECRET_FINGERPRINT_SIZE] = "";
    struct line l = {.count = 0};
    if (s->value.secrets[1])
        secret_fingerprint(s->value.secrets[1], second);
    say(&l, "name", s->name);
    say(&l, "kind", found->scoring_uri ? found->kind : s->kind);
    say(&l, "cause", s->why);
    if (found->scoring_uri) {
        say(&l, "auth", azure_auth_word(found->auth));
        log_write(LOG_LEVEL_INFO, "endpoint found", l.fields, l.count);
    } else if (s->value.secrets[0]) {
        say(&l, "fingerprint", s->fingerprint);
        say(&l, "secondary_fingerprint", second);
        say_span(&l, "ends_in_s", now, s->renewal.expires, USEC_PER_SEC);
        say_span(&l, "renewed_in_s", now, s->renewal.refresh, USEC_PER_SEC);
        log_write(LOG_LEVEL_INFO, "credential is new", l.fields, l.count);
    }
}

static void succeed(struct source *s, struct source_outcome *o) {
    usec_t now = s->all->loop->now;
    bool changed = !same_value(&s->value, &o->value);
    assert(o->lifetime > 0);
    struct source_value old = s->value;
    s->value = o->value;
    source_value_done(&old);
    s->fingerprint[0] = '\0';
    if (s->value.secrets[0])
        secret_fingerprint(s->value.secrets[0], s->fingerprint);
    renewal_succeeded(&s->renewal, now, o->lifetime, o->refresh_after, random_u64());
    s->phase = SOURCE_RESTING;
    s->failed = s->blocked = false;
    s->since = now;
    s->shown_end = o->shown_end ? o->shown_end : s->renewal.expires;
    s->shown_due = o->shown_due ? o->shown_due : s->renewal.refresh;
    s->refreshed++;
    if (changed && !s->class->fixed && log_enabled(LOG_LEVEL_INFO))
        log_change(s);
    else
        log_debug("fetched again, as it was", LOG_STRING("name", s->name),
                  LOG_STRING("cause", s->why));
    if (s->doubted && !changed)
        (void)source_refused(s, "refused");
    tell_users(s);
}

static void log_failure(const struct source *s) {
    usec_t now = s->all->loop->now;
    const struct azure_error *e = &s->error;
    struct line l = {.count = 0};
    say(&l, "name", s->name);
    say(&l, "cause", s->why);
    say(&l, "failure", azure_failure_word(e->failure));
    l.fields[l.count++] = LOG_NUMBER("times", s->renewal.failures);
    if (e->status)
        l.fields[l.count++] = LOG_NUMBER("status", e->status);
    say(&l, "code", e->code);
    say(&l, "error", e->message);
    say(&l, "trace_id", e->trace_id);
    say(&l, "correlation_id", e->correlation_id);
    say_span(&l, "again_in_ms", now, s->renewal.refresh, USEC_PER_MS);
    if (source_usable(s))
        say_span(&l, "usable_for_s", now, s->renewal.expires, USEC_PER_SEC);
    log_write(LOG_LEVEL_WARNING, "cannot be fetched", l.fields, l.count);
}

/* A person has to act: no use in asking often. A name that IMDS does not know may come by itself.
 */
static bool is_definite(const struct source *s) {
    enum azure_failure failure = s->error.failure;
    return failure == AZURE_REJECTED || failure == AZURE_FORBIDDEN ||
           (failure == AZURE_MISSING && s->class->rules != RENEWAL_IMDS);
}

/* The first in a row, another one, one by which the service can find what it did, or one that was
 * not told for a while. */
static bool is_news(const struct source *s, const struct azure_error *error) {
    bool first = s->class->optional ? !s->failed || s->blocked : s->renewal.failures == 0;
    return first || error->failure != s->error.failure || error->status != s->error.status ||
           strcmp(error->code, s->error.code) != 0 ||
           (error->trace_id[0] && !s->error.trace_id[0]) ||
           (!s->class->optional && s->all->loop->now - s->failure_logged >= TOLD_AGAIN);
}

/* It failed for what it was shown, or for want of it, and something else is there now: a secret was
 * replaced, a token came. */
static bool may_go_better(const struct source *s) {
    if (s->all->once || !s->failed || (!s->blocked && s->error.failure == AZURE_UNAVAILABLE))
        return false;
    for (size_t i = 0; i < SOURCE_NEEDS_MAX; i++)
        if (s->needs[i].source && s->needs[i].source->refreshed != s->shown[i])
            return true;
    return false;
}

static void fail(struct source *s, const struct azure_error *error) {
    usec_t now = s->all->loop->now;
    bool news = is_news(s, error);
    s->phase = SOURCE_RESTING;
    s->failed = true;
    s->blocked = false;
    s->error = *error;
    s->failures++;
    renewal_failed(&s->renewal, now, error->status, error->retry_after_s, is_definite(s),
                   random_u64());
    if (news) {
        s->failure_logged = now;
        log_failure(s);
    } else {
        log_debug("still cannot be fetched", LOG_STRING("name", s->name));
    }
    if (may_go_better(s))
        source_retry(s, "changed");
    tell_users(s);
}

/* What it needs is not to be had: no failure of its own, and no waiting of its own. It goes on when
 * what it needs is there. */
static void block(struct source *s, const struct source *need) {
    s->phase = SOURCE_RESTING;
    s->failed = s->blocked = true;
    s->error = need->error;
    tell_users(s);
}

/* An attempt */

static void on_need(void *owner, struct source *need) {
    struct source *s = owner;
    bool without = need->failed && !source_usable(need);
    if (s->phase == SOURCE_FETCHING || need->phase != SOURCE_RESTING)
        return;
    if (without && (s->phase == SOURCE_WAITING || s->blocked))
        block(s, need); /* perhaps for another reason than before */
    else if (s->phase == SOURCE_WAITING)
        proceed(s);
    else if (source_usable(need) && may_go_better(s) && is_wanted(s))
        source_retry(s, s->blocked ? "needed" : "changed");
}

void source_need(struct source *s, size_t i, struct source *need) {
    source_use(&s->needs[i], need, on_need, s);
}

/* False: it has to wait, or was blocked. */
static bool needs_usable(struct source *s) {
    for (size_t i = SOURCE_NEEDS_MAX; i-- > 0;) {
        struct source *need = s->needs[i].source;
        if (!need || source_usable(need))
            continue;
        s->phase = SOURCE_WAITING;
        source_fetch(need, "needed"); /* which may have told us already */
        if (s->phase == SOURCE_WAITING && need->phase == SOURCE_RESTING && !source_usable(need))
            block(s, need);
        return false;
    }
    return true;
}

static usec_t call_timeout(const struct source *s) {
    usec_t now = s->all->loop->now, end = s->renewal.expires;
    if (!source_usable(s) || end == USEC_NEVER || (end - now) / 2 > CALL_TIMEOUT)
        return CALL_TIMEOUT;
    usec_t half = (end - now) / 2;
    return half < CALL_TIMEOUT_LEAST ? CALL_TIMEOUT_LEAST : half;
}

/* With the first step. */
static void begin(struct source *s) {
    s->step = 0;
    buf_wipe(&s->note);
}

/* A management service does not take the bearer: once in an attempt a new one is fetched. */
static bool bearer_is_renewed(struct source *s, const struct azure_error *error) {
    struct source *bearer = s->needs[0].source;
    if (error->failure != AZURE_UNAUTHORIZED || !bearer || s->bearer_renewed)
        return false;
    s->bearer_renewed = true;
    s->phase = SOURCE_WAITING;
    begin(s);
    return source_refused(bearer, "refused") || s->phase != SOURCE_WAITING;
}

static void on_fetched(void *context, const struct azure_answer *answer,
                       const struct azure_error *error) {
    struct source *s = context;
    struct source_outcome o = {.lifetime = USEC_NEVER, .refresh_after = USEC_NEVER};
    struct azure_error wrong = {.retry_after_s = -1};
    s->fetch = NULL;
    enum source_step step = SOURCE_FAILED;
    if (answer)
        step = s->class->answer(s, answer, &o, &wrong);
    else
        wrong = *error;
    azure_error_hide(&wrong, &s->request);
    azure_request_done(&s->request);
    if (step != SOURCE_DONE)
        source_value_done(&o.value);
    if (step == SOURCE_DONE) {
        succeed(s, &o);
    } else if (step == SOURCE_AGAIN) {
        s->step++;
        proceed(s);
    } else if (!bearer_is_renewed(s, &wrong)) {
        fail(s, &wrong);
    }
}

static void send_request(struct source *s) {
    struct azure_error error = {.retry_after_s = -1};
    azure_request_init(&s->request, METHOD_GET);
    if (!s->class->request(s, &s->request, &error)) {
        if (error.failure == AZURE_FINE)
            azure_error_set(&error, AZURE_NO_MEMORY, "out of memory");
        azure_error_hide(&error, &s->request);
        azure_request_done(&s->request);
        fail(s, &error);
        return;
    }
    s->phase = SOURCE_FETCHING;
    s->fetch = fetch_start(s->all->fetcher, &s->request, s->class->max_body, call_timeout(s),
                           on_fetched, s);
    if (s->fetch)
        return;
    azure_request_done(&s->request);
    azure_error_set(&error, AZURE_NO_MEMORY, "out of memory");
    fail(s, &error);
}

static void read_it(struct source *s) {
    struct source_outcome o = {.lifetime = USEC_NEVER, .refresh_after = USEC_NEVER};
    struct azure_error error = {.retry_after_s = -1};
    if (s->class->read(s, &o, &error)) {
        succeed(s, &o);
    } else {
        source_value_done(&o.value);
        fail(s, &error);
    }
}

static void proceed(struct source *s) {
    if (!needs_usable(s))
        return;
    for (size_t i = 0; s->step == 0 && i < SOURCE_NEEDS_MAX; i++)
        if (s->needs[i].source)
            s->shown[i] = s->needs[i].source->refreshed;
    if (s->class->read)
        read_it(s);
    else
        send_request(s);
}

void source_fetch(struct source *s, const char *why) {
    usec_t now = s->all->loop->now;
    if (s->phase != SOURCE_RESTING || now < s->renewal.hold_until ||
        (s->failed && !s->blocked && renewal_next(&s->renewal) > now))
        return;
    s->why = why;
    s->bearer_renewed = s->doubted = false;
    s->tried = now;
    begin(s);
    proceed(s);
}

void source_retry(struct source *s, const char *why) {
    if (s->phase != SOURCE_RESTING)
        return;
    renewal_retry(&s->renewal, s->all->loop->now);
    source_fetch(s, why);
    arm(s);
}

void source_restart(struct source *s, const char *why) {
    if (s->phase == SOURCE_FETCHING) {
        fetch_cancel(&s->fetch);
        azure_request_done(&s->request);
    }
    s->phase = SOURCE_RESTING;
    source_retry(s, why);
}

bool source_refused(struct source *s, const char *why) {
    if (s->phase != SOURCE_RESTING) {
        /* Begun before, it may bring what was refused. */
        s->doubted = !s->renewal.forced_due && s->renewal.forced_at < s->tried;
        return true;
    }
    if (!renewal_forced(&s->renewal, s->all->loop->now)) {
        arm(s);
        return false;
    }
    s->failed = false; /* its waiting is over */
    source_fetch(s, why);
    return source_is_busy(s);
}

bool source_usable(const struct source *s) {
    return s->since && renewal_usable(&s->renewal, s->all->loop->now);
}

struct secret *source_secret(const struct source *s) {
    return s->value.secrets[0];
}

bool source_is_busy(const struct source *s) {
    return s->phase != SOURCE_RESTING;
}

void source_look_again(struct source *s, usec_t interval, const char *why) {
    usec_t at = s->tried + interval;
    if (s->phase != SOURCE_RESTING || s->failed)
        return;
    if (at <= s->all->loop->now) {
        source_fetch(s, why);
    } else if (s->renewal.refresh > at) {
        s->renewal.refresh = at;
        arm(s);
    }
}
