/* SPDX-License-Identifier: MIT */
/* The gate of a route, rule by rule; test_gate_model plays at random, test_gate_threads in threads.
 */
#include "policy/gate.h"

#include "base/macros.h"
#include "policy/limit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define NOW  (1000 * USEC_PER_SEC)
#define MANY 1000

enum { ANN, BOB, EVE };

static struct gate *gate;
/* Two workers. */
static struct {
    struct gate_port port;
    unsigned wakes;
} here, there;
static struct gate_ticket tickets[MANY + 10];

static void on_wake(struct gate_port *port) {
    if (port == &here.port)
        here.wakes++;
    else
        there.wakes++;
}

static void begin(const struct gate_limits *limits) {
    gate = gate_new(limits);
    assert_non_null(gate);
    gate_port_init(&here.port, gate, on_wake);
    gate_port_init(&there.port, gate, on_wake);
    here.wakes = there.wakes = 0;
    memset(tickets, 0, sizeof tickets);
}

static void end(void) {
    struct gate_figures f;
    for (size_t i = 0; i < ARRAY_LEN(tickets); i++)
        gate_leave(&tickets[i], NOW);
    gate_look(gate, NOW, &f);
    assert_int_equal(f.inside, 0);
    assert_int_equal(f.waiting, 0);
    gate_port_done(&here.port);
    gate_port_done(&there.port);
    gate_unref(&gate);
    assert_null(gate);
}

/* A gate with one lane that takes KNOWN. */
static void begin_one(unsigned known) {
    begin(&(struct gate_limits){.queue = MANY, .lane_count = 1, .lanes = {{.known = known}}});
}

static enum gate_place enter(unsigned i, uint64_t caller) {
    return gate_enter(&here.port, &tickets[i], caller, 1, 0, false, NOW);
}

static enum gate_place enter_lanes(unsigned i, uint64_t caller, uint32_t lanes,
                                   unsigned preferred) {
    return gate_enter(&here.port, &tickets[i], caller, lanes, preferred, false, NOW);
}

static enum gate_place enter_there(unsigned i, uint64_t caller) {
    return gate_enter(&there.port, &tickets[i], caller, 1, 0, false, NOW);
}

static enum gate_place again(unsigned i, uint64_t caller) {
    return gate_enter(&here.port, &tickets[i], caller, 1, 0, true, NOW);
}

static struct gate_figures look(void) {
    struct gate_figures f;
    gate_look(gate, NOW, &f);
    return f;
}

/* The ticket that is taken next at PORT, or -1. */
static int taken(struct gate_port *port) {
    struct gate_ticket *t = gate_take(port, NOW + 5);
    if (!t)
        return -1;
    assert_int_equal(t->place, GATE_INSIDE);
    assert_int_equal(t->since, NOW + 5);
    return (int)(t - tickets);
}

/* Leaves, and says who has the place now. */
static int leave(unsigned i) {
    bool granted = gate_leave(&tickets[i], NOW);
    assert_int_equal(tickets[i].place, GATE_OUTSIDE);
    int next = taken(&here.port);
    assert_int_equal(granted, next >= 0);
    if (next >= 0)
        assert_int_equal(taken(&here.port), -1);
    return next;
}

/* --- places ----------------------------------------------------------------------------------- */

static void as_many_as_the_limit(void **state) {
    (void)state;
    begin_one(3);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(enter(i, ANN), GATE_INSIDE);
        assert_int_equal(tickets[i].lane, 0);
        assert_int_equal(tickets[i].since, NOW);
    }
    assert_int_equal(enter(3, ANN), GATE_WAITING);
    assert_int_equal(tickets[3].place, GATE_WAITING);
    assert_int_equal(look().inside, 3);
    assert_int_equal(look().waiting, 1);
    assert_int_equal(leave(1), 3);
    assert_int_equal(leave(0), -1);
    assert_int_equal(look().inside, 2);
    assert_int_equal(look().waiting, 0);
    end();
}

