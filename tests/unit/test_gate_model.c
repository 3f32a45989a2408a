/* SPDX-License-Identifier: MIT */
/* The gate held against a plain model of it, which looks at everything and remembers lines as
 * arrays: three workers, six callers and a control thread do anything in any order, and after each
 * step every ticket is where the model says, and every wake-up came. */
#include "policy/gate.h"

#include "base/macros.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define PORTS   3
#define CALLERS 6
#define LANES   3
#define TICKETS 48
#define NOBODY  TICKETS

/* --- the model -------------------------------------------------------------------------------- */

enum model_place { OUTSIDE, WAITING, GRANTED, INSIDE };

struct model_ticket {
    enum model_place place;
    unsigned port, caller, lane, preferred;
    uint32_t lanes;
    bool again;
};

/* Numbers in order. */
struct line {
    unsigned at[TICKETS + CALLERS], n;
};

static struct {
    struct gate_limits limits;
    unsigned lane_limits[LANES]; /* in effect; 0: none */
    struct model_ticket tickets[TICKETS];
    struct line turns, lines[CALLERS], granted[PORTS];
    bool woken[PORTS];
    unsigned wakes[PORTS], expected_wakes[PORTS];
} model;

static void insert(struct line *line, unsigned place, unsigned what) {
    memmove(&line->at[place + 1], &line->at[place], (line->n - place) * sizeof line->at[0]);
    line->at[place] = what;
    line->n++;
}

static void append(struct line *line, unsigned what) {
    insert(line, line->n, what);
}

static void drop(struct line *line, unsigned what) {
    unsigned place = 0;
    while (line->at[place] != what)
        assert_true(++place < line->n);
    line->n--;
    memmove(&line->at[place], &line->at[place + 1], (line->n - place) * sizeof line->at[0]);
}

static unsigned count(unsigned lane, enum model_place place) {
    unsigned n = 0;
    for (unsigned i = 0; i < TICKETS; i++)
        n += model.tickets[i].place == place && (lane == LANES || model.tickets[i].lane == lane);
    return n;
}

static unsigned inside(unsigned lane) {
    return count(lane, GRANTED) + count(lane, INSIDE);
}

static bool fits(unsigned lane) {
    return (!model.limits.total || inside(LANES) < model.limits.total) &&
           (!model.lane_limits[lane] || inside(lane) < model.lane_limits[lane]);
}

static double left(unsigned lane) {
    double limit = model.lane_limits[lane] ? model.lane_limits[lane] : UINT32_MAX;
    return (limit - inside(lane)) / limit;
}

/* Where a ticket may go now, or LANES. */
static unsigned lane_for(const struct model_ticket *t) {
    unsigned best = LANES;
    if (t->lanes & 1U << t->preferred && fits(t->preferred))
        return t->preferred;
    for (unsigned lane = 0; lane < LANES; lane++)
        if (t->lanes & 1U << lane && fits(lane) && (best == LANES || left(lane) > left(best)))
            best = lane;
    return best;
}

/* Behind the lines in front whose first was inside before. */
static unsigned end_of_again(void) {
    unsigned turn = 0;
    while (turn < model.turns.n && model.tickets[model.lines[model.turns.at[turn]].at[0]].again)
        turn++;
    return turn;
}

static void model_wait(unsigned i, unsigned place) {
    struct model_ticket *t = &model.tickets[i];
    struct line *line = &model.lines[t->caller];
    if (line->n == 0)
        insert(&model.turns, t->again ? end_of_again() : model.turns.n, t->caller);
    insert(line, place, i);
    t->place = WAITING;
}

static void model_unwait(unsigned i) {
    struct line *line = &model.lines[model.tickets[i].caller];
    drop(line, i);
    if (line->n == 0)
        drop(&model.turns, model.tickets[i].caller);
    model.tickets[i].place = OUTSIDE;
}

static unsigned model_next(void) {
    for (unsigned turn = 0; turn < model.turns.n; turn++) {
        const struct line *line = &model.lines[model.turns.at[turn]];
        for (unsigned k = 0; k < line->n; k++)
            if (lane_for(&model.tickets[line->at[k]]) < LANES)
                return line->at[k];
    }
    return NOBODY;
}

