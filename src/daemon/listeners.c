/* SPDX-License-Identifier: MIT */
/* The listeners of daemon/listeners.h. */
#include "daemon/listeners.h"

#include "base/buf.h"
#include "base/log.h"
#include "sys/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_one(const struct config_listen *c) {
    switch (c->kind) {
    case LISTEN_TCP:
        return listen_tcp(c->address, c->port);
    case LISTEN_UNIX:
        return listen_unix(c->path, c->mode, c->group);
    case LISTEN_SYSTEMD:
        return listen_take_systemd(c->name);
    case LISTEN_OFF:
        break;
    }
    errno = EINVAL;
    return -1;
}

static const char *what(const struct config_listen *c) {
    return c->kind == LISTEN_UNIX ? c->path : c->kind == LISTEN_SYSTEMD ? c->name : c->address;
}

static bool complain(const struct config_listen *c, const char *what_failed, const char *error) {
    char where[512];
    (void)snprintf(where, sizeof where, "%s:%u", c->where.file ? c->where.file : "", c->where.line);
    log_error(what_failed, LOG_STRING("address", what(c)), LOG_NUMBER("port", c->port),
              LOG_STRING("error", error), LOG_STRING("at", where));
    return false;
}

static bool same_text(const char *a, const char *b) {
    return a && b && strcmp(a, b) == 0;
}

/* Whether C means the place where L is. */
static bool is_at(const struct listener *l, const struct config_listen *c, bool admin) {
    const struct config_listen *old = l->config;
    if (l->fd < 0 || old->kind != c->kind)
        return false;
    if (c->kind == LISTEN_UNIX) /* somebody may have removed it */
        return same_text(old->path, c->path) && access(c->path, F_OK) == 0;
    if (c->kind == LISTEN_SYSTEMD)
        return same_text(old->name, c->name);
    return same_text(old->address, c->address) &&
           (c->port ? l->bound.port == c->port : old->port == 0 && l->admin == admin);
}

static bool is_used(const struct listeners *l, size_t old) {
    for (size_t i = 0; i < l->count; i++)
        if (l->at[i].kept && l->at[i].from == old)
            return true;
    return false;
}

/* Takes the descriptor of the listener that is at the same place, if there is one. */
static void keep(const struct listeners *l, struct listener *new, const struct listeners *before) {
    for (size_t i = 0; before && i < before->count; i++)
        if (is_at(&before->at[i], new->config, new->admin) && !is_used(l, i)) {
            new->fd = before->at[i].fd;
            new->kept = true;
            new->from = i;
            return;
        }
}

/* A unix socket's mode and group are as they shall be. */
static bool adjust(struct listener *l, const struct config_listen *before) {
    const struct config_listen *c = l->config;
    struct stat st;
    if (c->kind != LISTEN_UNIX || (c->mode == before->mode && c->group == before->group))
        return true;
    if (stat(c->path, &st) != 0 || !listen_adjust_unix(c->path, c->mode, c->group))
        return complain(c, "cannot change a unix socket", strerror(errno));
    l->adjusted = true;
    l->mode = st.st_mode & 07777;
    l->group = st.st_gid;
    return true;
}

static bool add(struct listeners *l, const struct config_listen *c, bool admin,
                const struct listeners *before) {
    struct listener *new = &l->at[l->count];
    *new = (struct listener){.config = c, .admin = admin, .fd = -1};
    keep(l, new, before);
    if (!new->kept)
        new->fd = open_one(c);
    if (new->fd < 0)
        return complain(c, "cannot listen",
                        c->kind == LISTEN_SYSTEMD && errno == ENOENT
                            ? "systemd passed no socket of this name"
                            : strerror(errno));
    l->count++;
    new->bound.admin = admin;
    if (!listen_name(new->fd, new->bound.address, sizeof new->bound.address, &new->bound.port,
                     &new->bound.is_unix))
        return complain(c, "cannot tell where a listener is", strerror(errno));
    return !new->kept || adjust(new, before->at[new->from].config);
}