static void no_limit_is_none(void **state) {
    (void)state;
    begin_one(0);
    for (unsigned i = 0; i < MANY; i++)
        assert_int_equal(enter(i, ANN), GATE_INSIDE);
    assert_int_equal(look().limit, 0);
    assert_int_equal(look().lane_limits[0], 0);
    assert_int_equal(look().expected_wait, 0);
    end();
}

static void total_is_over_all_lanes(void **state) {
    (void)state;
    begin(&(struct gate_limits){
        .total = 3, .queue = MANY, .lane_count = 2, .lanes = {{.known = 2}, {.known = 9}}});
    assert_int_equal(look().limit, 3);
    assert_int_equal(enter_lanes(0, ANN, 1, 0), GATE_INSIDE);
    assert_int_equal(enter_lanes(1, ANN, 1, 0), GATE_INSIDE);
    assert_int_equal(enter_lanes(2, ANN, 1, 0), GATE_WAITING);
    assert_int_equal(enter_lanes(3, ANN, 2, 1), GATE_INSIDE);
    assert_int_equal(enter_lanes(4, ANN, 2, 1), GATE_WAITING);
    /* A place of the other lane is none for the first in line, but one of the total. */
    assert_int_equal(leave(3), 4);
    assert_int_equal(leave(0), 2);
    assert_int_equal(look().lane_inside[0], 2);
    assert_int_equal(look().lane_inside[1], 1);
    end();
}

static void limit_in_effect(void **state) {
    (void)state;
    begin(&(struct gate_limits){
        .total = 9, .queue = 1, .lane_count = 2, .lanes = {{.known = 2}, {.known = 3}}});
    assert_int_equal(look().limit, 5);
    gate_set_known(gate, 1, 0);
    assert_int_equal(look().limit, 9);
    gate_set_limits(gate, &(struct gate_limits){.lane_count = 2, .lanes = {{.known = 2}}});
    assert_int_equal(look().limit, 0);
    assert_int_equal(look().lane_limits[0], 2);
    assert_int_equal(look().lane_limits[1], 0);
    end();
}

static void preferred_lane_else_where_most_is_left(void **state) {
    (void)state;
    begin(&(struct gate_limits){
        .queue = MANY, .lane_count = 3, .lanes = {{.known = 1}, {.known = 4}, {.known = 10}}});
    assert_int_equal(enter_lanes(0, ANN, 7, 0), GATE_INSIDE);
    assert_int_equal(tickets[0].lane, 0);
    /* Full: 4 of 4 and 10 of 10 are left; then 3 of 4, and so on. */
    static const unsigned lanes[] = {1, 2, 2, 2, 1, 2, 2, 1, 2, 2, 2, 1, 2, 2};
    for (unsigned i = 0; i < ARRAY_LEN(lanes); i++) {
        assert_int_equal(enter_lanes(1 + i, ANN, 7, 0), GATE_INSIDE);
        assert_int_equal(tickets[1 + i].lane, lanes[i]);
    }
    assert_int_equal(enter_lanes(20, ANN, 7, 0), GATE_WAITING);
    /* Only of the set, and none is as good as its number. */
    gate_leave(&tickets[0], NOW);
    assert_int_equal(taken(&here.port), 20);
    assert_int_equal(tickets[20].lane, 0);
    gate_leave(&tickets[20], NOW);
    assert_int_equal(enter_lanes(21, ANN, 6, 1), GATE_WAITING);
    gate_set_known(gate, 0, 0);
    assert_int_equal(taken(&here.port), -1);
    end();
}

static void most_is_left_where_no_limit_is(void **state) {
    (void)state;
    begin(&(struct gate_limits){.queue = MANY, .lane_count = 3, .lanes = {{.known = 1}}});
    for (unsigned i = 0; i < 9; i++)
        assert_int_equal(enter_lanes(i, ANN, 7, 0), GATE_INSIDE);
    for (unsigned lane = 1; lane <= 2; lane++)
        assert_int_equal(look().lane_inside[lane], 4);
    end();
}

/* --- turns ------------------------------------------------------------------------------------ */

