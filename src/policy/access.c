/* SPDX-License-Identifier: MIT */
/* Whether a Host is ours and whether a caller is admitted: the decisions of policy/access.h. An
 * address is compared as bytes, so that every spelling of it that is strictly an address counts and
 * no other does. */
#include "policy/access.h"

static const struct cidr loopback4 = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127}, 104};
static const struct cidr loopback6 = {{[15] = 1}, 128};

static bool is_named(struct text host, const char *const *names, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (text_equal_nocase(host, text_of(names[i])))
            return true;
    return false;
}

bool access_host_is_ours(struct text host, const char *const *names, size_t name_count,
                         const unsigned char *local) {
    if (host.len == 0)
        return false;
    if (text_equal_nocase(host, TEXT("localhost")) || is_named(host, names, name_count))
        return true;
    struct cidr literal;
    if (text_find(host, '/') != host.len || text_find(host, '\0') != host.len ||
        !parse_cidr(host, &literal))
        return false;
    return cidr_has(&loopback4, literal.address) || cidr_has(&loopback6, literal.address) ||
           (local && memcmp(local, literal.address, sizeof literal.address) == 0);
}

static bool client_listed(const struct access_list *list, const unsigned char *address) {
    for (size_t i = 0; address && i < list->client_count; i++)
        if (cidr_has(&list->clients[i], address))
            return true;
    return false;
}

static bool user_listed(const struct access_list *list, int64_t uid) {
    for (size_t i = 0; i < list->user_count; i++)
        if (uid == (int64_t)list->users[i])
            return true;
    return false;
}

bool access_caller_allowed(const struct access_list *list, const unsigned char *address,
                           int64_t uid) {
    return (list->client_count == 0 || client_listed(list, address)) &&
           (list->user_count == 0 || user_listed(list, uid));
}
