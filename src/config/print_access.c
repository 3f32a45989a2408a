/* SPDX-License-Identifier: MIT */
/* Users, groups and networks as strings. */
#include "config/print_access.h"

#include "config/load.h"

#include <arpa/inet.h>
#include <grp.h>
#include <pwd.h>

#define ENTRY_BYTES 16384

void print_unix_group(struct buf *into, gid_t group) {
    char room[ENTRY_BYTES];
    struct group entry, *found = NULL;
    if (getgrgid_r(group, &entry, room, sizeof room, &found) == 0 && found)
        config_quote(into, text_of(entry.gr_name));
    else
        buf_addf(into, "\"%u\"", group);
}

static void print_user(struct buf *into, uid_t user) {
    char room[ENTRY_BYTES];
    struct passwd entry, *found = NULL;
    if (getpwuid_r(user, &entry, room, sizeof room, &found) == 0 && found)
        config_quote(into, text_of(entry.pw_name));
    else
        buf_addf(into, "\"%u\"", user);
}

static void print_network(struct buf *into, const struct cidr *c) {
    static const unsigned char mapped[12] = {[10] = 0xff, 0xff};
    char address[INET6_ADDRSTRLEN];
    bool v4 = c->bits >= 96 && memcmp(c->address, mapped, sizeof mapped) == 0;
    inet_ntop(v4 ? AF_INET : AF_INET6, c->address + (v4 ? 12 : 0), address, sizeof address);
    buf_addf(into, "\"%s/%u\"", address, v4 ? c->bits - 96 : c->bits);
}

void print_clients(struct buf *into, const struct access_list *list) {
    buf_add_char(into, '[');
    for (size_t i = 0; i < list->client_count; i++) {
        buf_add_string(into, i ? ", " : " ");
        print_network(into, &list->clients[i]);
    }
    buf_add_string(into, " ]");
}

void print_users(struct buf *into, const struct access_list *list) {
    buf_add_char(into, '[');
    for (size_t i = 0; i < list->user_count; i++) {
        buf_add_string(into, i ? ", " : " ");
        print_user(into, list->users[i]);
    }
    buf_add_string(into, " ]");
}