static void first_come_first_served(void **state) {
    (void)state;
    begin_one(2);
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(enter(i, ANN), i < 2 ? GATE_INSIDE : GATE_WAITING);
    for (unsigned i = 0; i < 98; i++)
        assert_int_equal(leave(i), (int)i + 2);
    assert_int_equal(leave(98), -1);
    end();
}

static void callers_take_turns(void **state) {
    (void)state;
    begin_one(1);
    enter(0, ANN);
    for (unsigned i = 1; i <= 3; i++)
        enter(i, ANN);
    enter(4, BOB);
    enter(5, EVE);
    enter(6, EVE);
    enter(7, BOB);
    static const int order[] = {0, 1, 4, 5, 2, 7, 6, 3, -1};
    for (unsigned i = 0; order[i] >= 0; i++)
        assert_int_equal(leave((unsigned)order[i]), order[i + 1]);
    end();
}

static void thousand_do_not_starve_one(void **state) {
    (void)state;
    for (unsigned limit = 1; limit <= 3; limit++) {
        begin_one(limit);
        for (unsigned i = 0; i < MANY; i++)
            enter(i, ANN);
        assert_int_equal(enter(MANY, BOB), GATE_WAITING);
        unsigned departures = 0;
        for (int next = -1; next != MANY; departures++)
            next = leave(departures);
        assert_true(departures <= 2);
        end();
    }
}

static void thousand_do_not_starve_one_in_lanes(void **state) {
    (void)state;
    begin(&(struct gate_limits){
        .queue = MANY, .lane_count = 2, .lanes = {{.known = 2}, {.known = 2}}});
    for (unsigned i = 0; i < MANY; i++)
        enter_lanes(i, ANN, 1 + i % 3, i % 3 == 1);
    assert_int_equal(enter_lanes(MANY, BOB, 2, 1), GATE_WAITING);
    /* Departures from the first lane are nothing to him; the second of the other lane is. */
    unsigned departures[2] = {0, 0};
    for (unsigned i = 0; tickets[MANY].place != GATE_INSIDE; i++) {
        assert_int_equal(tickets[i].place, GATE_INSIDE);
        departures[tickets[i].lane]++;
        leave(i);
    }
    assert_in_range(departures[1], 1, 2);
    end();
}

static void nobody_overtakes(void **state) {
    (void)state;
    begin_one(1);
    enter(0, ANN);
    enter_there(1, ANN);
    gate_leave(&tickets[0], NOW);
    /* The place is the other's, though its worker has not heard yet. */
    assert_int_equal(enter(2, BOB), GATE_WAITING);
    assert_int_equal(tickets[1].place, GATE_WAITING);
    assert_int_equal(taken(&there.port), 1);
    assert_false(gate_leave(&tickets[1], NOW));
    assert_int_equal(taken(&here.port), 2);
    end();
}

static void those_for_another_lane_are_passed_over(void **state) {
    (void)state;
    begin(&(struct gate_limits){
        .queue = MANY, .lane_count = 2, .lanes = {{.known = 1}, {.known = 1}}});
    enter_lanes(0, ANN, 1, 0);
    for (unsigned i = 1; i < 50; i++)
        assert_int_equal(enter_lanes(i, i % 3, 1, 0), GATE_WAITING);
    /* Room that none of them can use. */
    assert_int_equal(enter_lanes(50, ANN, 2, 1), GATE_INSIDE);
    assert_int_equal(enter_lanes(51, ANN, 3, 1), GATE_WAITING);
    assert_int_equal(leave(50), 51);
    assert_int_equal(tickets[51].lane, 1);
    assert_int_equal(leave(51), -1);
    assert_int_equal(enter_lanes(52, BOB, 3, 0), GATE_INSIDE);
    assert_int_equal(tickets[52].lane, 1);
    assert_int_equal(leave(0), 1);
    end();
}

