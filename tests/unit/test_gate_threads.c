/* SPDX-License-Identifier: MIT */
/* The gate between threads: each has a port and tickets that enter, leave and give up at random,
 * while another thread changes limits. Never are more inside than may be, and every request gets
 * through. Meant for TSan as well. */
#include "policy/gate.h"

#include "base/macros.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#define WORKERS  4
#define TICKETS  12
#define REQUESTS 5000
#define LANES    2
/* Nobody waits that long: a wake-up was lost. */
#define DEADLINE_MS 60000

struct worker {
    struct gate_port port;
    pthread_t thread;
    int event;
    uint64_t seed;
    struct gate_ticket tickets[TICKETS];
    unsigned inside, waiting, begun, through;
};

static struct gate *gate;
static struct worker workers[WORKERS];
/* What no limit is above while it plays. */
static struct gate_limits most;
static atomic_uint lanes_inside[LANES], all_inside;
static atomic_uint too_many, lost, running;

static unsigned below(uint64_t *seed, unsigned n) {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return (unsigned)((*seed >> 20) % n);
}

static void on_wake(struct gate_port *port) {
    struct worker *w = container_of(port, struct worker, port);
    uint64_t one = 1;
    if (write(w->event, &one, sizeof one) < 0)
        atomic_fetch_add(&lost, 1);
}

static void let_in(struct worker *w, const struct gate_ticket *t) {
    w->inside++;
    if (atomic_fetch_add(&lanes_inside[t->lane], 1) >= most.lanes[t->lane].known ||
        atomic_fetch_add(&all_inside, 1) >= most.total)
        atomic_fetch_add(&too_many, 1);
}

static void take(struct worker *w) {
    struct gate_ticket *t;
    while ((t = gate_take(&w->port, clock_monotonic()))) {
        w->waiting--;
        let_in(w, t);
    }
}

static void enter(struct worker *w, struct gate_ticket *t) {
    uint32_t lanes = 1 + below(&w->seed, 3);
    enum gate_place place = gate_enter(&w->port, t, below(&w->seed, 3), lanes, lanes == 2,
                                       below(&w->seed, 8) == 0, clock_monotonic());
    if (place == GATE_FULL)
        return;
    w->begun++;
    if (place == GATE_INSIDE)
        let_in(w, t);
    else
        w->waiting++;
}

static void leave(struct worker *w, struct gate_ticket *t) {
    if (below(&w->seed, 20))
        gate_served(t);
    else
        gate_refused(t, clock_monotonic());
    w->inside--;
    w->through++;
    atomic_fetch_sub(&lanes_inside[t->lane], 1);
    atomic_fetch_sub(&all_inside, 1);
    if (gate_leave(t, clock_monotonic()))
        take(w);
}

/* Gives up, and will come another time; or chooses again; or goes on waiting. */
static void waver(struct worker *w, struct gate_ticket *t) {
    unsigned what = below(&w->seed, 16);
    bool granted = false;
    if (what == 0) {
        w->begun--;
        w->waiting--;
        granted = gate_leave(t, clock_monotonic());
    } else if (what == 1) {
        uint32_t lanes = 1 + below(&w->seed, 3);
        granted = gate_choose(t, lanes, lanes == 2, clock_monotonic());
    }
    if (granted)
        take(w);
}

static void act(struct worker *w) {
    struct gate_ticket *t = &w->tickets[below(&w->seed, TICKETS)];
    switch (t->place) {
    case GATE_OUTSIDE:
        if (w->begun < REQUESTS)
            enter(w, t);
        break;
    case GATE_WAITING:
        waver(w, t);
        break;
    default:
        leave(w, t);
        break;
    }
}

/* Until another thread has granted something. False: nobody did. */
static bool sleep_until_woken(struct worker *w) {
    uint64_t count;
    if (poll(&(struct pollfd){.fd = w->event, .events = POLLIN}, 1, DEADLINE_MS) != 1 ||
        read(w->event, &count, sizeof count) < 0) {
        atomic_fetch_add(&lost, 1);
        return false;
    }
    take(w);
    return true;
}

static void *work(void *context) {
    struct worker *w = context;
    while (w->through < REQUESTS) {
        bool waits = w->inside == 0 && (w->waiting == TICKETS || w->begun == REQUESTS);
        if (waits && !sleep_until_woken(w))
            break;
        act(w);
    }
    atomic_fetch_sub(&running, 1);
    return NULL;
}

/* The control thread: limits come and go, none above the most. */
static void change_limits(void) {
    uint64_t seed = 0x9e3779b97f4a7c15;
    while (atomic_load(&running) > 0) {
        struct gate_limits limits = most;
        struct gate_figures f;
        unsigned lane = below(&seed, LANES);
        limits.total = 1 + below(&seed, most.total);
        for (unsigned i = 0; i < LANES; i++)
            limits.lanes[i].known = 1 + below(&seed, most.lanes[i].known);
        if (below(&seed, 2))
            gate_set_limits(gate, &limits);
        else
            gate_set_known(gate, lane, limits.lanes[lane].known);
        gate_look(gate, clock_monotonic(), &f);
        if (f.inside > most.total || f.lane_inside[lane] > most.lanes[lane].known)
            atomic_fetch_add(&too_many, 1);
        sched_yield();
    }
}

static void begin(void) {
    gate = gate_new(&most);
    assert_non_null(gate);
    atomic_store(&running, WORKERS);
    for (unsigned i = 0; i < WORKERS; i++) {
        struct worker *w = &workers[i];
        *w = (struct worker){.event = eventfd(0, EFD_CLOEXEC), .seed = i + 1};
        assert_true(w->event >= 0);
        gate_port_init(&w->port, gate, on_wake);
    }
    for (unsigned i = 0; i < WORKERS; i++)
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
}

static void end(void) {
    for (unsigned i = 0; i < WORKERS; i++)
        pthread_join(workers[i].thread, NULL);
    assert_int_equal(atomic_load(&too_many), 0);
    assert_int_equal(atomic_load(&lost), 0);
    struct gate_figures f;
    gate_look(gate, clock_monotonic(), &f);
    assert_int_equal(f.inside, 0);
    assert_int_equal(f.waiting, 0);
    for (unsigned i = 0; i < WORKERS; i++) {
        assert_int_equal(workers[i].through, REQUESTS);
        close(workers[i].event);
        gate_port_done(&workers[i].port);
    }
    gate_unref(&gate);
}

static void limits_that_stay(void **state) {
    (void)state;
    most = (struct gate_limits){
        .total = 4, .queue = 30, .lane_count = LANES, .lanes = {{.known = 3}, {.known = 2}}};
    begin();
    end();
}

static void limits_that_change(void **state) {
    (void)state;
    most = (struct gate_limits){
        .total = 7, .queue = 30, .lane_count = LANES, .lanes = {{.known = 5}, {.known = 3}}};
    begin();
    change_limits();
    end();
}

static void limits_that_are_learnt(void **state) {
    (void)state;
    most = (struct gate_limits){.total = 20,
                                .queue = 30,
                                .lane_count = LANES,
                                .lanes = {{.known = 12, .learn = true}, {15, .learn = true}}};
    begin();
    change_limits();
    end();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limits_that_stay),
        cmocka_unit_test(limits_that_change),
        cmocka_unit_test(limits_that_are_learnt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
