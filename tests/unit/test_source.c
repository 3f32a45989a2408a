/* SPDX-License-Identifier: MIT */
/* The driving of sources, with a kind that does as it is told, a fetcher whose answers are given
 * here, and a clock that is moved by hand. */
#include "daemon/source.h"

#include "fake_fetch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
/* cmocka wants the four above first. */
#include <cmocka.h>

#define SECONDS(n) ((n)*USEC_PER_SEC)

static struct sources all;
static struct config config;

/* --- a kind that does as it is told ----------------------------------------------------------- */

/* "https://h/NAME/STEP", with the note, and the secrets of what it needs in the body. */
static bool ask(struct source *s, struct azure_request *r, struct azure_error *error) {
    if (strstr(s->name, "unready")) {
        azure_error_set(error, AZURE_UNUSABLE, "a file is missing");
        return false;
    }
    azure_request_init(r, METHOD_POST);
    buf_addf(&r->url, "https://h/%s/%u", s->name, s->step);
    if (s->note.len)
        buf_addf(&r->url, "?note=%s", s->note.at);
    for (size_t i = 0; i < SOURCE_NEEDS_MAX; i++)
        if (s->needs[i].source) {
            struct secret *secret = source_secret(s->needs[i].source);
            azure_add_form(&r->body, i ? "b" : "a", secret_expose(secret));
            azure_hide(r, secret);
        }
    return azure_request_end(r);
}

/* "VALUE LIFETIME REFRESH" in seconds, the last two if there are any; "again WORD" is one more
 * step. A status of 409 brings a value and fails nevertheless. */
static enum source_step take(struct source *s, const struct azure_answer *a,
                             struct source_outcome *o, struct azure_error *error) {
    char value[32] = "", other[32] = "";
    int lifetime = 0, refresh = 0;
    int n = sscanf(a->body.at, "%31s %d %d", value, &lifetime, &refresh);
    if (a->status != 200 && a->status != 409) {
        azure_error_read(error, a, /* token= */ strstr(s->name, "bearer") != NULL);
        return SOURCE_FAILED;
    }
    if (strcmp(value, "again") == 0) {
        buf_add_string(&s->note, "n");
        return SOURCE_AGAIN;
    }
    if (sscanf(value, "%*[^/]/%31s", other) == 1)
        o->value.secrets[1] = secret_new(text_of(other));
    o->value.secrets[0] = secret_new((struct text){value, strcspn(value, "/")});
    if (n > 1)
        o->lifetime = SECONDS(lifetime);
    if (n > 2)
        o->refresh_after = SECONDS(refresh);
    if (a->status == 200)
        return SOURCE_DONE;
    o->value.base = strdup("of no use");
    azure_error_set(error, AZURE_UNAVAILABLE, "it is a conflict");
    return SOURCE_FAILED;
}

static unsigned freed;

static void on_free(struct source *s) {
    (void)s;
    freed++;
}

static const struct source_class scripted = {
    .max_body = 4096, .request = ask, .answer = take, .free = on_free};

/* Reads what stands here; NULL is a failure. */
static const char *content;

static bool look(struct source *s, struct source_outcome *o, struct azure_error *error) {
    (void)s;
    if (content)
        o->value.secrets[0] = secret_new(text_of(content));
    else
        azure_error_set(error, AZURE_UNUSABLE, "it cannot be read");
    return content;
}

static const struct source_class local = {.read = look};

static struct source *make_of(const struct source_class *class, const char *name) {
    bool made;
    struct source *s = source_get(&all, class, name, name, "scripted", &made);
    assert_non_null(s);
    assert_true(made);
    return s;
}

static struct source *make(const char *name) {
    return make_of(&scripted, name);
}

/* One with a bearer, which has its own name with "-bearer". */
static struct source *make_with_bearer(const char *name, struct source **bearer) {
    char other[64];
    (void)snprintf(other, sizeof other, "%s-bearer", name);
    struct source *s = make(name);
    *bearer = make(other);
    source_need(s, 0, *bearer);
    return s;
}

/* --- users ------------------------------------------------------------------------------------ */

struct user {
    struct source_use use;
    unsigned told;
    bool usable; /* when it was told last */
    struct user *unuses, *uses;
    bool fetches; /* when it is told first */
};

static void on_told(void *owner, struct source *s) {
    struct user *u = owner;
    u->told++;
    u->usable = source_usable(s);
    if (u->unuses)
        source_unuse(&u->unuses->use);
    if (u->uses && !u->uses->use.source)
        source_use(&u->uses->use, s, on_told, u->uses);
    if (u->fetches && u->told == 1)
        source_fetch(s, "told");
}