static void again_goes_first(void **state) {
    (void)state;
    begin(&(struct gate_limits){.queue = 3, .lane_count = 1, .lanes = {{.known = 1}}});
    enter(0, BOB);
    enter(1, ANN);
    enter(2, EVE);
    enter(3, ANN);
    assert_int_equal(enter(4, ANN), GATE_FULL);
    assert_int_equal(tickets[4].place, GATE_OUTSIDE);
    /* Full for them, too, but they were inside before; in the order in which they come. */
    assert_int_equal(again(5, ANN), GATE_WAITING);
    assert_int_equal(again(6, ANN), GATE_WAITING);
    assert_int_equal(again(7, ANN), GATE_WAITING);
    assert_int_equal(again(8, BOB), GATE_WAITING);
    assert_int_equal(look().waiting, 7);
    static const int order[] = {0, 5, 8, 2, 6, 7, 1, 3, -1};
    for (unsigned i = 0; order[i] >= 0; i++)
        assert_int_equal(leave((unsigned)order[i]), order[i + 1]);
    assert_int_equal(again(9, ANN), GATE_INSIDE);
    end();
}

static void full_queue(void **state) {
    (void)state;
    begin(&(struct gate_limits){.queue = 0, .lane_count = 1, .lanes = {{.known = 1}}});
    assert_int_equal(enter(0, ANN), GATE_INSIDE);
    assert_int_equal(enter(1, ANN), GATE_FULL);
    assert_false(gate_leave(&tickets[1], NOW));
    assert_int_equal(look().inside, 1);
    gate_set_limits(gate,
                    &(struct gate_limits){.queue = 1, .lane_count = 1, .lanes = {{.known = 1}}});
    assert_int_equal(enter(1, ANN), GATE_WAITING);
    assert_int_equal(enter(2, ANN), GATE_FULL);
    end();
}

/* --- leaving ---------------------------------------------------------------------------------- */

static void leaves_from_wherever_it_is(void **state) {
    (void)state;
    begin_one(1);
    for (unsigned i = 0; i < 7; i++)
        enter(i, ANN);
    enter(7, BOB);
    assert_int_equal(leave(8), -1); /* never entered */
    assert_int_equal(leave(3), -1); /* from within the line */
    assert_int_equal(leave(1), -1); /* the first of it: the next has its turn */
    assert_int_equal(leave(6), -1); /* the last */
    assert_int_equal(look().waiting, 4);
    static const int order[] = {0, 2, 7, 4, 5, -1};
    for (unsigned i = 0; order[i] >= 0; i++)
        assert_int_equal(leave((unsigned)order[i]), order[i + 1]);
    assert_int_equal(leave(0), -1); /* twice */
    end();
}

static void granted_place_is_passed_on(void **state) {
    (void)state;
    begin_one(1);
    enter(0, ANN);
    for (unsigned i = 1; i <= 3; i++)
        enter_there(i, ANN);
    enter(4, ANN);
    assert_int_equal(leave(0), -1);
    assert_int_equal(there.wakes, 1);
    assert_true(gate_leave(&tickets[1], NOW)); /* passed on within its port */
    assert_true(gate_leave(&tickets[3], NOW)); /* still not taken */
    assert_int_equal(there.wakes, 1);
    assert_false(gate_leave(&tickets[2], NOW)); /* to the other one */
    assert_int_equal(here.wakes, 1);
    assert_int_equal(taken(&there.port), -1);
    assert_int_equal(taken(&here.port), 4);
    assert_int_equal(look().inside, 1);
    end();
}

static void woken_once_until_all_is_taken(void **state) {
    (void)state;
    begin_one(3);
    for (unsigned i = 0; i < 3; i++)
        enter(i, ANN);
    for (unsigned i = 3; i < 6; i++)
        enter_there(i, ANN);
    assert_int_equal(leave(0), -1);
    assert_int_equal(leave(1), -1);
    assert_int_equal(there.wakes, 1);
    assert_int_equal(taken(&there.port), 3);
    assert_int_equal(leave(2), -1);
    assert_int_equal(there.wakes, 1);
    assert_int_equal(taken(&there.port), 4);
    assert_int_equal(taken(&there.port), 5);
    assert_int_equal(taken(&there.port), -1);
    enter_there(6, ANN);
    gate_set_known(gate, 0, 4);
    assert_int_equal(there.wakes, 2);
    assert_int_equal(here.wakes, 0);
    end();
}

