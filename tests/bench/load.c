/* SPDX-License-Identifier: MIT */
/* Load for the benchmark and the soaks: HTTP/1.1 requests, so many or for so long, from a fixed
 * number of keep-alive callers on one thread, each sending its next request when it has its answer.
 * Prints one line of JSON: time, rate and quantiles of the latency (first byte sent to last byte
 * received). Anything but a complete 200 on a connection that stays open ends the program with
 * status 1; with -o it is written down instead, as is every request: when it began (nanoseconds of
 * the monotonic clock), its latency in nanoseconds, and the status of the answer, 0 if there was
 * none. */

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MAX_CALLERS = 10000, MAX_REQUESTS = 10000000, HEAD_MAX = 4096, CHUNK = 262144 };

/* How far the pace may be behind. */
#define BURST_NS UINT64_C(10000000)

struct caller {
    int fd; /* -1 until its first request */
    bool busy;
    uint64_t started_ns;
    uint64_t sent;        /* of prefix and bulk together */
    uint64_t answer_left; /* of the answer's body, once its head is complete */
    unsigned status;
    bool last; /* the other side closes after this answer */
    bool head_done;
    size_t head_length;
    char head[HEAD_MAX];
};

struct load {
    uint16_t port;
    unsigned callers, requests, at_once;
    uint64_t until_ns; /* nothing is begun from then on; 0: only the number of requests ends it */
    uint64_t pace_ns;  /* between two that begin, at least; 0: as fast as the answers come */
    uint64_t due_ns;   /* when the next one may begin */
    unsigned *idle;    /* callers that wait for that, a ring of as many as there are */
    unsigned idle_first, idle_count;
    FILE *record; /* one line for each request; NULL: all of them must be fine */
    char *prefix; /* head, and the body if it comes from a file */
    size_t prefix_length;
    uint64_t bulk; /* bytes of body that follow the prefix, all of them 'x' */
    int epoll;
    unsigned begun, ended;
    struct caller *caller;
    uint32_t *latency_ns;
    uint64_t received;
};

static char chunk[CHUNK];

__attribute__((noreturn, format(printf, 1, 2))) static void die(const char *format, ...) {
    va_list args;
    va_start(args, format);
    fputs("load: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void *allocate(size_t count, size_t size) {
    void *p = calloc(count, size);
    if (!p)
        die("out of memory");
    return p;
}

static void open_connection(struct load *l, struct caller *c) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(l->port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, sizeof to) != 0)
        die("connecting to port %u: %s", l->port, strerror(errno));
    int on = 1;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = c};
    if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, c->fd, &e) != 0)
        die("epoll_ctl: %s", strerror(errno));
}

static void begin(struct load *l, struct caller *c);

static bool is_more_to_do(const struct load *l) {
    return l->begun < l->requests && (!l->until_ns || now_ns() < l->until_ns);
}

static void leave(struct caller *c) {
    close(c->fd);
    c->fd = -1;
}

/* Number I is next, when it is time. */
static void next(struct load *l, unsigned i) {
    if (l->pace_ns)
        l->idle[(l->idle_first + l->idle_count++) % l->callers] = i;
    else
        begin(l, &l->caller[i]);
}

/* Lets those begin whose time has come. Returns how many milliseconds it is until the next; -1:
 * nobody waits. */
static int keep_pace(struct load *l) {
    while (l->idle_count && is_more_to_do(l)) {
        uint64_t now = now_ns();
        if (now < l->due_ns)
            return (int)((l->due_ns - now) / 1000000) + 1;
        l->due_ns += l->pace_ns;
        if (l->due_ns + BURST_NS < now) /* what was missed is missed: no flood makes up for it */
            l->due_ns = now - BURST_NS;
        l->idle_count--;
        begin(l, &l->caller[l->idle[l->idle_first]]);
        l->idle_first = (l->idle_first + 1) % l->callers;
    }
    return -1;
}

/* When caller number i has its answer, number i + at_once is next: itself if all are busy at once,
 * the one beside it if they take turns. */
static void end(struct load *l, struct caller *c, unsigned status) {
    uint64_t took = now_ns() - c->started_ns;
    c->busy = false;
    l->latency_ns[l->ended++] = took > UINT32_MAX ? UINT32_MAX : (uint32_t)took;
    if (l->record)
        fprintf(l->record, "%" PRIu64 " %" PRIu64 " %u\n", c->started_ns, took, status);
    if (is_more_to_do(l))
        next(l, (unsigned)(((size_t)(c - l->caller) + l->at_once) % l->callers));
}

/* There will be no answer. */
static void lose(struct load *l, struct caller *c, const char *doing, const char *why) {
    if (!l->record)
        die("%s: %s after %" PRIu64 " bytes", doing, why, c->sent);
    leave(c);
    end(l, c, 0);
}