static void use(struct user *u, struct source *s) {
    *u = (struct user){.told = 0};
    list_init(&u->use.node);
    source_use(&u->use, s, on_told, u);
}

/* How often it was told since it was asked last. */
static unsigned told(struct user *u) {
    unsigned n = u->told;
    u->told = 0;
    return n;
}

static void assert_has(const struct source *s, const char *value) {
    if (!value) {
        assert_false(source_usable(s));
        return;
    }
    assert_true(source_usable(s));
    struct text t = secret_expose(source_secret(s));
    assert_true(text_equal(t, text_of(value)));
}

/* Until it comes, for ten minutes at most. */
static void await_call(const char *part) {
    for (int i = 0; i < 600 && !is_asked(part); i++)
        time_passes(SECONDS(1));
}

static int set_up(void **state) {
    freed = 0;
    content = NULL;
    if (fake_set_up(state) != 0)
        return -1;
    all = (struct sources){.loop = &loop, .config = &config};
    sources_init(&all);
    return 0;
}

static int tear_down(void **state) {
    sources_done(&all);
    return fake_tear_down(state);
}

/* --- one source ------------------------------------------------------------------------------- */

static void equal_keys_are_one_source(void **state) {
    (void)state;
    bool made;
    struct source *a = make("a"), *b = make("b");
    assert_ptr_not_equal(a, b);
    assert_ptr_equal(source_get(&all, &scripted, "a", "other", "kind", &made), a);
    assert_false(made);
    assert_string_equal(a->name, "a");
    assert_int_equal(all.count, 2);
}

/* Labels of metrics are names: two of a name would be one too many. */
static void different_sources_have_different_names(void **state) {
    (void)state;
    bool made;
    struct source *a = source_get(&all, &scripted, "1", "vault:h/n", "kind", &made);
    struct source *b = source_get(&all, &scripted, "2", "vault:h/n", "kind", &made);
    struct source *c = source_get(&all, &scripted, "3", "vault:h/n", "kind", &made);
    assert_string_equal(a->name, "vault:h/n");
    assert_string_equal(b->name, "vault:h/n#2");
    assert_string_equal(c->name, "vault:h/n#3");
}

static void one_that_could_not_be_set_up_is_forgotten(void **state) {
    (void)state;
    struct source *bearer, *s = make_with_bearer("half", &bearer);
    struct user u;
    use(&u, bearer);
    source_drop(s);
    assert_int_equal(all.count, 1);
    assert_int_equal(freed, 1);
    source_fetch(bearer, "start");
    answers("half-bearer", 200, "x"); /* tells only who is there */
    assert_int_equal(u.told, 1);
    (void)make("half");
}

static void one_attempt_at_a_time(void **state) {
    (void)state;
    struct source *s = make("s");
    struct user u;
    use(&u, s);
    source_fetch(s, "start");
    source_fetch(s, "start");
    assert_true(source_refused(s, "401"));
    assert_true(source_is_busy(s));
    assert_int_equal(calls_begun, 1);
    assert_has(s, NULL);
    answers("/s/", 200, "one 100 50");
    assert_int_equal(told(&u), 1);
    assert_true(u.usable);
    assert_false(source_is_busy(s));
    assert_has(s, "one");
    assert_int_equal(calls_begun, 1);
}

static void is_renewed_before_it_ends(void **state) {
    (void)state;
    struct source *s = make("s");
    struct user u;
    use(&u, s);
    source_fetch(s, "start");
    answers("/s/", 200, "one 100 50");
    time_passes(SECONDS(45) - 1);
    assert_int_equal(calls_open, 0);
    time_passes(SECONDS(5) + 1);
    assert_has(s, "one"); /* which serves until the other is there */
    told(&u);
    answers("/s/", 200, "two 100 50");
    assert_int_equal(told(&u), 1);
    assert_has(s, "two");
    assert_int_equal(logged("credential is new"), 2);
    assert_non_null(strstr(last_logged("credential is new"), "cause=timer"));
    assert_int_equal(s->refreshed, 2);
}

static void the_end_of_it_is_told(void **state) {
    (void)state;
    struct source *s = make("s");
    struct user u;
    use(&u, s);
    source_fetch(s, "start");
    answers("/s/", 200, "one 100 50");
    time_passes(SECONDS(50));
    assert_true(is_asked("/s/"));
    told(&u);
    time_passes(SECONDS(50) - 1);
    assert_int_equal(told(&u), 0);
    time_passes(1);
    assert_int_equal(told(&u), 1);
    assert_false(u.usable);
    answers("/s/", 200, "two");
    assert_has(s, "two");
}