/* OWN: the port that is told by a return value, or PORTS. */
static void model_let_in(unsigned own) {
    for (unsigned i; (i = model_next()) != NOBODY;) {
        struct model_ticket *t = &model.tickets[i];
        unsigned lane = lane_for(t);
        model_unwait(i);
        if (model.lines[t->caller].n > 0) {
            drop(&model.turns, t->caller);
            append(&model.turns, t->caller);
        }
        t->lane = lane;
        t->place = GRANTED;
        append(&model.granted[t->port], i);
        if (t->port != own && !model.woken[t->port]) {
            model.woken[t->port] = true;
            model.expected_wakes[t->port]++;
        }
    }
}

static void model_leave(unsigned i) {
    struct model_ticket *t = &model.tickets[i];
    if (t->place == WAITING)
        model_unwait(i);
    if (t->place == GRANTED)
        drop(&model.granted[t->port], i);
    t->place = OUTSIDE;
    model_let_in(t->port);
}

/* --- the gate beside it ----------------------------------------------------------------------- */

static uint64_t seed;

static unsigned below(unsigned n) {
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (unsigned)((seed >> 20) % n);
}

static struct gate *gate;
static struct gate_port ports[PORTS];
static struct gate_ticket tickets[TICKETS];
static usec_t now;

static void on_wake(struct gate_port *port) {
    model.wakes[port - ports]++;
}

/* What is learnt is the gate's own to say (tests/unit/test_limit.c). */
static void hear_limits(void) {
    struct gate_figures f;
    gate_look(gate, now, &f);
    memcpy(model.lane_limits, f.lane_limits, sizeof model.lane_limits);
    for (unsigned lane = 0; lane < LANES; lane++) {
        const struct gate_lane_limit *limit = &model.limits.lanes[lane];
        if (!limit->learn)
            assert_int_equal(f.lane_limits[lane], limit->known);
        else if (limit->known)
            assert_in_range(f.lane_limits[lane], 1, limit->known);
    }
}

static void compare(void) {
    struct gate_figures f;
    gate_look(gate, now, &f);
    assert_int_equal(f.waiting, count(LANES, WAITING));
    assert_int_equal(f.inside, inside(LANES));
    for (unsigned lane = 0; lane < LANES; lane++)
        assert_int_equal(f.lane_inside[lane], inside(lane));
    for (unsigned p = 0; p < PORTS; p++)
        assert_int_equal(model.wakes[p], model.expected_wakes[p]);
    for (unsigned i = 0; i < TICKETS; i++) {
        const struct model_ticket *t = &model.tickets[i];
        static const enum gate_place places[] = {GATE_OUTSIDE, GATE_WAITING, GATE_WAITING,
                                                 GATE_INSIDE};
        assert_int_equal(tickets[i].place, places[t->place]);
        assert_int_equal(tickets[i].granted, t->place == GRANTED);
        if (t->place >= GRANTED)
            assert_int_equal(tickets[i].lane, t->lane);
        /* At rest with room nobody waits. */
        if (t->place == WAITING)
            assert_int_equal(lane_for(t), LANES);
    }
}

static uint32_t some_lanes(void) {
    return below(3) ? (1U << LANES) - 1 : 1 + below((1U << LANES) - 1);
}

static void do_enter(unsigned i) {
    struct model_ticket *t = &model.tickets[i];
    if (t->place != OUTSIDE)
        return;
    *t = (struct model_ticket){.port = below(PORTS),
                               .caller = below(2) ? 0 : below(CALLERS),
                               .lanes = some_lanes(),
                               .preferred = below(LANES),
                               .again = below(5) == 0};
    /* This inverse of what the gate multiplies by makes them meet in one chain of its table. */
    uint64_t caller = t->caller * 0xf1de83e19937733d;
    enum gate_place got =
        gate_enter(&ports[t->port], &tickets[i], caller, t->lanes, t->preferred, t->again, now);
    t->lane = lane_for(t);
    if (t->lane < LANES) {
        t->place = INSIDE;
        assert_int_equal(got, GATE_INSIDE);
    } else if (t->again || count(LANES, WAITING) < model.limits.queue) {
        const struct line *line = &model.lines[t->caller];
        unsigned place = t->again ? 0 : line->n;
        while (t->again && place < line->n && model.tickets[line->at[place]].again)
            place++;
        if (t->again && place == 0 && line->n > 0) {
            drop(&model.turns, t->caller);
            insert(&model.turns, end_of_again(), t->caller);
        }
        model_wait(i, place);
        assert_int_equal(got, GATE_WAITING);
    } else {
        assert_int_equal(got, GATE_FULL);
    }
}

