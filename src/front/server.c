/* SPDX-License-Identifier: MIT */
/* The server of front/server.h: libmicrohttpd in external epoll mode inside our loop. */
#include "front/client.h"

#include "base/log.h"
#include "policy/reason.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* What is left of a body that nobody wants is dropped up to this size, so that the connection
 * lives. */
#define DROP_MAX (256 * 1024)
/* libmicrohttpd's buffer for a piece of a streamed answer. */
#define BLOCK_BYTES (32 * 1024)
/* Rounds of libmicrohttpd in one turn, so that others get theirs. */
#define ROUNDS_MAX 16
/* While draining, how long a connection between requests stays open: the next may be on its way,
 * since no answer has told the caller otherwise. */
#define DRAIN_GRACE (200 * USEC_PER_MS)
/* Of the memory per connection, what heads cannot use. */
#define POOL_RESERVE 1024
/* libmicrohttpd keeps a record for each field of a request in the same memory. */
#define POOL_PER_FIELD            72
#define MHD_USE_NO_THREAD_SAFETY_ (1u << 19) /* known from 1.0 on; older versions ignore it */
/* How strictly heads are parsed. From 1.0 on it helps (no folded lines, no bare line feeds);
 * before, it hardly does and answers twice, so that it stays off. */
#if MHD_VERSION >= 0x01000000
#define MHD_STRICTNESS MHD_OPTION_CLIENT_DISCIPLINE_LVL, 1
#else
#define MHD_STRICTNESS MHD_OPTION_STRICT_FOR_CLIENT, 0
#endif

const char *server_date(struct server *s) {
    if (s->loop->now >= s->date_until) {
        time_t now = (time_t)(clock_wall() / USEC_PER_SEC);
        struct tm tm;
        gmtime_r(&now, &tm);
        strftime(s->date, sizeof s->date, "%a, %d %b %Y %H:%M:%S GMT", &tm);
        s->date_until = s->loop->now + USEC_PER_SEC / 2;
    }
    return s->date;
}

const char *terminated(struct text t, char *scratch, size_t size) {
    if (t.at[t.len] == '\0')
        return t.at;
    if (t.len >= size)
        return NULL;
    memcpy(scratch, t.at, t.len);
    scratch[t.len] = '\0';
    return scratch;
}

/* Waiting */

void client_resume(struct client *client) {
    struct caller *r = &client->request;
    if (!r->suspended)
        return;
    r->suspended = false;
    client->server->resumed = true;
    MHD_resume_connection(client->connection);
}

/* False if there is nobody left to wait for. */
static bool suspend(struct client *client) {
    if (client->peer_closed || client->request.cut) {
        client->request.cut = true;
        return false;
    }
    client->request.suspended = true;
    MHD_suspend_connection(client->connection);
    return true;
}

/* Drops the connection with a reset and no end in good order before it; unix sockets have none. */
static bool reset(int fd) {
    struct sockaddr nobody = {.sa_family = AF_UNSPEC};
    return connect(fd, &nobody, sizeof nobody) == 0;
}

void client_shutdown(struct client *client) {
    struct caller *r = &client->request;
    /* A caller of HTTP/1.0 takes the end of the connection for the end of the answer. */
    bool misread = r->http10 && r->replied && !r->direct.all_out && !r->cut;
    if (!misread || !reset(client->watch.fd))
        shutdown(client->watch.fd, SHUT_RDWR);
    r->cut = true;
    client_resume(client);
}

static void on_client_ready(struct watch *watch, uint32_t events) {
    struct client *client = container_of(watch, struct client, watch);
    struct caller *r = &client->request;
    if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        client->peer_closed = true;
    if (r->direct.active) {
        if ((events & (EPOLLHUP | EPOLLERR)) || (client->peer_closed && r->suspended))
            client_shutdown(client);
        else if (events & EPOLLOUT)
            direct_pump(client);
    } else if (client->peer_closed && (r->suspended || r->phase == REQUEST_BODY)) {
        /* libmicrohttpd overlooks an end that comes together with the last bytes. */
        client_shutdown(client);
    }
}

static void on_client_timer(struct timer *timer, usec_t now) {
    struct client *client = container_of(timer, struct client, timer);
    (void)now;
    client_shutdown(client);
}

static void set_timer(struct client *client, usec_t timeout) {
    timer_set(client->server->loop, &client->timer, client->server->loop->now + timeout);
}

/* Answers */