static void other_lanes_will_do(void **state) {
    (void)state;
    begin(&(struct gate_limits){
        .queue = MANY, .lane_count = 3, .lanes = {{.known = 1}, {.known = 1}, {.known = 1}}});
    enter_lanes(0, ANN, 1, 0);
    enter_lanes(1, ANN, 2, 1);
    for (unsigned i = 2; i < 5; i++)
        enter_lanes(i, ANN, 1, 0);
    assert_false(gate_choose(&tickets[3], 2, 1, NOW));
    assert_int_equal(leave(1), 3);
    assert_true(gate_choose(&tickets[4], 7, 2, NOW)); /* has room */
    assert_int_equal(taken(&here.port), 4);
    assert_int_equal(tickets[4].lane, 2);
    assert_int_equal(leave(0), 2);
    end();
}

static void granted_lane_will_not_do(void **state) {
    (void)state;
    begin(&(struct gate_limits){
        .queue = MANY, .lane_count = 2, .lanes = {{.known = 1}, {.known = 1}}});
    enter_lanes(0, ANN, 1, 0);
    enter_lanes(1, ANN, 2, 1);
    for (unsigned i = 2; i < 5; i++)
        enter_lanes(i, ANN, 3, 0);
    assert_true(gate_leave(&tickets[0], NOW));
    assert_true(gate_choose(&tickets[2], 1, 0, NOW)); /* still does */
    assert_true(gate_choose(&tickets[2], 2, 1, NOW)); /* does not: passed on */
    assert_int_equal(taken(&here.port), 3);
    assert_int_equal(taken(&here.port), -1);
    assert_int_equal(leave(1), 2); /* and is next */
    assert_int_equal(leave(3), 4);
    end();
}

/* --- changes of limits ------------------------------------------------------------------------ */

static void lowered_limit_lets_nobody_in_until_it_fits(void **state) {
    (void)state;
    begin_one(5);
    for (unsigned i = 0; i < 9; i++)
        enter(i, ANN);
    gate_set_known(gate, 0, 2);
    assert_int_equal(look().inside, 5);
    assert_int_equal(look().limit, 2);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(leave(i), -1);
    assert_int_equal(leave(3), 5);
    assert_int_equal(enter(0, BOB), GATE_WAITING);
    end();
}

static void raised_limit_lets_in_at_once(void **state) {
    (void)state;
    begin_one(1);
    for (unsigned i = 0; i < 6; i++)
        enter(i, ANN);
    for (unsigned i = 6; i < 9; i++)
        enter_there(i, BOB);
    gate_set_limits(gate,
                    &(struct gate_limits){.queue = 9, .lane_count = 1, .lanes = {{.known = 5}}});
    assert_int_equal(here.wakes, 1);
    assert_int_equal(there.wakes, 1);
    assert_int_equal(look().inside, 5);
    static const int order[] = {1, 2, -1};
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(taken(&here.port), order[i]);
    assert_int_equal(taken(&there.port), 6);
    assert_int_equal(taken(&there.port), 7);
    assert_int_equal(taken(&there.port), -1);
    gate_set_known(gate, 0, 0);
    assert_int_equal(look().waiting, 0);
    end();
}