static void a_wall_clock_that_jumps_changes_nothing(void **state) {
    (void)state;
    struct source *s = make("s");
    struct user u;
    use(&u, s);
    source_fetch(s, "start");
    answers("/s/", 200, "one 100 50");
    wall_clock_jumps(SECONDS(3600));
    time_passes(SECONDS(40));
    assert_int_equal(calls_open, 0);
    wall_clock_jumps(-SECONDS(7200));
    time_passes(SECONDS(10));
    assert_int_equal(calls_open, 1);
    answers("/s/", 200, "two");
}

static void a_failure_is_waited_out(void **state) {
    (void)state;
    struct source *s = make("s");
    struct user u;
    use(&u, s);
    source_fetch(s, "start");
    answers("/s/", 503, "");
    assert_int_equal(told(&u), 1);
    assert_true(s->failed);
    source_fetch(s, "start"); /* is no way around it */
    time_passes(RENEWAL_QUICK_MIN - 1);
    assert_int_equal(calls_begun, 1);
    time_passes(RENEWAL_QUICK_MAX);
    assert_int_equal(calls_begun, 2);
    is_unreachable("/s/");
    time_passes(SECONDS(1) - 1);
    assert_int_equal(calls_begun, 2);
    time_passes(SECONDS(1));
    assert_int_equal(calls_begun, 3);
    answers("/s/", 200, "one");
    assert_false(s->failed);
    assert_int_equal(s->failures, 2);
}

static void retry_after_is_obeyed(void **state) {
    (void)state;
    struct source *s = make("s");
    struct user u;
    struct azure_answer busy = {.status = 429, .body = TEXT(""), .retry_after_s = 20};
    use(&u, s);
    source_fetch(s, "start");
    answers_with("/s/", &busy);
    assert_false(source_refused(s, "401"));
    source_fetch(s, "start");
    source_retry(s, "rotate");
    time_passes(SECONDS(20) - 1);
    assert_int_equal(calls_begun, 1);
    time_passes(1);
    assert_int_equal(calls_begun, 2);
    answers("/s/", 200, "one");
}

static void somebody_who_knows_better_does_not_wait(void **state) {
    (void)state;
    struct source *s = make("s");
    struct user u;
    use(&u, s);
    source_fetch(s, "start");
    answers("/s/", 400, "");
    source_retry(s, "rotate");
    assert_int_equal(calls_begun, 2);
    answers("/s/", 200, "one");
    assert_non_null(strstr(last_logged("credential is new"), "cause=rotate"));
}

static void a_refusal_is_looked_into_every_30_s(void **state) {
    (void)state;
    struct source *s = make("s");
    struct user u;
    use(&u, s);
    source_fetch(s, "start");
    answers("/s/", 200, "one");
    assert_true(source_refused(s, "401"));
    answers("/s/", 200, "two");
    assert_non_null(strstr(last_logged("credential is new"), "cause=401"));
    assert_false(source_refused(s, "401"));
    assert_false(source_refused(s, "401"));
    time_passes(SECONDS(30) - 1);
    assert_int_equal(calls_begun, 2);
    time_passes(1);
    assert_int_equal(calls_begun, 3);
    answers("/s/", 200, "three");
    assert_non_null(strstr(last_logged("credential is new"), "cause=refused"));
    time_passes(SECONDS(3600));
    assert_int_equal(calls_begun, 3);
}

static void a_refusal_ends_a_back_off(void **state) {
    (void)state;
    struct source *s = make("s");
    struct user u;
    use(&u, s);
    source_fetch(s, "start");
    answers("/s/", 200, "one 1000 1");
    time_passes(SECONDS(1));
    answers("/s/", 400, "");
    assert_true(source_refused(s, "401"));
    assert_int_equal(calls_begun, 3);
    answers("/s/", 200, "two");
}

