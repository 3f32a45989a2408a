/* SPDX-License-Identifier: MIT */
/* The client of cli/admin_client.h: one request per connection, to its end. */
#include "cli/admin_client.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/parse.h"
#include "cli/visible.h"
#include "upstream/answer.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CALL_TIMEOUT (10 * USEC_PER_SEC)
#define ANSWER_MAX   (16 * 1024 * 1024)
#define REQUEST_MAX  16384
#define DEPTH_MAX    8
#define DETAIL_MAX   1024
#define ADMIN_URL    "http://127.0.0.1:8081"

/* Where */

static bool set_host(struct admin_address *a, struct text host) {
    if (host.len == 0 || host.len >= sizeof a->host)
        return false;
    memcpy(a->host, host.at, host.len);
    a->host[host.len] = '\0';
    return true;
}

bool admin_address_parse(const char *url, struct admin_address *a) {
    struct text t = text_of(url), host;
    uint16_t port = 0;
    *a = (struct admin_address){0};
    if (text_starts(t, TEXT("unix:/"))) {
        a->is_unix = true;
        return set_host(a, text_skip(t, strlen("unix:")));
    }
    if (!text_starts(t, TEXT("http://")))
        return false;
    t = text_skip(t, strlen("http://"));
    if (t.len && t.at[t.len - 1] == '/')
        t.len--;
    if (!parse_authority(t, &host, &port) || !set_host(a, host))
        return false;
    snprintf(a->port, sizeof a->port, "%u", port ? (unsigned)port : 80U);
    return true;
}

bool admin_address_of(const struct config *config, struct admin_address *a) {
    const struct config_listen *l = &config->admin;
    const char *host = l->kind == LISTEN_UNIX ? l->path : l->address;
    *a = (struct admin_address){.is_unix = l->kind == LISTEN_UNIX};
    if ((l->kind != LISTEN_UNIX && l->kind != LISTEN_TCP) ||
        (l->kind == LISTEN_TCP && l->port == 0))
        return false;
    if (strcmp(host, "0.0.0.0") == 0)
        host = "127.0.0.1";
    else if (strcmp(host, "::") == 0)
        host = "::1";
    snprintf(a->port, sizeof a->port, "%u", (unsigned)l->port);
    return set_host(a, text_of(host));
}

void admin_address_print(struct buf *b, const struct admin_address *a) {
    if (a->is_unix)
        buf_addf(b, "unix:%s", a->host);
    else
        buf_addf(b, strchr(a->host, ':') ? "http://[%s]:%s" : "http://%s:%s", a->host, a->port);
}

int admin_address_choose(const struct arguments *arguments, const char *url,
                         const struct config *config, struct admin_address *a) {
    if (url && !admin_address_parse(url, a))
        return arguments_wrong(arguments, "'%s' is neither http://HOST:PORT nor unix:/PATH", url);
    if (url)
        return STATUS_FINE;
    if (!config)
        return admin_address_parse(ADMIN_URL, a) ? STATUS_FINE : STATUS_FAILED;
    if (admin_address_of(config, a))
        return STATUS_FINE;
    fprintf(stderr,
            "scoregate %s: the configuration does not say where the admin listener is; name it "
            "with --admin URL\n",
            arguments->command->name);
    return STATUS_FAILED;
}

/* A connection */

/* Waits until FD is ready for EVENTS. False with errno once DEADLINE is over. */
static bool wait_for(int fd, short events, usec_t deadline) {
    struct pollfd p = {.fd = fd, .events = events};
    for (;;) {
        usec_t left = deadline - clock_monotonic();
        if (left <= 0) {
            errno = ETIMEDOUT;
            return false;
        }
        int n = poll(&p, 1, (int)(left / USEC_PER_MS) + 1);
        if (n > 0)
            return true;
        if (n < 0 && errno != EINTR)
            return false;
    }
}

/* A descriptor that is connected, or -1 with errno. */
static int dial(const struct sockaddr *address, socklen_t len, usec_t deadline) {
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int error = 0;
    socklen_t size = sizeof error;
    if (fd < 0)
        return -1;
    if (connect(fd, address, len) == 0)
        return fd;
    error = errno;
    if (error == EINPROGRESS && wait_for(fd, POLLOUT, deadline)) {
        if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0)
            return fd;
    } else if (error == EINPROGRESS) {
        error = errno;
    }
    close(fd);
    errno = error;
    return -1;
}

static int dial_unix(const char *path, usec_t deadline) {
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof name.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(name.sun_path, path, strlen(path));
    return dial((const struct sockaddr *)&name, sizeof name, deadline);
}

