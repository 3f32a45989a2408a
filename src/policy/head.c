/* SPDX-License-Identifier: MIT */
/* The check of a request head. One pass over the field lines notes what they say; the rules that
 * concern several lines at once (framing, Host) are applied behind it. The check goes on after a
 * fault, so that the log and the answer have what they need of a refused head too; the first fault
 * is what the caller is told. */
#include "policy/head.h"

#include "base/macros.h"
#include "base/parse.h"
#include "policy/percent.h"

static const struct {
    enum method method;
    struct text name;
} methods[] = {
    {METHOD_GET, {"GET", 3}},         {METHOD_HEAD, {"HEAD", 4}},   {METHOD_POST, {"POST", 4}},
    {METHOD_PUT, {"PUT", 3}},         {METHOD_PATCH, {"PATCH", 5}}, {METHOD_DELETE, {"DELETE", 6}},
    {METHOD_OPTIONS, {"OPTIONS", 7}},
};

enum method method_lookup(struct text name) {
    for (size_t i = 0; i < ARRAY_LEN(methods); i++)
        if (text_equal(methods[i].name, name))
            return methods[i].method;
    return METHOD_OTHER;
}

const char *method_name(enum method m) {
    for (size_t i = 0; i < ARRAY_LEN(methods); i++)
        if (methods[i].method == m)
            return methods[i].name.at;
    return "";
}

void method_list(struct buf *b, unsigned set) {
    const char *separator = "";
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        if (!(set & methods[i].method))
            continue;
        buf_add_string(b, separator);
        buf_add_text(b, methods[i].name);
        separator = ", ";
    }
}

/* What the lines said, for the rules behind the loop. */
struct findings {
    enum reason first;
    uint64_t seen[(FIELD_COUNT + 63) / 64];
    bool framing_twice, host_twice;
    struct text host, length, coding;
};

static void fault(struct findings *f, enum reason why) {
    if (f->first == REASON_NONE)
        f->first = why;
}

static bool target_fits(struct text target) {
    size_t query = text_find(target, '?');
    for (size_t i = 0; i < target.len; i++) {
        unsigned char c = (unsigned char)target.at[i];
        if (c <= 0x20 || c >= 0x7f || c == '#' || c == '\\')
            return false;
        if (c != '%')
            continue;
        /* NUL, and CR and LF in a path: one decoder too many would end a string or a line there. In
         * a query they are text of more than one line. */
        int byte = percent_byte(target, i + 1);
        if (byte <= 0 || (i < query && (byte == '\r' || byte == '\n')))
            return false;
    }
    return true;
}

static enum reason check_target(struct head *h) {
    struct text target = h->target;
    if (target.len == 0 || !target_fits(target))
        return REASON_malformed_target;
    bool asterisk = h->method == METHOD_OPTIONS && text_equal(target, TEXT("*"));
    if (target.at[0] != '/' && !asterisk)
        return REASON_malformed_target;
    size_t mark = text_find(target, '?');
    h->path = (struct text){target.at, mark};
    if (mark < target.len)
        h->query = text_skip(target, mark + 1);
    return REASON_NONE;
}

/* What libmicrohttpd makes of a folded line begins with the name of the field that was folded. */
static bool is_forged_framing(const struct field_line *line) {
    static const struct text content_length = {"content-length", 14},
                             transfer_encoding = {"transfer-encoding", 17};
    if (line->id != FIELD_OTHER || line->name.len < content_length.len)
        return false;
    struct text begin = {line->name.at, content_length.len};
    if (text_equal_nocase(begin, content_length))
        return true;
    begin.len = transfer_encoding.len;
    return line->name.len >= begin.len && text_equal_nocase(begin, transfer_encoding);
}

/* True the second time. */
static bool is_repeated(struct findings *f, enum field id) {
    uint64_t bit = UINT64_C(1) << (id % 64), *word = &f->seen[id / 64];
    bool repeated = *word & bit;
    *word |= bit;
    return repeated;
}

static void note_repetition(struct findings *f, enum field id) {
    if (id == FIELD_CONTENT_LENGTH || id == FIELD_TRANSFER_ENCODING)
        f->framing_twice = true;
    else if (id == FIELD_HOST)
        f->host_twice = true;
    else
        fault(f, REASON_malformed_header);
}

/* Whether the value names something besides the two options that say what becomes of the
 * connection. */
static bool lists_fields(struct text value) {
    struct text option;
    while (text_next_element(&value, &option))
        if (option.len && !text_equal_nocase(option, TEXT("keep-alive")) &&
            !text_equal_nocase(option, TEXT("close")))
            return true;
    return false;
}

static void take_first(struct text *into, struct text value) {
    if (!into->at)
        *into = value;
}