/* It was begun before the credential was refused, so it may bring what was there before that. */
static void what_was_on_its_way_when_it_was_refused_may_be_old(void **state) {
    (void)state;
    struct source *s = make("s");
    struct user u;
    use(&u, s);
    source_fetch(s, "start");
    answers("/s/", 200, "one 1000 100");
    time_passes(SECONDS(100));
    assert_true(source_refused(s, "401"));
    told(&u);
    answers("/s/", 200, "one 1000 100");
    assert_int_equal(told(&u), 1);
    assert_true(source_is_busy(s)); /* so that nobody takes it for looked into */
    answers("/s/", 200, "two 1000 100");
    assert_int_equal(told(&u), 1);
    assert_has(s, "two");
    assert_false(source_is_busy(s));
    /* One that is new is enough. */
    time_passes(SECONDS(100));
    assert_true(source_refused(s, "401"));
    answers("/s/", 200, "three 1000 100");
    assert_false(source_is_busy(s));
    assert_int_equal(calls_open, 0);
}

static void nobody_uses_it_nobody_fetches_it(void **state) {
    (void)state;
    struct source *s = make("s");
    struct user u, v;
    use(&u, s);
    use(&v, s);
    source_fetch(s, "start");
    answers("/s/", 200, "one 100 50");
    source_unuse(&u.use);
    source_unuse(&u.use); /* is fine */
    time_passes(SECONDS(50));
    answers("/s/", 200, "two 100 50");
    source_unuse(&v.use);
    time_passes(SECONDS(1000));
    assert_int_equal(calls_begun, 2);
    use(&u, s);
    turn();
    assert_int_equal(calls_begun, 3);
    told(&u);
    source_unuse(&u.use); /* what is on its way still counts */
    answers("/s/", 200, "three 100 50");
    assert_int_equal(u.told, 0);
    assert_has(s, "three");
    source_fetch(s, "start");
    answers("/s/", 503, "");
    time_passes(SECONDS(1000));
    assert_int_equal(calls_begun, 4);
}

/* Even where one of them changes who they are. */
static void every_user_is_told(void **state) {
    (void)state;
    struct source *s = make("s");
    struct user u[4], late;
    late = (struct user){.told = 0};
    list_init(&late.use.node);
    for (size_t i = 0; i < ARRAY_LEN(u); i++)
        use(&u[i], s);
    u[0].unuses = &u[1]; /* the next */
    u[2].unuses = &u[2]; /* itself */
    u[3].uses = &late;
    source_fetch(s, "start");
    answers("/s/", 200, "one");
    assert_int_equal(told(&u[0]), 1);
    assert_int_equal(told(&u[1]), 0);
    assert_int_equal(told(&u[2]), 1);
    assert_int_equal(told(&u[3]), 1);
    source_retry(s, "rotate");
    answers("/s/", 200, "two 100 50");
    assert_int_equal(told(&u[0]), 1);
    assert_int_equal(told(&u[2]), 0);
    assert_int_equal(told(&u[3]), 1);
    assert_int_equal(told(&late), 1);
    source_unuse(&u[0].use);
    u[3].unuses = &late;
    late.unuses = &u[3];
    u[3].uses = NULL;
    time_passes(SECONDS(50));
    answers("/s/", 503, "");
    assert_int_equal(told(&u[3]) + told(&late), 1);
}

/* A user that has it fetched on the spot is told in the middle of being told. */
static void telling_within_telling_leaves_nobody_out(void **state) {
    (void)state;
    struct source *s = make_of(&local, "s");
    struct user u[3];
    for (size_t i = 0; i < ARRAY_LEN(u); i++)
        use(&u[i], s);
    u[1].fetches = true;
    content = "one";
    source_fetch(s, "start");
    assert_int_equal(s->refreshed, 2);
    for (size_t i = 0; i < ARRAY_LEN(u); i++) {
        assert_true(u[i].told >= 1 && u[i].told <= 2);
        assert_true(u[i].usable);
    }
}

static void what_is_read_on_the_spot(void **state) {
    (void)state;
    struct source *s = make_of(&local, "s");
    struct user u;
    use(&u, s);
    source_fetch(s, "start");
    assert_int_equal(told(&u), 1);
    assert_int_equal(s->error.failure, AZURE_UNUSABLE);
    content = "one";
    source_retry(s, "file");
    assert_int_equal(told(&u), 1);
    assert_has(s, "one");
    assert_false(source_is_busy(s));
    /* A refusal has it read again; there is nothing to wait for. */
    assert_false(source_refused(s, "401"));
    assert_int_equal(told(&u), 1);
}

static void what_is_in_progress_is_given_up_in_the_end(void **state) {
    (void)state;
    struct source *bearer, *s = make_with_bearer("s", &bearer);
    struct user u;
    use(&u, s);
    source_fetch(s, "start");
    source_fetch(make("other"), "start");
    assert_int_equal(calls_open, 2);
    sources_done(&all);
    assert_int_equal(calls_cancelled, 2);
    assert_int_equal(u.told, 0);
    assert_int_equal(freed, 3);
}