static void learns_within_what_is_known(void **state) {
    (void)state;
    struct gate_limits limits = {.queue = MANY, .lane_count = 2, .lanes = {{.learn = true}}};
    begin(&limits);
    assert_int_equal(look().lane_limits[0], LIMIT_FIRST);
    for (unsigned i = 0; i < 40; i++)
        assert_int_equal(enter(i, ANN), i < LIMIT_FIRST ? GATE_INSIDE : GATE_WAITING);
    for (unsigned i = 0; i < LIMIT_FIRST; i++)
        gate_served(&tickets[i]);
    assert_int_equal(look().lane_limits[0], 2 * LIMIT_FIRST);
    assert_int_equal(look().inside, 2 * LIMIT_FIRST);
    assert_int_equal(here.wakes, 1);
    gate_refused(&tickets[0], NOW + 1);
    gate_refused(&tickets[1], NOW + 2); /* was on its way */
    assert_int_equal(look().lane_limits[0], 2 * LIMIT_FIRST * 4 / 5);
    gate_set_known(gate, 0, 20);
    assert_int_equal(look().lane_limits[0], 20);
    /* Kept by a change, forgotten when it is not wanted. */
    limits.lanes[0].known = 100;
    gate_set_limits(gate, &limits);
    assert_int_equal(look().lane_limits[0], 2 * LIMIT_FIRST * 4 / 5);
    limits.lanes[0].learn = false;
    gate_set_limits(gate, &limits);
    assert_int_equal(look().lane_limits[0], 100);
    gate_refused(&tickets[0], NOW + 9);
    assert_int_equal(look().lane_limits[0], 100);
    limits.lanes[0].learn = true;
    gate_set_limits(gate, &limits);
    assert_int_equal(look().lane_limits[0], LIMIT_FIRST);
    end();
}

/* --- how long --------------------------------------------------------------------------------- */

static usec_t expected(usec_t now) {
    struct gate_figures f;
    gate_look(gate, now, &f);
    return f.expected_wait;
}

static void before_anything_was_measured(void **state) {
    (void)state;
    begin_one(4);
    for (unsigned i = 0; i < 3; i++) {
        enter(i, ANN);
        assert_int_equal(expected(NOW), 0);
    }
    enter(3, ANN);
    assert_int_equal(expected(NOW), USEC_PER_SEC / 4);
    enter(4, ANN);
    enter(5, ANN);
    assert_int_equal(expected(NOW), 3 * USEC_PER_SEC / 4);
    /* Longer than the guess: so it is for each. */
    assert_int_equal(expected(NOW + 10 * USEC_PER_SEC), 30 * USEC_PER_SEC);
    assert_int_equal(expected(USEC_NEVER), 24 * 3600 * USEC_PER_SEC);
    end();
}

static enum gate_place enter_at(unsigned i, usec_t now) {
    return gate_enter(&here.port, &tickets[i], i % 7, 1, 0, false, now);
}

/* A thousand requests that take STAY each and begin together, PLACES at once, until half of them
 * are served. */
static void play_rounds(unsigned places, usec_t stay, usec_t *now) {
    begin_one(places);
    for (unsigned i = 0; i < MANY; i++)
        assert_int_equal(enter_at(i, *now), i < places ? GATE_INSIDE : GATE_WAITING);
    for (unsigned served = 0; served < MANY / 2;) {
        *now += stay;
        for (unsigned i = 0; i < MANY; i++)
            if (tickets[i].place == GATE_INSIDE && tickets[i].since < *now) {
                assert_true(gate_leave(&tickets[i], *now));
                assert_non_null(gate_take(&here.port, *now));
                served++;
            }
    }
}

static void measured(void **state) {
    (void)state;
    static const struct {
        unsigned places;
        usec_t stay;
    } rows[] = {{1, USEC_PER_SEC}, {4, 200 * USEC_PER_MS}, {20, 10 * USEC_PER_SEC}, {8, 50}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        usec_t now = NOW;
        play_rounds(rows[i].places, rows[i].stay, &now);
        double truth = (double)rows[i].stay / rows[i].places * (look().waiting + 1);
        double told = (double)expected(now);
        assert_true(told > truth * 0.6 && told < truth * 1.6);
        /* When nothing comes back any more, it tells. */
        assert_true(expected(now + 100 * rows[i].stay) > expected(now) * 2);
        end();
    }
}

