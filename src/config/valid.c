/* SPDX-License-Identifier: MIT */
/* The rules of config/valid.h. */
#include "config/valid.h"

#include "base/macros.h"
#include "policy/cors.h"
#include "policy/field.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <sys/un.h>

bool valid_address(struct text t) {
    struct cidr address;
    return text_find(t, '/') == t.len && parse_cidr(t, &address);
}

bool valid_socket_path(struct text t) {
    return t.len > 1 && t.at[0] == '/' && t.len < sizeof((struct sockaddr_un *)NULL)->sun_path;
}

bool valid_socket_name(struct text t) {
    for (size_t i = 0; i < t.len; i++)
        if (t.at[i] <= ' ' || t.at[i] > '~' || t.at[i] == ':')
            return false;
    return t.len > 0 && t.len <= 255;
}

static bool is_label(struct text t) {
    for (size_t i = 0; i < t.len; i++)
        if (!isalnum((unsigned char)t.at[i]) && t.at[i] != '-' && t.at[i] != '_')
            return false;
    return t.len > 0 && t.len <= 63 && t.at[0] != '-' && t.at[t.len - 1] != '-';
}

bool valid_host(struct text t) {
    if (valid_address(t))
        return true;
    struct text rest = t;
    for (;;) {
        struct text label = {rest.at, text_find(rest, '.')};
        if (!is_label(label))
            return false;
        if (label.len == rest.len) /* a last label of digits would be an address to some */
            return t.len <= 253 && strspn(label.at, "0123456789") < label.len;
        rest = text_skip(rest, label.len + 1);
    }
}

static bool is_pin(struct text t) {
    if (t.len != strlen("sha256//") + 44 || !text_starts(t, TEXT("sha256//")) ||
        t.at[t.len - 1] != '=')
        return false;
    for (size_t i = strlen("sha256//"); i < t.len - 1; i++)
        if (!isalnum((unsigned char)t.at[i]) && t.at[i] != '+' && t.at[i] != '/')
            return false;
    return true;
}

bool valid_pin(struct text t) {
    for (;;) {
        struct text pin = {t.at, text_find(t, ';')};
        if (!is_pin(pin))
            return false;
        if (pin.len == t.len)
            return true;
        t = text_skip(t, pin.len + 1);
    }
}

bool valid_media_type(struct text t) {
    struct text type = text_trim((struct text){t.at, text_find(t, ';')});
    size_t slash = text_find(type, '/');
    return parse_is_field_value(t) && parse_is_token((struct text){type.at, slash}) &&
           parse_is_token(text_skip(type, slash + 1));
}

bool valid_value(struct text t) {
    return parse_is_field_value(t) && (t.len == 0 || (t.at[0] != ' ' && t.at[0] != '\t'));
}

bool valid_auth_header(struct text t) {
    static const enum field written_here[] = {FIELD_ACCEPT_ENCODING,
                                              FIELD_CONTENT_LENGTH,
                                              FIELD_CONTENT_TYPE,
                                              FIELD_EXPECT,
                                              FIELD_HOST,
                                              FIELD_VIA,
                                              FIELD_X_MS_CLIENT_REQUEST_ID};
    enum field id = field_lookup(t);
    for (size_t i = 0; i < ARRAY_LEN(written_here); i++)
        if (id == written_here[i])
            return false;
    return parse_is_token(t) && !(field_rules(id) & FIELD_HOP);
}

bool valid_set_header(struct text t) {
    enum field id = field_lookup(t);
    return id == FIELD_CONTENT_TYPE || id == FIELD_ACCEPT_ENCODING || valid_auth_header(t);
}

bool valid_is_secret_header(struct text name) {
    static const char *const words[] = {"auth", "cookie", "key", "password", "secret", "token"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        size_t n = strlen(words[i]);
        for (size_t at = 0; at + n <= name.len; at++)
            if (strncasecmp(name.at + at, words[i], n) == 0)
                return true;
    }
    return false;
}

bool valid_origin(struct text t) {
    return text_equal(t, TEXT("*")) || cors_origin_valid(t);
}