/* Sends what the socket takes now. */
static void send_some(struct load *l, struct caller *c) {
    uint64_t total = l->prefix_length + l->bulk;
    while (c->sent < total) {
        const char *from = chunk;
        uint64_t n = total - c->sent;
        if (c->sent < l->prefix_length) {
            from = l->prefix + c->sent;
            n = l->prefix_length - c->sent;
        } else if (n > sizeof chunk) {
            n = sizeof chunk;
        }
        ssize_t r = send(c->fd, from, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (r < 0 && errno == EAGAIN)
            return;
        if (r < 0) {
            lose(l, c, "sending", strerror(errno));
            return;
        }
        c->sent += (uint64_t)r;
    }
}

static void begin(struct load *l, struct caller *c) {
    if (c->fd < 0)
        open_connection(l, c);
    c->busy = true;
    c->sent = 0;
    c->head_done = false;
    c->head_length = 0;
    c->started_ns = now_ns();
    l->begun++;
    send_some(l, c);
}

static void complete(struct load *l, struct caller *c) {
    if (c->sent < l->prefix_length + l->bulk)
        die("answered before the request was complete");
    if (c->last)
        leave(c);
    end(l, c, c->status);
}

/* Called with a complete, NUL-terminated head. */
static void read_head(const struct load *l, struct caller *c) {
    bool http = sscanf(c->head, "HTTP/1.1 %3u ", &c->status) == 1;
    if (!http || (c->status != 200 && !l->record))
        die("answer: %.*s", (int)strcspn(c->head, "\r"), c->head);
    c->last = strcasestr(c->head, "\nConnection: close");
    if (c->last && !l->record)
        die("the connection is not kept open");
    const char *length = strcasestr(c->head, "\nContent-Length:");
    if (!length)
        die("an answer without Content-Length");
    c->answer_left = strtoull(length + 16, NULL, 10);
    c->head_done = true;
}

/* Takes what belongs to the head out of n bytes at data; returns how many that were. */
static size_t take_head(const struct load *l, struct caller *c, const char *data, size_t n) {
    size_t before = c->head_length;
    size_t room = HEAD_MAX - 1 - before;
    size_t take = n < room ? n : room;
    memcpy(c->head + before, data, take);
    c->head[before + take] = '\0';
    char *blank = strstr(c->head, "\r\n\r\n");
    if (!blank) {
        if (take == room)
            die("an answer head above %d bytes", HEAD_MAX);
        c->head_length += take;
        return take;
    }
    blank[2] = '\0';
    read_head(l, c);
    return (size_t)(blank + 4 - c->head) - before;
}

static void receive(struct load *l, struct caller *c) {
    static char data[CHUNK];
    while (c->busy) {
        ssize_t r = recv(c->fd, data, sizeof data, MSG_DONTWAIT);
        if (r < 0 && errno == EAGAIN)
            return;
        if (r <= 0) {
            lose(l, c, "receiving", r < 0 ? strerror(errno) : "closed");
            return;
        }
        size_t used = c->head_done ? 0 : take_head(l, c, data, (size_t)r);
        uint64_t body = (uint64_t)r - used;
        l->received += (uint64_t)r;
        if (!c->head_done)
            continue;
        if (body > c->answer_left)
            die("bytes after the end of the answer");
        c->answer_left -= body;
        if (c->answer_left == 0)
            complete(l, c);
    }
}

static void run(struct load *l) {
    for (unsigned i = 0; i < l->at_once && is_more_to_do(l); i++)
        next(l, i);
    for (;;) {
        int wait = keep_pace(l);
        if (wait < 0 && l->ended == l->begun)
            return;
        struct epoll_event events[64];
        int n = epoll_wait(l->epoll, events, 64, wait);
        if (n < 0 && errno != EINTR)
            die("epoll_wait: %s", strerror(errno));
        for (int i = 0; i < n; i++) {
            struct caller *c = events[i].data.ptr;
            if (!c->busy) {
                if (events[i].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
                    die("an idle connection was closed");
                continue;
            }
            send_some(l, c);
            receive(l, c);
        }
    }
}

static int by_value(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void report(struct load *l, uint64_t took_ns) {
    qsort(l->latency_ns, l->ended, sizeof *l->latency_ns, by_value);
    size_t p50 = (size_t)l->ended / 2, p99 = (size_t)l->ended * 99 / 100;
    printf("{\"requests\": %u, \"seconds\": %.6f, \"p50_us\": %.3f, \"p99_us\": %.3f, "
           "\"received\": %llu}\n",
           l->ended, (double)took_ns / 1e9, l->latency_ns[p50] / 1e3, l->latency_ns[p99] / 1e3,
           (unsigned long long)l->received);
    fflush(stdout);
}

/* The file's content, or an empty one without a file. */
static char *read_file(const char *path, size_t *length) {
    enum { FILE_MAX = 1 << 20 };
    char *text = allocate(1, FILE_MAX);
    *length = 0;
    if (path) {
        FILE *f = fopen(path, "rb");
        if (!f)
            die("%s: %s", path, strerror(errno));
        *length = fread(text, 1, FILE_MAX, f);
        fclose(f);
    }
    return text;
}

/* The head is one that a Python program sends. */
static void build_prefix(struct load *l, const char *path, const char *body_file) {
    size_t body_length;
    char *body = read_file(body_file, &body_length);
    bool post = body_file || l->bulk;
    char framing[128] = "";
    if (post)
        snprintf(framing, sizeof framing,
                 "Content-Type: application/json\r\nContent-Length: %llu\r\n",
                 (unsigned long long)(body_length + l->bulk));
    l->prefix = allocate(1, body_length + 4096);
    int n =
        snprintf(l->prefix, 4096,
                 "%s %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nUser-Agent: python-requests/2.28.1\r\n"
                 "Accept-Encoding: gzip, deflate\r\nAccept: */*\r\nConnection: keep-alive\r\n"
                 "%s\r\n",
                 post ? "POST" : "GET", path, l->port, framing);
    if (n < 0 || n >= 4096)
        die("path too long");
    memcpy(l->prefix + n, body, body_length);
    l->prefix_length = (size_t)n + body_length;
    free(body);
}

static uint64_t number(const char *text, uint64_t least, uint64_t most) {
    char *rest;
    errno = 0;
    uint64_t n = strtoull(text, &rest, 10);
    if (errno || rest == text || *rest || n < least || n > most)
        die("'%s': expected a number from %llu to %llu", text, (unsigned long long)least,
            (unsigned long long)most);
    return n;
}

/* Until standard input ends. */
static void hold(void) {
    char c;
    while (read(0, &c, 1) > 0)
        ;
}

int main(int argc, char **argv) {
    struct load l = {.callers = 1};
    const char *body_file = NULL, *record = NULL;
    bool holding = false;
    unsigned seconds = 120, duration = 0, rate = 0;
    for (int o; (o = getopt(argc, argv, "c:n:d:a:r:b:u:t:o:k")) != -1;) {
        switch (o) {
        case 'c':
            l.callers = (unsigned)number(optarg, 1, MAX_CALLERS);
            break;
        case 'n':
            l.requests = (unsigned)number(optarg, 1, MAX_REQUESTS);
            break;
        case 'd':
            duration = (unsigned)number(optarg, 1, 3600);
            break;
        case 'a':
            l.at_once = (unsigned)number(optarg, 1, MAX_CALLERS);
            break;
        case 'r':
            rate = (unsigned)number(optarg, 1, 1000000);
            break;
        case 'b':
            body_file = optarg;
            break;
        case 'u':
            l.bulk = number(optarg, 1, UINT64_C(1) << 40);
            break;
        case 't':
            seconds = (unsigned)number(optarg, 1, 3600);
            break;
        case 'o':
            record = optarg;
            break;
        case 'k':
            holding = true;
            break;
        default:
            optind = argc;
        }
    }
    if (argc - optind != 2)
        die("usage: load [-c callers] [-n requests] [-d seconds] [-a at once] "
            "[-r requests a second at most] [-b body file | -u bytes up] [-t seconds at most] [-o "
            "file for each request] "
            "[-k keep the connections until stdin ends] PORT PATH");
    l.port = (uint16_t)number(argv[optind], 1, 65535);
    if (l.at_once == 0 || l.at_once > l.callers)
        l.at_once = l.callers;
    if (l.requests == 0)
        l.requests = duration ? MAX_REQUESTS : 1;
    if (record && !(l.record = fopen(record, "w")))
        die("%s: %s", record, strerror(errno));
    alarm(seconds);
    memset(chunk, 'x', sizeof chunk);
    build_prefix(&l, argv[optind + 1], body_file);
    l.caller = allocate(l.callers, sizeof *l.caller);
    l.latency_ns = allocate(l.requests, sizeof *l.latency_ns);
    for (unsigned i = 0; i < l.callers; i++)
        l.caller[i].fd = -1;
    l.epoll = epoll_create1(EPOLL_CLOEXEC);
    l.idle = allocate(l.callers, sizeof *l.idle);
    l.pace_ns = rate ? 1000000000 / rate : 0;
    uint64_t start = l.due_ns = now_ns();
    if (duration)
        l.until_ns = start + duration * UINT64_C(1000000000);
    run(&l);
    if (l.record && fclose(l.record) != 0)
        die("%s: %s", record, strerror(errno));
    report(&l, now_ns() - start);
    if (holding)
        hold();
    return 0;
}