static void waits_do_not_count_while_nobody_waits(void **state) {
    (void)state;
    usec_t now = NOW;
    begin_one(1);
    for (unsigned i = 0; i < 200; i++) {
        /* One waits for a millisecond, then there is nobody for an hour. */
        assert_int_equal(enter_at(0, now), GATE_INSIDE);
        assert_int_equal(enter_at(1, now), GATE_WAITING);
        now += USEC_PER_MS;
        assert_true(gate_leave(&tickets[0], now));
        assert_ptr_equal(gate_take(&here.port, now), &tickets[1]);
        assert_null(gate_take(&here.port, now));
        now += 3600 * USEC_PER_SEC;
        assert_in_range(expected(now), USEC_PER_MS - 1, USEC_PER_MS);
        assert_false(gate_leave(&tickets[1], now));
        assert_int_equal(expected(now), 0);
    }
    end();
}

static void refused_ones_take_the_queue_no_further(void **state) {
    (void)state;
    usec_t now = NOW;
    begin_one(1);
    for (unsigned i = 0; i < 300; i++)
        assert_int_equal(enter_at(i, now), i ? GATE_WAITING : GATE_INSIDE);
    /* Each is refused nine times, a millisecond after it was sent, before it is served. */
    for (unsigned i = 0; i < 200; i++) {
        unsigned in = 0;
        while (tickets[in].place != GATE_INSIDE)
            in++;
        for (unsigned times = 0; times < 9; times++) {
            struct gate_ticket *t;
            now += USEC_PER_MS;
            assert_true(gate_leave(&tickets[in], now));
            assert_int_equal(gate_enter(&here.port, &tickets[in], in % 7, 1, 0, true, now),
                             GATE_WAITING);
            while ((t = gate_take(&here.port, now)))
                in = (unsigned)(t - tickets);
        }
        now += USEC_PER_MS;
        assert_true(gate_leave(&tickets[in], now));
        assert_non_null(gate_take(&here.port, now));
    }
    /* A place in ten is a step. */
    usec_t truth = 10 * USEC_PER_MS * (look().waiting + 1);
    assert_in_range(expected(now), truth / 2, truth * 3 / 2);
    end();
}

/* --- lives ------------------------------------------------------------------------------------ */

static void port_holds_the_gate(void **state) {
    (void)state;
    begin_one(1);
    struct gate *second = gate_ref(gate);
    gate_unref(&second);
    assert_null(second);
    gate_unref(&second);
    struct gate *mine = gate;
    gate_unref(&gate);
    gate = mine;
    assert_int_equal(enter(0, ANN), GATE_INSIDE);
    assert_false(gate_leave(&tickets[0], NOW));
    gate_port_done(&there.port);
    gate_port_done(&here.port);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_many_as_the_limit),
        cmocka_unit_test(no_limit_is_none),
        cmocka_unit_test(total_is_over_all_lanes),
        cmocka_unit_test(limit_in_effect),
        cmocka_unit_test(preferred_lane_else_where_most_is_left),
        cmocka_unit_test(most_is_left_where_no_limit_is),
        cmocka_unit_test(first_come_first_served),
        cmocka_unit_test(callers_take_turns),
        cmocka_unit_test(thousand_do_not_starve_one),
        cmocka_unit_test(thousand_do_not_starve_one_in_lanes),
        cmocka_unit_test(nobody_overtakes),
        cmocka_unit_test(those_for_another_lane_are_passed_over),
        cmocka_unit_test(again_goes_first),
        cmocka_unit_test(full_queue),
        cmocka_unit_test(leaves_from_wherever_it_is),
        cmocka_unit_test(granted_place_is_passed_on),
        cmocka_unit_test(woken_once_until_all_is_taken),
        cmocka_unit_test(other_lanes_will_do),
        cmocka_unit_test(granted_lane_will_not_do),
        cmocka_unit_test(lowered_limit_lets_nobody_in_until_it_fits),
        cmocka_unit_test(raised_limit_lets_in_at_once),
        cmocka_unit_test(learns_within_what_is_known),
        cmocka_unit_test(before_anything_was_measured),
        cmocka_unit_test(measured),
        cmocka_unit_test(waits_do_not_count_while_nobody_waits),
        cmocka_unit_test(refused_ones_take_the_queue_no_further),
        cmocka_unit_test(port_holds_the_gate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