static void memory_may_be_out(void **state) {
    (void)state;
    struct source *s = make("s");
    struct user u;
    use(&u, s);
    calls_fail = true;
    source_fetch(s, "start");
    assert_int_equal(told(&u), 1);
    assert_int_equal(s->error.failure, AZURE_NO_MEMORY);
    assert_false(source_is_busy(s));
    time_passes(SECONDS(2));
    answers("/s/", 200, "one");
    assert_has(s, "one");
}

static void a_request_that_cannot_be_written_is_a_failure(void **state) {
    (void)state;
    struct source *s = make("unready");
    struct user u;
    use(&u, s);
    source_fetch(s, "start");
    assert_int_equal(calls_begun, 0);
    assert_int_equal(told(&u), 1);
    assert_string_equal(s->error.message, "a file is missing");
}

/* Under a sanitizer this leaks if it is not so. */
static void what_comes_with_a_failure_is_dropped(void **state) {
    (void)state;
    struct source *s = make("s");
    source_fetch(s, "start");
    answers("/s/", 409, "one/two");
    assert_has(s, NULL);
    assert_true(s->failed);
}

static void a_call_leaves_time_for_another(void **state) {
    (void)state;
    struct source *s = make("s");
    struct user u;
    use(&u, s);
    source_fetch(s, "start");
    assert_true(timeout_of("/s/") == SECONDS(30));
    answers("/s/", 200, "one 100 80");
    time_passes(SECONDS(80));
    assert_true(timeout_of("/s/") == SECONDS(10));
    answers("/s/", 200, "one 2 1");
    time_passes(SECONDS(1));
    assert_true(timeout_of("/s/") == SECONDS(1));
    answers("/s/", 200, "one");
    source_retry(s, "rotate");
    assert_true(timeout_of("/s/") == SECONDS(30));
    answers("/s/", 200, "one");
}

static void a_command_tries_once(void **state) {
    (void)state;
    struct source *bearer, *s = make_with_bearer("s", &bearer);
    struct user u;
    all.once = true;
    use(&u, s);
    source_fetch(s, "start");
    answers("s-bearer", 503, "");
    assert_int_equal(told(&u), 1);
    assert_true(s->failed && bearer->failed);
    time_passes(SECONDS(3600));
    assert_int_equal(calls_begun, 1);
    source_retry(bearer, "command");
    answers("s-bearer", 200, "t 100 50");
    assert_int_equal(calls_begun, 2);
    time_passes(SECONDS(99));
    assert_int_equal(calls_begun, 2);
    time_passes(SECONDS(1));
    assert_has(bearer, NULL);
    assert_int_equal(calls_begun, 2);
}

/* --- what a source needs ---------------------------------------------------------------------- */

static void what_it_needs_comes_first(void **state) {
    (void)state;
    struct source *bearer, *s = make_with_bearer("s", &bearer);
    struct source *second = make("second");
    struct user u;
    source_need(s, 1, second);
    source_need(second, 0, bearer);
    use(&u, s);
    source_fetch(s, "start");
    assert_int_equal(calls_open, 1);
    assert_true(source_is_busy(s));
    answers("s-bearer", 200, "token");
    assert_non_null(strstr(asked("/second/"), "a=token"));
    assert_int_equal(calls_open, 1);
    answers("/second/", 200, "place");
    assert_non_null(strstr(asked("/s/"), "a=token&b=place"));
    answers("/s/", 200, "one");
    assert_int_equal(told(&u), 1);
    assert_has(s, "one");
}

static void without_what_it_needs_it_is_blocked(void **state) {
    (void)state;
    struct source *bearer, *s = make_with_bearer("s", &bearer);
    struct user u;
    use(&u, s);
    source_fetch(s, "start");
    answers("s-bearer", 400, "{\"error\": \"invalid_client\"}");
    assert_int_equal(told(&u), 1);
    assert_true(s->failed && s->blocked && !source_is_busy(s));
    assert_int_equal(s->error.failure, AZURE_REJECTED);
    assert_int_equal(s->failures, 0);
    source_fetch(s, "start"); /* is told at once */
    assert_int_equal(told(&u), 1);
    assert_int_equal(calls_begun, 1);
    assert_int_equal(logged("cannot be fetched"), 1); /* of the bearer */
    time_passes(SECONDS(2));
    answers("s-bearer", 200, "token");
    assert_true(is_asked("/s/")); /* at once */
    answers("/s/", 200, "one");
    assert_has(s, "one");
    assert_non_null(strstr(last_logged("name=s "), "cause=needed"));
}