static ssize_t read_body(void *context, uint64_t position, char *into, size_t n) {
    (void)position;
    struct client *client = context;
    struct caller *r = &client->request;
    if (r->cut || !r->handle)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    set_timer(client, client->server->options.idle_timeout);
    ssize_t got = client->server->options.handler->pull(r->handle, into, n);
    if (got > 0)
        return got;
    if (got == PULL_END)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (got == PULL_CUT || r->cut) {
        client_shutdown(client);
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    timer_clear(&client->timer); /* it is the upstream's turn */
    return suspend(client) ? 0 : MHD_CONTENT_READER_END_WITH_ERROR;
}

static struct MHD_Response *create_response(struct client *client, const struct reply *reply) {
    if (reply->whole)
        return MHD_create_response_from_buffer(reply->body.len, (void *)(uintptr_t)reply->body.at,
                                               MHD_RESPMEM_PERSISTENT);
    bool known = reply->length != REPLY_NO_LENGTH;
    bool chunked = !known && !client->request.http10; /* needs no block of its own */
    struct MHD_Response *response =
        MHD_create_response_from_callback(known ? reply->length : MHD_SIZE_UNKNOWN,
                                          chunked ? 1 : BLOCK_BYTES, read_body, client, NULL);
    /* 0.9.75 would end an answer to HEAD with an empty chunk, which is the beginning of the next
     * answer for the caller. This way it has no chunks, and the connection ends. */
    if (response && !known && client->request.is_head)
        MHD_set_response_options(response, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END);
    return response;
}

/* libmicrohttpd refuses empty values and controls, which may be left out. False: out of memory; an
 * answer without one of its fields would be another answer. */
static bool add_field(struct MHD_Response *response, const char *name, const char *value) {
    return MHD_add_response_header(response, name, value) == MHD_YES || !value[0] ||
           strpbrk(value, "\t\r\n");
}

static bool add_fields(struct server *s, struct MHD_Response *response, const struct reply *reply) {
    bool dated = false;
    /* First of all: adding it later makes libmicrohttpd forget the Date that it was given. */
    bool ok = !(reply->close || s->retired || s->draining) ||
              add_field(response, MHD_HTTP_HEADER_CONNECTION, "close");
    for (size_t i = 0; ok && i < reply->field_count; i++) {
        const struct field_line *f = &reply->fields[i];
        char name[256];
        const char *n = terminated(f->name, name, sizeof name);
        const char *v = terminated(f->value, s->scratch, s->pool_bytes);
        dated |= f->id == FIELD_DATE;
        ok = !n || !v || add_field(response, n, v);
    }
    return ok && (dated || add_field(response, MHD_HTTP_HEADER_DATE, server_date(s)));
}

static struct MHD_Response *build_response(struct client *client, const struct reply *reply) {
    struct MHD_Response *response = create_response(client, reply);
    if (!response || add_fields(client->server, response, reply))
        return response;
    MHD_destroy_response(response);
    return NULL;
}

static enum MHD_Result queue(struct client *client) {
    struct caller *r = &client->request;
    enum MHD_Result done = MHD_queue_response(client->connection, r->status, r->response);
    MHD_destroy_response(r->response);
    r->response = NULL;
    set_timer(client, client->server->options.idle_timeout);
    return done;
}

/* How an answer reaches a caller whose request is not complete: past libmicrohttpd, unless that can
 * still answer instead of reading the body, or little enough of the body is left to wait for it. */
static bool reply_directly(const struct caller *r, const struct reply *reply) {
    if (r->phase == REQUEST_COMPLETE || !r->has_body)
        return false;
    if (r->phase == REQUEST_LINE && (r->expect_continue || r->refused))
        return false;
    return r->body_left > DROP_MAX || (reply->close && r->phase == REQUEST_BODY);
}

bool caller_reply(struct caller *r, const struct reply *reply) {
    struct client *client = client_of(r);
    assert(!r->replied);
    r->replied = true;
    r->status = reply->status;
    if (r->cut)
        return true;
    if (reply_directly(r, reply)) {
        if (!direct_begin(client, reply)) {
            client_shutdown(client);
            return false;
        }
        client_resume(client);
        return true;
    }
    r->response = build_response(client, reply);
    if (!r->response) {
        client_shutdown(client);
        return false;
    }
    set_timer(client, client->server->options.idle_timeout); /* for the rest of the body */
    if (r->suspended) {
        if (r->phase == REQUEST_COMPLETE && queue(client) != MHD_YES)
            client_shutdown(client);
        client_resume(client);
    }
    return true;
}

void caller_want_body(struct caller *r) {
    if (r->phase == REQUEST_BODY)
        client_resume(client_of(r));
}

void caller_body_ready(struct caller *r) {
    struct client *client = client_of(r);
    if (r->direct.active)
        direct_pump(client);
    else
        client_resume(client);
}

void caller_cut(struct caller *r) {
    client_shutdown(client_of(r));
}

size_t caller_head_room(const struct caller *c) {
    const struct client *client = container_of(c, const struct client, request);
    size_t used = c->head_bytes + POOL_RESERVE;
    return client->server->pool_bytes > used ? client->server->pool_bytes - used : 0;
}

const struct caller_info *caller_info(const struct caller *c) {
    return &container_of(c, const struct client, request)->info;
}

/* Requests */

static void *on_request_line(void *context, const char *target, struct MHD_Connection *connection) {
    (void)context;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct client *client = info ? info->socket_context : NULL;
    if (!client)
        return NULL;
    struct caller *r = &client->request;
    size_t n = strlen(target);
    *r = (struct caller){.phase = REQUEST_LINE};
    r->target = n < sizeof r->target_inline ? r->target_inline : malloc(n + 1);
    if (!r->target) {
        r->target = r->target_inline;
        r->cut = true;
        return r;
    }
    memcpy(r->target, target, n + 1);
    set_timer(client, client->server->options.header_timeout);
    return r;
}

static enum MHD_Result begin(struct client *client, const char *method, const char *url,
                             const char *version) {
    struct server *s = client->server;
    struct caller *r = &client->request;
    struct head head;
    enum reason refused;
    timer_clear(&client->timer);
    if (!head_read(client, method, url, version, &head, &refused))
        return MHD_NO;
    r->has_body = head_has_body(&head) || head.chunked;
    r->body_left = head.chunked ? UINT64_MAX : head.content_length;
    r->expect_continue = head.expect_continue;
    r->http10 = head.version == 10;
    r->is_head = head.method == METHOD_HEAD;
    r->head_bytes = head.method_text.len + head.target.len + 16 + head.field_count * POOL_PER_FIELD;
    for (size_t i = 0; i < head.field_count; i++)
        r->head_bytes += head.fields[i].name.len + head.fields[i].value.len + 4;
    r->refused = refused != REASON_NONE;
    r->handle = s->options.handler->begin(s->options.context, r, &head, refused);
    if (!r->handle || r->cut)
        return MHD_NO;
    r->phase = REQUEST_BODY;
    bool at_once = r->response && (r->refused || (r->has_body && r->expect_continue));
    return at_once ? queue(client) : MHD_YES;
}

static enum MHD_Result take_body(struct client *client, const char *bytes, size_t *n) {
    struct caller *r = &client->request;
    if (r->replied) { /* nobody wants it any more */
        if (r->body_left != UINT64_MAX)
            r->body_left -= *n < r->body_left ? *n : r->body_left;
        *n = 0;
        if (r->direct.active)
            direct_linger(client);
        return MHD_YES;
    }
    size_t taken = client->server->options.handler->body(r->handle, bytes, *n);
    if (r->cut)
        return MHD_NO;
    if (r->replied)
        taken = *n;
    if (r->body_left != UINT64_MAX)
        r->body_left -= taken < r->body_left ? taken : r->body_left;
    *n -= taken;
    if (*n && !suspend(client))
        return MHD_NO;
    return MHD_YES;
}

static enum MHD_Result complete(struct client *client) {
    struct caller *r = &client->request;
    if (r->direct.active) /* when the answer is out the connection ends here */
        return !r->direct.all_out && suspend(client) ? MHD_YES : MHD_NO;
    if (r->phase == REQUEST_BODY) {
        r->phase = REQUEST_COMPLETE;
        client->server->options.handler->end(r->handle);
        if (r->cut)
            return MHD_NO;
    }
    if (r->response)
        return queue(client);
    return suspend(client) ? MHD_YES : MHD_NO;
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *bytes,
                                  size_t *n, void **request) {
    (void)context;
    (void)connection;
    struct caller *r = *request;
    if (!r || r->cut)
        return MHD_NO;
    if (r->suspended)
        return MHD_YES; /* the next chunk of a body: it is offered again */
    struct client *client = client_of(r);
    if (r->phase == REQUEST_LINE)
        return begin(client, method, url, version);
    if (*n)
        return take_body(client, bytes, n);
    return complete(client);
}

static bool went_out(const struct caller *r, enum MHD_RequestTerminationCode how) {
    if (r->direct.active)
        return r->direct.out.len == 0 && (!r->direct.streaming || r->direct.finished);
    return how == MHD_REQUEST_TERMINATED_COMPLETED_OK && !r->cut;
}

static void on_completed(void *context, struct MHD_Connection *connection, void **request,
                         enum MHD_RequestTerminationCode how) {
    struct server *s = context;
    struct caller *r = *request;
    (void)connection;
    *request = NULL;
    if (!r)
        return;
    struct client *client = client_of(r);
    void *handle = r->handle;
    bool answered = went_out(r, how);
    r->handle = NULL;
    if (handle)
        s->options.handler->done(handle, answered);
    if (r->response)
        MHD_destroy_response(r->response);
    buf_done(&r->direct.out);
    if (r->target != r->target_inline)
        free(r->target);
    *r = (struct caller){.cut = r->cut};
    set_timer(client, s->draining ? DRAIN_GRACE : s->options.idle_timeout);
}

/* Connections */

/* IPv4 as ::ffff:a.b.c.d, so that one form is compared. False if it is not an IP address. */
static bool map_address(const struct sockaddr_storage *from, unsigned char into[16]) {
    if (from->ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const void *)from;
        memcpy(into, &v6->sin6_addr, 16);
        return true;
    }
    if (from->ss_family != AF_INET)
        return false;
    const struct sockaddr_in *v4 = (const void *)from;
    memset(into, 0, 10);
    memset(into + 10, 0xff, 2);
    memcpy(into + 12, &v4->sin_addr, 4);
    return true;
}

