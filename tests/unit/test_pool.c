/* SPDX-License-Identifier: MIT */
/* The pool between a fake dialer and fake connections, with time moved by hand. */
#include "upstream/pool.h"

#include <assert.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define IDLE_CONNECTIONS 2

struct conn {
    struct conn_book book;
    void (*ready)(void *owner);
    void *owner;
    dial_done *done; /* while it is dialled */
    void *context;
    ssize_t next; /* what conn_recv() says */
    bool pending, dead, closed, unfit;
};

struct waiter {
    struct pool_wait wait;
    struct conn *conn;
    enum reason why;
    unsigned told;
};

static usec_t fake_now = USEC_PER_SEC;
static struct loop loop;
static struct pool *pool;
static struct conn conns[16];
static int conn_count;

usec_t clock_monotonic(void) {
    return fake_now;
}

usec_t clock_wall(void) {
    return fake_now;
}

struct conn *dialer_dial(struct dialer *dialer, const struct origin *origin, dial_done *done,
                         void *context) {
    (void)dialer, (void)origin;
    assert(conn_count < 16);
    struct conn *c = &conns[conn_count++];
    *c = (struct conn){.done = done, .context = context};
    list_init(&c->book.node);
    return c;
}

void conn_close(struct conn **c) {
    if (*c)
        (*c)->closed = true;
    *c = NULL;
}

void conn_own(struct conn *c, void (*ready)(void *owner), void *owner) {
    c->ready = ready;
    c->owner = owner;
}

ssize_t conn_recv(struct conn *c, void *into, size_t n) {
    if (c->next > 0)
        memset(into, 'x', n);
    return c->next;
}

bool conn_may_read(const struct conn *c) {
    return c->next != CONN_AGAIN || c->pending;
}

bool conn_is_fit(struct conn *c) {
    return !c->dead && !c->unfit;
}

bool conn_is_dead(const struct conn *c) {
    return c->dead;
}

bool conn_has_pending(const struct conn *c) {
    return c->pending;
}

struct conn_book *conn_book(struct conn *c) {
    return &c->book;
}

struct conn *conn_of_book(struct conn_book *book) {
    return container_of(book, struct conn, book);
}

static int begin(void **state) {
    (void)state;
    static const struct origin nowhere;
    conn_count = 0;
    assert(loop_init(&loop));
    pool = pool_new(&loop, NULL, &nowhere, IDLE_CONNECTIONS);
    return pool ? 0 : -1;
}

static int end(void **state) {
    (void)state;
    pool_free(&pool);
    loop_done(&loop);
    return 0;
}

static void time_passes(usec_t duration) {
    fake_now += duration;
    assert(loop_turn(&loop, 0));
}

static void on_told(struct pool_wait *wait, struct conn *conn, enum reason why) {
    struct waiter *w = container_of(wait, struct waiter, wait);
    w->told++;
    w->conn = conn;
    w->why = why;
}

static void wait_for(struct waiter *w) {
    *w = (struct waiter){.wait.ready = on_told};
    list_init(&w->wait.node);
    assert_true(pool_wait(pool, &w->wait));
}

/* The Nth dial ends, from 0. */
static void dialled(int n) {
    conns[n].done(conns[n].context, &conns[n], REASON_NONE);
}

static void dial_fails(int n, enum reason why) {
    conns[n].done(conns[n].context, NULL, why);
}

/* A connection that was just dialled, and is in use. */
static struct conn *busy(void) {
    struct waiter w;
    wait_for(&w);
    dialled(conn_count - 1);
    assert_ptr_equal(w.conn, &conns[conn_count - 1]);
    return w.conn;
}

static void fresh_connection_is_of_no_age(void **state) {
    (void)state;
    struct conn *c = busy();
    assert_false(pool_reused(c));
    assert_int_equal(pool_idle_age(pool, c), 0);
    conn_close(&c);
}

