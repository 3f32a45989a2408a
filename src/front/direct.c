/* SPDX-License-Identifier: MIT */
/* Answers written past libmicrohttpd, which cannot answer while a request is still coming in.
 *
 * The whole answer goes out with Connection: close, then the sending side is shut down, and what
 * the caller still sends is taken and dropped for a while: closing at once would reset the
 * connection and could take the answer from the caller (RFC 9112 section 9.6). */
#include "front/client.h"

#include "policy/reason.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

/* How long the caller may go on sending when the answer is out: in all, and between bytes. */
#define LINGER_TOTAL (30 * USEC_PER_SEC)
#define LINGER_IDLE  (5 * USEC_PER_SEC)
/* As much of a streamed answer is here at a time. */
#define DIRECT_PIECE (16 * 1024)

static void write_framing(struct direct *d, const struct reply *reply) {
    if (reply->whole)
        buf_addf(&d->out, "Content-Length: %zu\r\n", reply->body.len);
    else if (reply->length != REPLY_NO_LENGTH)
        buf_addf(&d->out, "Content-Length: %llu\r\n", (unsigned long long)reply->length);
    else if (d->chunked)
        buf_add_string(&d->out, "Transfer-Encoding: chunked\r\n");
}

static void write_head(struct client *client, const struct reply *reply) {
    struct direct *d = &client->request.direct;
    bool dated = false;
    buf_addf(&d->out, "HTTP/1.1 %u %s\r\nConnection: close\r\n", reply->status,
             status_phrase(reply->status));
    for (size_t i = 0; i < reply->field_count; i++) {
        const struct field_line *f = &reply->fields[i];
        dated |= f->id == FIELD_DATE;
        buf_addf(&d->out, "%.*s: %.*s\r\n", TEXT_ARG(f->name), TEXT_ARG(f->value));
    }
    if (!dated)
        buf_addf(&d->out, "Date: %s\r\n", server_date(client->server));
    if (reply->status != 204) /* which says nothing of a body (RFC 9110 section 8.6) */
        write_framing(d, reply);
    buf_add_string(&d->out, "\r\n");
}

bool direct_begin(struct client *client, const struct reply *reply) {
    struct caller *r = &client->request;
    struct direct *d = &r->direct;
    buf_init(&d->out, 1024 * 1024);
    d->streaming = !reply->whole && !r->is_head && reply->status != 304;
    d->chunked = d->streaming && reply->length == REPLY_NO_LENGTH && !r->http10;
    d->finished = d->all_out = false;
    write_head(client, reply);
    if (reply->whole && !r->is_head)
        buf_add_text(&d->out, reply->body);
    if (!buf_ok(&d->out) ||
        !loop_change(client->server->loop, &client->watch, EPOLLRDHUP | EPOLLOUT | EPOLLET)) {
        buf_done(&d->out);
        return false;
    }
    d->active = true;
    timer_set(client->server->loop, &client->timer,
              client->server->loop->now + client->server->options.idle_timeout);
    direct_pump(client);
    return true;
}

/* The next piece of a streamed answer. False: nothing now, or never again. */
static bool fetch(struct client *client) {
    struct caller *r = &client->request;
    struct direct *d = &r->direct;
    char piece[DIRECT_PIECE];
    if (!d->streaming || d->finished || !r->handle)
        return false;
    ssize_t n = client->server->options.handler->pull(r->handle, piece, sizeof piece);
    if (n == PULL_LATER)
        return false;
    if (n == PULL_CUT) {
        client_shutdown(client);
        return false;
    }
    if (n == PULL_END) {
        d->finished = true;
        if (d->chunked)
            buf_add_string(&d->out, "0\r\n\r\n");
        return d->chunked;
    }
    if (d->chunked)
        buf_addf(&d->out, "%zx\r\n", (size_t)n);
    buf_add(&d->out, piece, (size_t)n);
    if (d->chunked)
        buf_add_string(&d->out, "\r\n");
    return true;
}

static void flush(struct client *client) {
    struct direct *d = &client->request.direct;
    struct loop *loop = client->server->loop;
    while (!client->request.cut && (d->out.len || fetch(client))) {
        ssize_t n = send(client->watch.fd, d->out.at, d->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n < 0 || !buf_ok(&d->out)) {
            client_shutdown(client);
            return;
        }
        buf_consume(&d->out, (size_t)n);
        timer_set(loop, &client->timer, loop->now + client->server->options.idle_timeout);
    }
    if (client->request.cut || d->all_out)
        return;
    if (d->streaming && !d->finished) {
        timer_clear(&client->timer); /* it is the upstream's turn */
        return;
    }
    d->all_out = true;
    d->give_up = loop->now + LINGER_TOTAL;
    shutdown(client->watch.fd, SHUT_WR);
    direct_linger(client);
    client_resume(client);
}

void direct_pump(struct client *client) {
    struct direct *d = &client->request.direct;
    if (d->pumping) /* called from within pull(): the loop outside asks again */
        return;
    d->pumping = true;
    flush(client);
    d->pumping = false;
}

void direct_linger(struct client *client) {
    const struct direct *d = &client->request.direct;
    struct loop *loop = client->server->loop;
    usec_t idle = loop->now + LINGER_IDLE;
    if (d->all_out)
        timer_set(loop, &client->timer, idle < d->give_up ? idle : d->give_up);
}