static void describe(struct client *client, const struct server_peer *peer) {
    struct sockaddr_storage local = {.ss_family = AF_UNSPEC};
    socklen_t len = sizeof local;
    client->config = config_ref(peer->config);
    client->info = (struct caller_info){.access = peer->access, .uid = -1};
    if (map_address(&peer->address, client->address))
        client->info.address = client->address;
    if (getsockname(client->watch.fd, (struct sockaddr *)&local, &len) == 0 &&
        map_address(&local, client->local))
        client->info.local = client->local;
    struct ucred credentials;
    len = sizeof credentials;
    if (!client->info.address &&
        getsockopt(client->watch.fd, SOL_SOCKET, SO_PEERCRED, &credentials, &len) == 0)
        client->info.uid = credentials.uid;
}

static struct client *client_new(struct server *s, struct MHD_Connection *connection) {
    struct client *client = calloc(1, sizeof *client);
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (!client || !info || !timer_init(s->loop, &client->timer, on_client_timer)) {
        free(client);
        return NULL;
    }
    client->server = s;
    client->connection = connection;
    client->watch = (struct watch){.fd = info->connect_fd, .ready = on_client_ready};
    if (!loop_watch(s->loop, &client->watch, EPOLLRDHUP | EPOLLET)) {
        timer_done(s->loop, &client->timer);
        free(client);
        return NULL;
    }
    describe(client, s->adopting);
    list_push_back(&s->clients, &client->node);
    s->client_count++;
    set_timer(client, s->options.header_timeout);
    return client;
}