static void connection_is_taken_again(void **state) {
    (void)state;
    struct conn *c = busy();
    pool_give(pool, c, true);
    time_passes(USEC_PER_SEC / 2);
    assert_ptr_equal(pool_take(pool, true), c);
    assert_true(pool_reused(c));
    assert_int_equal(pool_idle_age(pool, c), USEC_PER_SEC / 2);
    pool_give(pool, c, false);
    assert_true(conns[0].closed);
    assert_null(pool_take(pool, false));
}

static int idle_counted;

static void count_idle(void *context, int change) {
    assert_ptr_equal(context, &idle_counted);
    idle_counted += change;
}

/* The loop has not heard of the end of the one that goes out first. */
static void connection_that_ended_a_moment_ago_is_passed_over(void **state) {
    (void)state;
    struct conn *a = busy(), *b = busy();
    idle_counted = 0;
    pool_count_idle(pool, count_idle, &idle_counted);
    pool_give(pool, a, true);
    pool_give(pool, b, true);
    assert_int_equal(idle_counted, 2);
    b->unfit = true;
    assert_ptr_equal(pool_take(pool, true), a);
    assert_true(b->closed);
    assert_int_equal(idle_counted, 0);
    conn_close(&a);
}

static void most_recently_used_goes_first_and_the_surplus_goes(void **state) {
    (void)state;
    struct conn *a = busy(), *b = busy(), *c = busy();
    pool_give(pool, a, true);
    pool_give(pool, b, true);
    pool_give(pool, c, true);
    assert_true(a->closed);
    assert_ptr_equal(pool_take(pool, false), c);
    assert_ptr_equal(pool_take(pool, false), b);
    assert_null(pool_take(pool, false));
}

static void idle_age_does_not_count_from_an_earlier_time(void **state) {
    (void)state;
    struct conn *c = busy();
    pool_give(pool, c, true);
    time_passes(2 * USEC_PER_SEC);
    assert_ptr_equal(pool_take(pool, false), c);
    struct waiter w;
    wait_for(&w);
    pool_give(pool, c, true);
    assert_ptr_equal(w.conn, c);
    assert_true(pool_reused(c));
    assert_int_equal(pool_idle_age(pool, c), 0);
}

/* Who waited for it was served otherwise, so that it became idle without ever being used. */
static void unused_connection_is_doubted_when_it_is_old(void **state) {
    (void)state;
    struct conn *a = busy();
    struct waiter w;
    wait_for(&w);
    pool_give(pool, a, true);
    assert_ptr_equal(w.conn, a);
    dialled(1);
    time_passes(2 * USEC_PER_SEC);
    assert_null(pool_take(pool, true));
    assert_ptr_equal(pool_take(pool, false), &conns[1]);
    assert_true(pool_reused(&conns[1]));
    assert_int_equal(pool_idle_age(pool, &conns[1]), 2 * USEC_PER_SEC);
}

static void each_of_several_waiters_is_told(void **state) {
    (void)state;
    struct waiter a, b, c;
    wait_for(&a);
    wait_for(&b);
    wait_for(&c);
    assert_int_equal(conn_count, 3);
    pool_cancel(&b.wait);
    pool_cancel(&b.wait);
    dial_fails(0, REASON_connection_refused);
    assert_int_equal(a.told, 1);
    assert_null(a.conn);
    assert_int_equal(a.why, REASON_connection_refused);
    dialled(1);
    assert_ptr_equal(c.conn, &conns[1]);
    dialled(2); /* for whoever comes next */
    assert_int_equal(a.told + b.told + c.told, 2);
    assert_ptr_equal(pool_take(pool, true), &conns[2]);
}

static void who_comes_while_a_dial_is_to_spare_waits_for_it(void **state) {
    (void)state;
    struct waiter a, b;
    wait_for(&a);
    pool_cancel(&a.wait);
    wait_for(&b);
    assert_int_equal(conn_count, 1);
    dialled(0);
    assert_ptr_equal(b.conn, &conns[0]);
}

