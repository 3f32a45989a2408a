/* SPDX-License-Identifier: MIT */
/* The loop: timers in order, moved and cleared; watches that forget; messages between threads. */
#include "sys/loop.h"

#include "sys/mailbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static usec_t now = 1000;

usec_t clock_monotonic(void) {
    return now;
}

static struct loop loop;

static int set_up(void **state) {
    (void)state;
    return loop_init(&loop) ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    loop_done(&loop);
    return 0;
}

struct alarm {
    struct timer timer;
    usec_t fired_at;
    unsigned fired;
};

static void on_alarm(struct timer *timer, usec_t at) {
    struct alarm *a = container_of(timer, struct alarm, timer);
    a->fired++;
    a->fired_at = at;
}

static void pass(usec_t duration) {
    now += duration;
    assert_true(loop_turn(&loop, 0));
}

static void timers_fire_when_due(void **state) {
    (void)state;
    struct alarm a[200];
    srand(7);
    for (size_t i = 0; i < 200; i++) {
        a[i] = (struct alarm){.fired = 0};
        assert_true(timer_init(&loop, &a[i].timer, on_alarm));
        timer_set(&loop, &a[i].timer, now + 1 + rand() % 1000);
    }
    usec_t begin = now;
    for (int step = 0; step < 1001; step++) {
        pass(1);
        for (size_t i = 0; i < 200; i++)
            if (a[i].fired)
                assert_true(a[i].fired == 1 && a[i].fired_at <= now);
    }
    assert_true(now - begin == 1001);
    for (size_t i = 0; i < 200; i++) {
        assert_int_equal(a[i].fired, 1);
        timer_done(&loop, &a[i].timer);
    }
    assert_int_equal(loop.timer_count, 0);
}

static void timers_move_both_ways(void **state) {
    (void)state;
    struct alarm a = {.fired = 0}, b = {.fired = 0};
    assert_true(timer_init(&loop, &a.timer, on_alarm));
    assert_true(timer_init(&loop, &b.timer, on_alarm));
    timer_set(&loop, &a.timer, now + 100);
    timer_set(&loop, &a.timer, now + 300); /* later: a store */
    timer_set(&loop, &b.timer, now + 500);
    timer_set(&loop, &b.timer, now + 50); /* earlier */
    pass(60);
    assert_int_equal(b.fired, 1);
    pass(60);
    assert_int_equal(a.fired, 0);
    pass(180);
    assert_int_equal(a.fired, 1);
    timer_done(&loop, &a.timer);
    timer_done(&loop, &b.timer);
}

static void cleared_timers_do_not_fire(void **state) {
    (void)state;
    struct alarm a = {.fired = 0};
    assert_true(timer_init(&loop, &a.timer, on_alarm));
    timer_set(&loop, &a.timer, now + 100);
    timer_clear(&a.timer);
    pass(200);
    assert_int_equal(a.fired, 0);
    assert_int_equal(loop.timer_count, 0);
    timer_set(&loop, &a.timer, now + 100);
    pass(100);
    assert_int_equal(a.fired, 1);
    timer_done(&loop, &a.timer);
}

static void on_eager_alarm(struct timer *timer, usec_t at) {
    on_alarm(timer, at);
    timer_set(&loop, timer, at - 1);
}

static void timer_set_into_the_past_fires_once_a_turn(void **state) {
    (void)state;
    struct alarm a = {.fired = 0};
    assert_true(timer_init(&loop, &a.timer, on_eager_alarm));
    timer_set(&loop, &a.timer, now + 1);
    pass(1);
    assert_int_equal(a.fired, 1);
    pass(0);
    assert_int_equal(a.fired, 2);
    timer_done(&loop, &a.timer);
}

static struct watch *others[2];
static unsigned heard;

static void removes_the_other(struct watch *w, uint32_t events) {
    (void)events;
    heard++;
    loop_unwatch(&loop, w == others[0] ? others[1] : others[0]);
}

static void removed_watch_is_not_called_in_the_same_batch(void **state) {
    (void)state;
    int pipes[2][2];
    struct watch watches[2];
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pipe(pipes[i]), 0);
        assert_int_equal(write(pipes[i][1], "x", 1), 1);
        watches[i] = (struct watch){.fd = pipes[i][0], .ready = removes_the_other};
        others[i] = &watches[i];
        assert_true(loop_watch(&loop, &watches[i], EPOLLIN));
    }
    heard = 0;
    pass(1); /* both are ready */
    assert_int_equal(heard, 1);
    for (int i = 0; i < 2; i++) {
        loop_unwatch(&loop, &watches[i]);
        close(pipes[i][0]);
        close(pipes[i][1]);
    }
}

static unsigned received[4];

static void receive(void *context, struct message *m) {
    (void)context;
    received[m->kind]++;
    free(m);
}

static void *post_many(void *context) {
    for (int i = 0; i < 1000; i++) {
        struct message *m = malloc(sizeof *m);
        if (!m)
            abort();
        *m = (struct message){.kind = (unsigned)i % 4};
        mailbox_post(context, m);
    }
    return NULL;
}

static void every_message_arrives(void **state) {
    (void)state;
    struct mailbox box;
    pthread_t threads[4];
    assert_true(mailbox_init(&box, &loop, receive, NULL));
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, post_many, &box), 0);
    while (received[0] + received[1] + received[2] + received[3] < 4000)
        assert_true(loop_turn(&loop, USEC_NEVER));
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(received[i], 1000);
    }
    mailbox_done(&box);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(timers_fire_when_due),
        TEST(timers_move_both_ways),
        TEST(cleared_timers_do_not_fire),
        TEST(timer_set_into_the_past_fires_once_a_turn),
        TEST(removed_watch_is_not_called_in_the_same_batch),
        TEST(every_message_arrives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