static void note_line(struct head *h, struct findings *f, const struct field_line *line) {
    struct text value = line->value;
    switch (line->id) {
    case FIELD_HOST:
        take_first(&f->host, value);
        break;
    case FIELD_CONTENT_LENGTH:
        take_first(&f->length, value);
        break;
    case FIELD_TRANSFER_ENCODING:
        take_first(&f->coding, value);
        break;
    case FIELD_CONNECTION:
        h->connection_lists = h->connection_lists || lists_fields(value);
        break;
    case FIELD_EXPECT:
        h->expect_continue = h->expect_continue ||
                             (h->version == 11 && text_equal_nocase(value, TEXT("100-continue")));
        break;
    case FIELD_ORIGIN:
        take_first(&h->origin, value);
        break;
    case FIELD_SEC_FETCH_SITE:
        take_first(&h->sec_fetch_site, value);
        break;
    case FIELD_CONTENT_TYPE:
        take_first(&h->content_type, value);
        break;
    case FIELD_USER_AGENT:
        take_first(&h->user_agent, value);
        break;
    case FIELD_X_MS_CLIENT_REQUEST_ID:
        take_first(&h->request_id, value);
        break;
    case FIELD_ACCESS_CONTROL_REQUEST_METHOD:
        take_first(&h->cors_method, value);
        break;
    case FIELD_ACCESS_CONTROL_REQUEST_HEADERS:
        take_first(&h->cors_headers, value);
        break;
    case FIELD_ACCESS_CONTROL_REQUEST_PRIVATE_NETWORK:
        h->cors_private_network = text_equal(value, TEXT("true"));
        break;
    default:
        break;
    }
}

static void check_line(struct head *h, struct findings *f, struct field_line *line) {
    line->id = field_lookup(line->name);
    line->value = line->value.len ? text_trim(line->value) : TEXT("");
    if (!parse_is_token(line->name) || !parse_is_field_value(line->value) ||
        is_forged_framing(line)) {
        fault(f, REASON_malformed_header);
        return;
    }
    if ((field_rules(line->id) & FIELD_SINGLE) && is_repeated(f, line->id))
        note_repetition(f, line->id);
    note_line(h, f, line);
}

static bool all_digits(struct text t) {
    for (size_t i = 0; i < t.len; i++)
        if (t.at[i] < '0' || t.at[i] > '9')
            return false;
    return t.len > 0;
}

static void check_length(struct head *h, struct findings *f) {
    if (parse_u64(f->length, HEAD_NO_LENGTH - 1, &h->content_length))
        return;
    if (!all_digits(f->length)) {
        fault(f, REASON_ambiguous_framing);
        return;
    }
    h->content_length = HEAD_NO_LENGTH - 1; /* larger than anybody allows */
    fault(f, REASON_body_too_large);
}

/* RFC 9112 section 6.3, without its leniencies. */
static void check_framing(struct head *h, struct findings *f) {
    if (f->framing_twice || (f->length.at && f->coding.at) || (f->coding.at && h->version == 10)) {
        fault(f, REASON_ambiguous_framing);
    } else if (f->coding.at) {
        h->chunked = text_equal_nocase(f->coding, TEXT("chunked"));
        if (!h->chunked)
            fault(f, REASON_transfer_coding);
    } else if (f->length.at) {
        check_length(h, f);
    }
}

static void check_host(struct head *h, struct findings *f) {
    uint16_t port;
    if (!f->host.at && h->version == 10)
        return;
    if (!f->host.at || f->host_twice || !parse_authority(f->host, &h->host, &port))
        fault(f, REASON_bad_host);
}

/* The lower half as it is before anything was found. */
static void forget(struct head *h) {
    *h = (struct head){
        .method_text = h->method_text,
        .target = h->target,
        .version = h->version,
        .fields = h->fields,
        .field_count = h->field_count,
        .content_length = HEAD_NO_LENGTH,
    };
}

enum reason head_check(struct head *h) {
    struct findings f = {0};
    forget(h);
    h->method = method_lookup(h->method_text);
    if ((h->version != 10 && h->version != 11) || !parse_is_token(h->method_text))
        fault(&f, REASON_malformed_request);
    else if (text_equal(h->method_text, TEXT("CONNECT")))
        fault(&f, REASON_method_unknown);
    enum reason target = check_target(h);
    if (target != REASON_NONE)
        fault(&f, target);
    for (size_t i = 0; i < h->field_count; i++)
        check_line(h, &f, &h->fields[i]);
    check_framing(h, &f);
    check_host(h, &f);
    return f.first;
}

bool connection_names(const struct field_line *fields, size_t n, struct text name) {
    for (size_t i = 0; i < n; i++) {
        if (fields[i].id != FIELD_CONNECTION)
            continue;
        struct text list = fields[i].value, option;
        while (text_next_element(&list, &option))
            if (text_equal_nocase(option, name))
                return true;
    }
    return false;
}