static void what_runs_out_meanwhile_is_fetched_first(void **state) {
    (void)state;
    struct source *bearer, *s = make_with_bearer("s", &bearer);
    struct user u;
    use(&u, s);
    source_fetch(s, "start");
    answers("s-bearer", 200, "token 100");
    answers("/s/", 200, "one 400 200");
    time_passes(SECONDS(100));
    assert_int_equal(calls_open, 0); /* it has no refresh time */
    time_passes(SECONDS(100));
    answers("s-bearer", 200, "token2 100");
    assert_non_null(strstr(asked("/s/"), "a=token2"));
    answers("/s/", 200, "two 400 200");
}

/* Nobody wants it: what it needs is not fetched for it either. */
static void needs_of_what_nobody_uses_rest(void **state) {
    (void)state;
    struct source *bearer, *s = make_with_bearer("s", &bearer);
    struct user u;
    use(&u, s);
    source_fetch(s, "start");
    answers("s-bearer", 200, "token 100 50");
    answers("/s/", 200, "one");
    time_passes(SECONDS(50));
    answers("s-bearer", 200, "token2 100 50");
    source_unuse(&u.use);
    time_passes(SECONDS(1000));
    assert_int_equal(calls_begun, 3);
    use(&u, s);
    turn();
    answers("s-bearer", 200, "token3 100 50");
    source_unuse(&u.use);
    use(&u, bearer); /* by somebody else */
    time_passes(SECONDS(50));
    answers("s-bearer", 200, "token4 100 50");
}

static void a_401_renews_the_bearer_once(void **state) {
    (void)state;
    struct source *bearer, *s = make_with_bearer("s", &bearer);
    struct user u;
    use(&u, s);
    source_fetch(s, "start");
    answers("s-bearer", 200, "old");
    answers("/s/", 401, "");
    assert_int_equal(told(&u), 0);
    assert_true(source_is_busy(s));
    answers("s-bearer", 200, "new");
    assert_non_null(strstr(asked("/s/"), "a=new"));
    assert_non_null(strstr(last_logged("name=s-bearer"), "cause=refused"));
    answers("/s/", 401, "");
    assert_int_equal(told(&u), 1);
    assert_int_equal(s->error.failure, AZURE_UNAUTHORIZED);
    assert_int_equal(calls_begun, 4);
    /* The next attempt finds it renewed lately, and fails by itself. */
    time_passes(SECONDS(2));
    answers("/s/", 401, "");
    assert_int_equal(calls_begun, 5);
    assert_int_equal(calls_open, 0);
    /* When the time is over the bearer comes, and with it another try without waiting. */
    for (int i = 0; i < 30 && !is_asked("s-bearer"); i++) {
        time_passes(SECONDS(1));
        if (is_asked("/s/"))
            answers("/s/", 401, "");
    }
    answers("s-bearer", 200, "newer");
    assert_non_null(strstr(asked("/s/"), "a=newer"));
    answers("/s/", 200, "one");
}

static void without_a_new_bearer_the_old_one_is_tried(void **state) {
    (void)state;
    struct source *bearer, *s = make_with_bearer("s", &bearer);
    struct user u;
    use(&u, s);
    source_fetch(s, "start");
    answers("s-bearer", 200, "old");
    answers("/s/", 401, "");
    answers("s-bearer", 503, "");
    assert_non_null(strstr(asked("/s/"), "a=old"));
    answers("/s/", 200, "one");
    assert_int_equal(told(&u), 1);
    assert_has(s, "one");
}

static void a_bearer_renewed_on_the_spot(void **state) {
    (void)state;
    struct source *s = make("s"), *bearer = make_of(&local, "bearer");
    struct user u;
    source_need(s, 0, bearer);
    use(&u, s);
    content = "old";
    source_fetch(s, "start");
    content = "new";
    answers("/s/", 401, "");
    assert_non_null(strstr(asked("/s/"), "a=new"));
    answers("/s/", 401, "");
    assert_int_equal(told(&u), 1);
    assert_int_equal(s->failures, 1);
}