static void do_leave(unsigned i) {
    struct model_ticket *t = &model.tickets[i];
    bool outside = t->place == OUTSIDE;
    bool told = gate_leave(&tickets[i], now);
    if (!outside)
        model_leave(i);
    assert_int_equal(told, !outside && model.granted[t->port].n > 0);
}

static void do_choose(unsigned i) {
    struct model_ticket *t = &model.tickets[i];
    if (t->place != WAITING && t->place != GRANTED)
        return;
    t->lanes = some_lanes();
    t->preferred = below(LANES);
    bool told = gate_choose(&tickets[i], t->lanes, t->preferred, now);
    if (t->place == GRANTED && !(t->lanes & 1U << t->lane)) {
        drop(&model.granted[t->port], i);
        model_wait(i, 0);
    }
    model_let_in(t->port);
    assert_int_equal(told, model.granted[t->port].n > 0);
}

static void do_take(unsigned p) {
    struct gate_ticket *t = gate_take(&ports[p], now);
    struct line *granted = &model.granted[p];
    if (granted->n == 0) {
        assert_null(t);
        model.woken[p] = false;
        return;
    }
    unsigned i = granted->at[0];
    assert_ptr_equal(t, &tickets[i]);
    drop(granted, i);
    model.tickets[i].place = INSIDE;
}

static void do_answer(unsigned i) {
    if (model.tickets[i].place != INSIDE)
        return;
    if (below(8))
        gate_served(&tickets[i]);
    else
        gate_refused(&tickets[i], now);
    hear_limits();
    model_let_in(PORTS);
}

static void do_limits(void) {
    struct gate_limits *limits = &model.limits;
    unsigned lane = below(LANES);
    limits->lanes[lane].known = below(6);
    if (below(2)) {
        gate_set_known(gate, lane, limits->lanes[lane].known);
    } else {
        limits->total = below(2) * below(12);
        limits->queue = below(TICKETS);
        limits->lanes[lane].learn = below(2);
        gate_set_limits(gate, limits);
    }
    hear_limits();
    model_let_in(PORTS);
}

static void step(void) {
    now += below(3);
    switch (below(10)) {
    case 0:
    case 1:
    case 2:
    case 3:
        do_enter(below(TICKETS));
        break;
    case 4:
        do_leave(below(TICKETS));
        break;
    case 5:
        do_choose(below(TICKETS));
        break;
    case 6:
    case 7:
        do_take(below(PORTS));
        break;
    case 8:
        do_answer(below(TICKETS));
        break;
    default:
        if (below(5) == 0)
            do_limits();
        break;
    }
    compare();
}

static void play(void) {
    memset(&model, 0, sizeof model);
    memset(tickets, 0, sizeof tickets);
    now = 1000 * USEC_PER_SEC;
    model.limits = (struct gate_limits){.total = below(2) * below(12), .queue = 20};
    model.limits.lane_count = LANES;
    for (unsigned lane = 0; lane < LANES; lane++)
        model.limits.lanes[lane] = (struct gate_lane_limit){below(6), below(2)};
    gate = gate_new(&model.limits);
    assert_non_null(gate);
    for (unsigned p = 0; p < PORTS; p++)
        gate_port_init(&ports[p], gate, on_wake);
    hear_limits();
    for (unsigned i = 0; i < 2000; i++)
        step();
    for (unsigned i = 0; i < TICKETS; i++) {
        do_leave(i);
        compare();
    }
    for (unsigned p = 0; p < PORTS; p++)
        gate_port_done(&ports[p]);
    gate_unref(&gate);
}

static void does_as_the_model(void **state) {
    (void)state;
    for (uint64_t i = 1; i <= 50; i++) {
        seed = i * 0x9e3779b97f4a7c15;
        play();
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(does_as_the_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