static void client_free(struct client *client) {
    struct server *s = client->server;
    loop_forget(s->loop, &client->watch);
    timer_done(s->loop, &client->timer);
    list_remove(&client->node);
    s->client_count--;
    config_unref(&client->config);
    free(client);
}

/* Ends a connection that is no client of ours: libmicrohttpd cannot be told not to take it. */
static void shut_down_unknown(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (info)
        shutdown(info->connect_fd, SHUT_RDWR);
}

static void on_connection(void *context, struct MHD_Connection *connection, void **socket_context,
                          enum MHD_ConnectionNotificationCode how) {
    struct server *s = context;
    if (how == MHD_CONNECTION_NOTIFY_STARTED) {
        *socket_context = client_new(s, connection);
        if (!*socket_context) /* nothing would ever end it */
            shut_down_unknown(connection);
    } else if (*socket_context) {
        client_free(*socket_context);
        *socket_context = NULL;
    }
}

bool server_adopt(struct server *s, int fd, const struct server_peer *peer) {
    s->adopting = peer;
    s->ready = true;
    /* On failure libmicrohttpd has closed the descriptor. */
    bool ok = MHD_add_connection(s->daemon, fd, (const struct sockaddr *)&peer->address,
                                 peer->address_len) == MHD_YES;
    s->adopting = NULL;
    return ok;
}