static void every_attempt_begins_with_the_first_step(void **state) {
    (void)state;
    struct source *bearer, *s = make_with_bearer("s", &bearer);
    struct user u;
    use(&u, s);
    source_fetch(s, "start");
    answers("s-bearer", 200, "old");
    answers("/s/0", 200, "again");
    assert_non_null(strstr(asked("/s/1"), "?note=n\n"));
    answers("/s/1", 401, "");
    answers("s-bearer", 200, "new");
    assert_null(strstr(asked("/s/0"), "note"));
    answers("/s/0", 200, "again");
    assert_non_null(strstr(asked("/s/1"), "?note=n\n"));
    answers("/s/1", 400, "");
    time_passes(SECONDS(2));
    assert_null(strstr(asked("/s/0"), "note"));
    answers("/s/0", 200, "one");
}

/* A client secret was wrong and is replaced. */
static void what_it_failed_with_is_replaced(void **state) {
    (void)state;
    struct source *s = make("s"), *secret = make_of(&local, "secret");
    struct user u;
    source_need(s, 1, secret);
    use(&u, s);
    content = "wrong";
    source_fetch(s, "start");
    for (int i = 0; i < 6; i++) {
        answers("/s/", 400, "");
        time_passes(SECONDS(60));
    }
    answers("/s/", 400, "");
    content = "right";
    source_retry(secret, "file");
    assert_non_null(strstr(asked("/s/"), "b=right"));
    answers("/s/", 200, "one");
    assert_non_null(strstr(last_logged("name=s "), "cause=changed"));
}

/* The same while a call with the wrong one is on its way. */
static void what_it_fails_with_was_replaced_meanwhile(void **state) {
    (void)state;
    struct source *s = make("s"), *secret = make_of(&local, "secret");
    struct user u;
    source_need(s, 1, secret);
    use(&u, s);
    content = "wrong";
    source_fetch(s, "start");
    for (int i = 0; i < 6; i++) {
        answers("/s/", 400, "");
        time_passes(SECONDS(60));
    }
    content = "right";
    source_retry(secret, "file");
    assert_non_null(strstr(asked("/s/"), "b=wrong"));
    answers("/s/", 400, "");
    assert_non_null(strstr(asked("/s/"), "b=right"));
    answers("/s/", 200, "one");
}

/* It failed with the bearer that is there: hearing of that again is no reason. */
static void what_it_failed_with_is_still_there(void **state) {
    (void)state;
    struct source *bearer, *s = make_with_bearer("s", &bearer);
    struct user u;
    use(&u, s);
    source_fetch(s, "start");
    time_passes(SECONDS(5));
    answers("s-bearer", 200, "token 1000 10");
    answers("/s/", 403, "");
    unsigned begun = calls_begun;
    source_retry(bearer, "rotate");
    answers("s-bearer", 503, "");
    assert_int_equal(calls_begun, begun + 1);
    assert_int_equal(calls_open, 0);
}

static void a_need_that_ends_while_it_is_fetched_is_waited_for(void **state) {
    (void)state;
    struct source *bearer, *s = make_with_bearer("s", &bearer);
    struct user u;
    use(&u, s);
    source_fetch(s, "start");
    answers("s-bearer", 200, "old 100 90");
    answers("/s/", 200, "one");
    time_passes(SECONDS(90));
    answers("s-bearer", 500, "");
    time_passes(SECONDS(5));
    assert_true(is_asked("s-bearer"));
    source_retry(s, "rotate");
    told(&u);
    answers("/s/", 401, ""); /* which waits for the one on its way */
    time_passes(SECONDS(10));
    assert_has(bearer, NULL);
    assert_int_equal(told(&u), 0);
    assert_true(source_is_busy(s));
    answers("s-bearer", 200, "new");
    answers("/s/", 200, "two");
    assert_int_equal(told(&u), 1);
    assert_int_equal(s->failures, 0);
}

/* --- the log ---------------------------------------------------------------------------------- */