bool listeners_open(struct listeners *l, const struct config *config,
                    const struct listeners *before) {
    *l = (struct listeners){.at = calloc(config->listen_count + 1, sizeof *l->at)};
    bool ok = l->at != NULL;
    for (size_t i = 0; ok && i < config->listen_count; i++)
        ok = add(l, &config->listen[i], false, before);
    if (ok && config->admin.kind != LISTEN_OFF)
        ok = add(l, &config->admin, true, before);
    if (!ok)
        listeners_abandon(l);
    return ok;
}

static void close_one(struct listener *l) {
    if (l->fd < 0)
        return;
    close(l->fd);
    l->fd = -1;
    if (l->config->kind == LISTEN_UNIX)
        unlink(l->config->path);
}

static void forget(struct listeners *l) {
    free(l->at);
    *l = (struct listeners){0};
}

/* In the reverse order, so that one that was adjusted twice gets back what it had at first. */
void listeners_abandon(struct listeners *l) {
    for (size_t i = l->count; i-- > 0;) {
        struct listener *one = &l->at[i];
        if (one->adjusted && !listen_adjust_unix(one->config->path, one->mode, one->group))
            log_error("a unix socket cannot be changed back",
                      LOG_STRING("path", one->config->path));
        if (!one->kept && one->config->kind == LISTEN_SYSTEMD)
            listen_return_systemd(one->fd);
        else if (!one->kept)
            close_one(one);
    }
    forget(l);
}

/* Whether a socket of NOW is where the file of OLD was. */
static bool is_taken(const struct listeners *now, const struct listener *old) {
    for (size_t i = 0; i < now->count; i++)
        if (now->at[i].config->kind == LISTEN_UNIX &&
            same_text(now->at[i].config->path, old->config->path))
            return true;
    return false;
}

void listeners_replace(struct listeners *l, struct listeners *now) {
    for (size_t i = 0; i < l->count; i++) {
        struct listener *old = &l->at[i];
        if (is_used(now, i))
            continue;
        if (old->config->kind == LISTEN_SYSTEMD)
            listen_return_systemd(old->fd);
        else if (old->config->kind == LISTEN_UNIX && is_taken(now, old))
            close(old->fd);
        else
            close_one(old);
    }
    free(l->at);
    *l = *now;
    *now = (struct listeners){0};
    for (size_t i = 0; i < l->count; i++)
        l->at[i].kept = l->at[i].adjusted = false;
}

void listeners_refuse(struct listeners *l) {
    for (size_t i = 0; i < l->count; i++)
        if (!l->at[i].admin)
            close_one(&l->at[i]);
}

void listeners_close(struct listeners *l) {
    for (size_t i = 0; i < l->count; i++)
        close_one(&l->at[i]);
    forget(l);
}

static bool write_whole(const char *file, struct text content) {
    int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return false;
    bool ok = write(fd, content.at, content.len) == (ssize_t)content.len;
    return close(fd) == 0 && ok;
}

bool listeners_write(const struct listeners *l, const char *file) {
    struct buf lines, temporary;
    buf_init(&lines, 64 * 1024);
    buf_init(&temporary, 4096);
    for (size_t i = 0; i < l->count; i++) {
        const struct bound *b = &l->at[i].bound;
        const char *name = b->admin ? "admin" : "main";
        if (b->is_unix)
            buf_addf(&lines, "%s unix %s\n", name, b->address);
        else
            buf_addf(&lines, "%s %s %u\n", name, b->address, b->port);
    }
    buf_addf(&temporary, "%s.%ld", file, (long)getpid());
    bool ok = buf_ok(&lines) && buf_ok(&temporary) && write_whole(temporary.at, buf_text(&lines)) &&
              rename(temporary.at, file) == 0;
    if (!ok)
        log_error("cannot write the listen file", LOG_STRING("file", file),
                  LOG_STRING("error", strerror(errno)));
    buf_done(&lines);
    buf_done(&temporary);
    return ok;
}