static void dials_are_given_up_with_the_pool(void **state) {
    (void)state;
    struct waiter a;
    wait_for(&a);
    pool_cancel(&a.wait);
    pool_free(&pool);
    assert_true(conns[0].closed);
}

static void idle_connection_that_ends_is_dropped(void **state) {
    (void)state;
    struct conn *c = busy();
    pool_give(pool, c, true);
    c->next = CONN_END;
    c->ready(c->owner);
    assert_true(c->closed);
    assert_null(pool_take(pool, false));
}

static void bytes_that_nobody_asked_for_end_it_and_tickets_do_not(void **state) {
    (void)state;
    struct conn *a = busy(), *b = busy();
    a->pending = true;
    pool_give(pool, a, true);
    assert_false(a->closed);
    a->ready(a->owner);
    assert_false(a->closed);
    a->next = 1;
    a->ready(a->owner);
    assert_true(a->closed);
    b->pending = true;
    b->next = 1;
    pool_give(pool, b, true);
    assert_true(b->closed);
}

static void idle_close_is_learnt(void **state) {
    (void)state;
    struct conn *a = busy(), *b = busy();
    pool_give(pool, a, true);
    time_passes(10 * USEC_PER_SEC);
    a->next = CONN_END;
    a->ready(a->owner);
    pool_give(pool, b, true);
    time_passes(4 * USEC_PER_SEC);
    assert_false(b->closed);
    time_passes(2 * USEC_PER_SEC);
    assert_null(pool_take(pool, false));
    assert_true(b->closed);
}

/* How long an idle connection is kept. */
static usec_t kept_for(void) {
    struct conn *c = busy();
    usec_t age = 0;
    pool_give(pool, c, true);
    for (; !c->closed; age += USEC_PER_MS * 20)
        time_passes(USEC_PER_MS * 20);
    conn_count = 0;
    return age;
}

static void what_was_learnt_from_a_restart_is_forgotten(void **state) {
    (void)state;
    usec_t before = kept_for();
    struct conn *c = busy();
    pool_give(pool, c, true);
    c->next = CONN_END;
    c->ready(c->owner);
    conn_count = 0;
    usec_t now = kept_for();
    assert_true(now < USEC_PER_SEC);
    for (int i = 0; i < 100 && now < before; i++) {
        usec_t next = kept_for();
        assert_in_range(next, now, now + now / 4 + 40 * USEC_PER_MS);
        now = next;
    }
    assert_int_equal(now, before);
}

static void retired_pool_keeps_nothing_warm(void **state) {
    (void)state;
    struct conn *first = busy(), *second = busy();
    pool_give(pool, first, true);
    pool_retire(pool);
    assert_true(first->closed);
    assert_false(second->closed);
    pool_give(pool, second, true);
    assert_true(second->closed);
    assert_null(pool_take(pool, false));
    struct waiter w;
    wait_for(&w);
    pool_cancel(&w.wait);
    dialled(2);
    assert_true(conns[2].closed);
    wait_for(&w); /* who comes all the same is served */
    dialled(3);
    assert_ptr_equal(w.conn, &conns[3]);
    time_passes(100 * USEC_PER_SEC);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(fresh_connection_is_of_no_age),
        TEST(connection_is_taken_again),
        TEST(connection_that_ended_a_moment_ago_is_passed_over),
        TEST(most_recently_used_goes_first_and_the_surplus_goes),
        TEST(idle_age_does_not_count_from_an_earlier_time),
        TEST(unused_connection_is_doubted_when_it_is_old),
        TEST(each_of_several_waiters_is_told),
        TEST(who_comes_while_a_dial_is_to_spare_waits_for_it),
        TEST(dials_are_given_up_with_the_pool),
        TEST(idle_connection_that_ends_is_dropped),
        TEST(bytes_that_nobody_asked_for_end_it_and_tickets_do_not),
        TEST(idle_close_is_learnt),
        TEST(what_was_learnt_from_a_restart_is_forgotten),
        TEST(retired_pool_keeps_nothing_warm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