static void each_change_is_one_line(void **state) {
    (void)state;
    struct source *s = make("s");
    struct user u;
    char print[SECRET_FINGERPRINT_SIZE], part[64];
    struct secret *second = secret_new(TEXT("k2"));
    use(&u, s);
    source_fetch(s, "start");
    answers("/s/", 200, "k1/k2 100 50");
    const char *line = last_logged("credential is new");
    (void)snprintf(part, sizeof part, " fingerprint=%s", s->fingerprint);
    assert_non_null(strstr(line, part));
    secret_fingerprint(second, print);
    secret_unref(&second);
    (void)snprintf(part, sizeof part, " secondary_fingerprint=%s", print);
    assert_non_null(strstr(line, part));
    assert_non_null(strstr(line, "name=s kind=scripted cause=start"));
    assert_non_null(strstr(line, "ends_in_s=100 renewed_in_s=4"));
    assert_null(strstr(line, "k1"));
    assert_null(strstr(line, "k2"));
    source_retry(s, "rotate");
    answers("/s/", 200, "k1/k2");
    assert_int_equal(logged(""), 1);
    source_retry(s, "rotate");
    answers("/s/", 200, "k1/k3");
    assert_int_equal(logged("credential is new"), 2);
    assert_null(strstr(last_logged("credential is new"), "_in_s"));
    source_retry(s, "rotate");
    answers("/s/", 200, "k1");
    assert_null(strstr(last_logged("credential is new"), "secondary"));
    assert_int_equal(logged(""), 3);
}

/* An hour without the service: a line at once, one for each other reason, and now and then. */
static void the_same_failure_is_not_told_all_the_time(void **state) {
    (void)state;
    struct source *s = make("s");
    struct user u;
    use(&u, s);
    source_fetch(s, "start");
    for (int i = 0; i < 3600; i++) {
        if (is_asked("/s/"))
            answers("/s/", 503, "");
        time_passes(SECONDS(1));
    }
    assert_true(s->failures > 250);
    assert_in_range(logged("cannot be fetched"), 11, 14);
    unsigned before = logged("cannot be fetched");
    await_call("/s/");
    answers("/s/", 429, "");
    assert_int_equal(logged("cannot be fetched"), before + 1);
    for (int i = 0; i < 3; i++) { /* with the number that its support asks for: once */
        await_call("/s/");
        answers("/s/", 429, "{\"error\": \"\", \"trace_id\": \"t\"}");
    }
    assert_int_equal(logged("cannot be fetched"), before + 2);
    await_call("/s/");
    answers("/s/", 200, "one 100 50");
    time_passes(SECONDS(50));
    answers("/s/", 429, ""); /* the first after a success */
    assert_int_equal(logged("cannot be fetched"), before + 3);
}

static void a_secret_is_in_no_error(void **state) {
    (void)state;
    struct source *s = make("s"), *bearer = make_of(&local, "bearer");
    source_need(s, 0, bearer);
    content = "ey.secret.token";
    source_fetch(s, "start");
    answers("/s/", 403, "{\"error\": {\"code\": \"x\", \"message\": \"a ey.secret.token b\"}}");
    assert_null(strstr(s->error.message, "secret"));
    assert_int_equal(logged("ey.secret"), 0);
}

int main(void) {
#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(equal_keys_are_one_source),
        T(different_sources_have_different_names),
        T(one_that_could_not_be_set_up_is_forgotten),
        T(one_attempt_at_a_time),
        T(is_renewed_before_it_ends),
        T(the_end_of_it_is_told),
        T(a_wall_clock_that_jumps_changes_nothing),
        T(a_failure_is_waited_out),
        T(retry_after_is_obeyed),
        T(somebody_who_knows_better_does_not_wait),
        T(a_refusal_is_looked_into_every_30_s),
        T(a_refusal_ends_a_back_off),
        T(what_was_on_its_way_when_it_was_refused_may_be_old),
        T(nobody_uses_it_nobody_fetches_it),
        T(every_user_is_told),
        T(telling_within_telling_leaves_nobody_out),
        T(what_is_read_on_the_spot),
        T(what_is_in_progress_is_given_up_in_the_end),
        T(memory_may_be_out),
        T(a_request_that_cannot_be_written_is_a_failure),
        T(what_comes_with_a_failure_is_dropped),
        T(a_call_leaves_time_for_another),
        T(a_command_tries_once),
        T(what_it_needs_comes_first),
        T(without_what_it_needs_it_is_blocked),
        T(what_runs_out_meanwhile_is_fetched_first),
        T(needs_of_what_nobody_uses_rest),
        T(a_401_renews_the_bearer_once),
        T(without_a_new_bearer_the_old_one_is_tried),
        T(a_bearer_renewed_on_the_spot),
        T(every_attempt_begins_with_the_first_step),
        T(what_it_failed_with_is_replaced),
        T(what_it_fails_with_was_replaced_meanwhile),
        T(what_it_failed_with_is_still_there),
        T(a_need_that_ends_while_it_is_fetched_is_waited_for),
        T(each_change_is_one_line),
        T(the_same_failure_is_not_told_all_the_time),
        T(a_secret_is_in_no_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