/* The daemon */

static void on_daemon_ready(struct watch *watch, uint32_t events) {
    (void)events;
    container_of(watch, struct server, watch)->ready = true;
}

static void on_log(void *context, const char *format, va_list arguments) {
    (void)context;
    char line[256];
    if (!log_enabled(LOG_LEVEL_DEBUG))
        return;
    int n = vsnprintf(line, sizeof line, format, arguments);
    if (n > 0 && line[strlen(line) - 1] == '\n')
        line[strlen(line) - 1] = '\0';
    log_debug("libmicrohttpd", LOG_STRING("says", line));
}

static size_t leave_escaped(void *context, struct MHD_Connection *connection, char *string) {
    (void)context;
    (void)connection;
    return strlen(string);
}

static struct MHD_Daemon *start_daemon(struct server *s) {
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_TURBO |
                     MHD_USE_SUPPRESS_DATE_NO_CLOCK | MHD_USE_ERROR_LOG | MHD_USE_NO_LISTEN_SOCKET |
                     MHD_USE_NO_THREAD_SAFETY_;
    return MHD_start_daemon(flags, 0, NULL, NULL, on_request, s, MHD_OPTION_EXTERNAL_LOGGER, on_log,
                            s, MHD_OPTION_CONNECTION_LIMIT, s->options.max_connections,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, s->pool_bytes,
                            MHD_OPTION_CONNECTION_TIMEOUT, 0u, MHD_OPTION_URI_LOG_CALLBACK,
                            on_request_line, s, MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, s,
                            MHD_STRICTNESS, MHD_OPTION_NOTIFY_COMPLETED, on_completed, s,
                            MHD_OPTION_NOTIFY_CONNECTION, on_connection, s, MHD_OPTION_END);
}

struct server *server_new(struct loop *loop, const struct server_options *options) {
    struct server *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->loop = loop;
    s->options = *options;
    s->pool_bytes = (size_t)options->header_bytes * 2;
    s->old_parser = strncmp(MHD_get_version(), "0.9.", 4) == 0;
    list_init(&s->clients);
    s->scratch = malloc(s->pool_bytes);
    s->daemon = s->scratch ? start_daemon(s) : NULL;
    const union MHD_DaemonInfo *info =
        s->daemon ? MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
    if (info) {
        s->watch = (struct watch){.fd = info->epoll_fd, .ready = on_daemon_ready};
        if (loop_watch(loop, &s->watch, EPOLLIN))
            return s;
    }
    if (s->daemon)
        MHD_stop_daemon(s->daemon);
    free(s->scratch);
    free(s);
    return NULL;
}

void server_run(struct server *s) {
    for (int round = 0; round < ROUNDS_MAX && server_is_due(s); round++) {
        MHD_UNSIGNED_LONG_LONG timeout;
        s->ready = s->resumed = false;
        MHD_run(s->daemon);
        s->ready = MHD_get_timeout(s->daemon, &timeout) == MHD_YES && timeout == 0;
    }
}

bool server_is_due(const struct server *s) {
    return s->ready || s->resumed;
}

unsigned server_connections(const struct server *s) {
    return s->client_count;
}

void server_set_timeouts(struct server *s, usec_t header_timeout, usec_t idle_timeout) {
    s->options.header_timeout = header_timeout;
    s->options.idle_timeout = idle_timeout;
}

void server_retire(struct server *s) {
    s->retired = true;
}

void server_drain(struct server *s) {
    s->draining = true;
    list_each (node, next, &s->clients) {
        struct client *client = list_entry(node, struct client, node);
        if (client->request.phase == REQUEST_NONE)
            set_timer(client, DRAIN_GRACE);
    }
}

void server_free(struct server **pointer) {
    struct server *s = *pointer;
    *pointer = NULL;
    if (!s)
        return;
    /* A suspended connection would abort the daemon. */
    list_each (node, next, &s->clients)
        client_shutdown(list_entry(node, struct client, node));
    while (s->client_count && server_is_due(s))
        server_run(s);
    loop_unwatch(s->loop, &s->watch);
    MHD_stop_daemon(s->daemon);
    free(s->fields);
    free(s->scratch);
    free(s);
}
