/* SPDX-License-Identifier: MIT */
/* Who may call: users and groups of this machine, addresses and networks. */
#include "config/expect.h"
#include "config/values.h"

#include <grp.h>
#include <pwd.h>
#include <stdlib.h>

#define ENTRY_BYTES 16384 /* room for an entry of passwd or group with all its members */

/* A number that is no "-1", which means none to the kernel. */
static bool read_id(const char *string, uint32_t *id) {
    uint64_t n;
    if (!parse_u64(text_of(string), UINT32_MAX - 1, &n))
        return false;
    *id = (uint32_t)n;
    return true;
}

static bool find_group(const char *name, gid_t *id) {
    char room[ENTRY_BYTES];
    struct group entry, *found = NULL;
    if (read_id(name, id))
        return true;
    if (getgrnam_r(name, &entry, room, sizeof room, &found) != 0 || !found)
        return false;
    *id = entry.gr_gid;
    return true;
}

static bool find_user(const char *name, uint32_t *id) {
    char room[ENTRY_BYTES];
    struct passwd entry, *found = NULL;
    if (read_id(name, id))
        return true;
    if (getpwnam_r(name, &entry, room, sizeof room, &found) != 0 || !found)
        return false;
    *id = entry.pw_uid;
    return true;
}

void value_unix_group(struct fill *f, const struct option *option, const struct node *node,
                      void *field) {
    const char *name = fill_string(f, option, node);
    if (name && !find_group(name, field))
        expect_string(f, option, node, name, NULL);
}

/* Room for the elements of a list of which none is set yet. */
static void *new_array(struct fill *f, size_t n, size_t size) {
    void *array = calloc(n + 1, size);
    if (!array)
        fill_no_memory(f);
    return array;
}

void value_clients(struct fill *f, const struct option *option, const struct node *node,
                   void *field) {
    struct access_list *list = field;
    size_t n;
    const struct node *elements = value_elements(node, &n);
    list->clients = new_array(f, n, sizeof *list->clients);
    if (!list->clients)
        return;
    for (size_t i = 0; i < n; i++) {
        const char *text = fill_string(f, option, &elements[i]);
        if (text && !parse_cidr(text_of(text), &list->clients[i]))
            expect_string(f, option, &elements[i], text, NULL);
    }
    list->client_count = n;
}

void value_users(struct fill *f, const struct option *option, const struct node *node,
                 void *field) {
    struct access_list *list = field;
    size_t n;
    const struct node *elements = value_elements(node, &n);
    list->users = new_array(f, n, sizeof *list->users);
    if (!list->users)
        return;
    for (size_t i = 0; i < n; i++) {
        const char *name = fill_string(f, option, &elements[i]);
        if (name && !find_user(name, &list->users[i]))
            expect_string(f, option, &elements[i], name, NULL);
    }
    list->user_count = n;
}