static int dial_tcp(const struct admin_address *a, usec_t deadline, const char **error) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
    int fd = -1, failed = getaddrinfo(a->host, a->port, &hints, &list);
    if (failed) {
        *error = gai_strerror(failed);
        errno = EADDRNOTAVAIL;
        return -1;
    }
    for (const struct addrinfo *one = list; one && fd < 0; one = one->ai_next)
        fd = dial(one->ai_addr, one->ai_addrlen, deadline);
    int kept = errno;
    freeaddrinfo(list);
    errno = kept;
    return fd;
}

/* One call */

static bool send_all(int fd, struct text t, usec_t deadline) {
    while (t.len) {
        ssize_t n = send(fd, t.at, t.len, MSG_NOSIGNAL);
        if (n > 0)
            t = text_skip(t, (size_t)n);
        else if ((errno != EAGAIN && errno != EINTR) || !wait_for(fd, POLLOUT, deadline))
            return false;
    }
    return true;
}

static bool receive_all(int fd, struct buf *into, usec_t deadline) {
    for (;;) {
        char *room = buf_room(into, 16384);
        if (!room) {
            errno = EMSGSIZE;
            return false;
        }
        ssize_t n = recv(fd, room, 16384, 0);
        if (n == 0)
            return true;
        if (n > 0)
            buf_grew(into, (size_t)n);
        else if ((errno != EAGAIN && errno != EINTR) || !wait_for(fd, POLLIN, deadline))
            return false;
    }
}

/* Takes the whole answer apart; its body goes to BODY. */
static bool read_answer(struct buf *raw, unsigned *status, struct buf *body) {
    struct answer answer;
    answer_begin(&answer, /* head_request= */ false);
    char *from = raw->at, *end = raw->at + raw->len, *out = from;
    from += answer_feed(&answer, from, (size_t)(end - from), &out);
    if (answer.state == ANSWER_BODY) {
        char *begin = out = from;
        answer_feed(&answer, from, (size_t)(end - from), &out);
        buf_add(body, begin, (size_t)(out - begin));
    }
    *status = answer.status;
    return (answer.state == ANSWER_DONE || answer_end(&answer)) && buf_ok(body);
}

static bool exchange(int fd, const struct admin_address *a, const char *method, const char *target,
                     struct buf *raw, usec_t deadline) {
    struct buf request;
    buf_init(&request, REQUEST_MAX);
    bool brackets = strchr(a->host, ':') && !a->is_unix;
    buf_addf(&request, "%s %s HTTP/1.1\r\nHost: %s%s%s\r\nConnection: close\r\n", method, target,
             brackets ? "[" : "", a->is_unix ? "localhost" : a->host, brackets ? "]" : "");
    if (strcmp(method, "POST") == 0)
        buf_add_string(&request, "X-Scoregate: 1\r\nContent-Length: 0\r\n");
    buf_add_string(&request, "\r\n");
    if (!buf_ok(&request))
        errno = EMSGSIZE;
    bool ok = buf_ok(&request) && send_all(fd, buf_text(&request), deadline) &&
              receive_all(fd, raw, deadline);
    buf_done(&request);
    return ok;
}

bool admin_call(const struct admin_address *a, const char *method, const char *target,
                unsigned *status, struct buf *body, struct buf *why) {
    usec_t deadline = clock_monotonic() + CALL_TIMEOUT;
    const char *error = NULL;
    struct buf raw;
    buf_init(&raw, ANSWER_MAX);
    int fd = a->is_unix ? dial_unix(a->host, deadline) : dial_tcp(a, deadline, &error);
    bool ok = fd >= 0 && exchange(fd, a, method, target, &raw, deadline);
    int number = errno;
    if (!ok && !error)
        error = strerror(number);
    if (fd >= 0)
        close(fd);
    if (ok && (raw.len == 0 || !read_answer(&raw, status, body))) {
        error = "that was no answer of scoregate";
        number = EPROTO;
        ok = false;
    }
    buf_done(&raw);
    if (!ok) {
        buf_add_string(why, "no gateway answers at ");
        admin_address_print(why, a);
        buf_addf(why, ": %s", error);
    }
    errno = number;
    return ok;
}

void admin_add_refusal(struct buf *why, unsigned status, struct text body) {
    struct json *problem = json_parse(body, DEPTH_MAX);
    struct text detail;
    buf_addf(why, "refuses (%u)", status);
    if (json_string(json_member(problem, "detail"), &detail) && detail.len <= DETAIL_MAX) {
        buf_add_string(why, ": ");
        (void)visible_add(why, detail);
    }
    json_free(&problem);
}
