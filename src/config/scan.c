/* SPDX-License-Identifier: MIT */
/* The words of a configuration text, as config/scan.h says. Grammar: the manual of libconfig 1.5,
 * "Configuration File Grammar". */
#include "config/scan.h"

#include "base/utf8.h"

#include <ctype.h>
#include <stdint.h>

static void complain(const struct scan *s, unsigned line, const char *what) {
    problem_add(s->problems, (struct place){{s->file, line}, s->order}, "%s", what);
}

static char peek(const struct scan *s, size_t n) {
    return n < s->rest.len ? s->rest.at[n] : '\0';
}

static struct text take(struct scan *s, size_t n) {
    struct text taken = {s->rest.at, n};
    s->rest = text_skip(s->rest, n);
    return taken;
}

bool scan_is_plain(struct text t) {
    while (t.len) {
        uint32_t code = 0;
        size_t n = utf8_next(t, &code);
        if (n == 0 || utf8_is_control(code))
            return false;
        t = text_skip(t, n);
    }
    return true;
}

static void skip_line(struct scan *s) {
    take(s, text_find(s->rest, '\n'));
}

static void skip_block_comment(struct scan *s) {
    unsigned begin = s->line;
    for (take(s, 2); s->rest.len; take(s, 1)) {
        if (peek(s, 0) == '*' && peek(s, 1) == '/') {
            take(s, 2);
            return;
        }
        if (peek(s, 0) == '\n')
            s->line++;
    }
    complain(s, begin, "the comment that begins here with /* is never closed; expected */");
}

static void skip_blanks(struct scan *s) {
    while (s->rest.len) {
        char c = peek(s, 0);
        if (c == '#' || (c == '/' && peek(s, 1) == '/')) {
            skip_line(s);
        } else if (c == '/' && peek(s, 1) == '*') {
            skip_block_comment(s);
        } else if (c == ' ' || (c >= '\t' && c <= '\r')) {
            s->line += c == '\n';
            take(s, 1);
        } else {
            return;
        }
    }
}

/* The escape sequence at S, which begins with a backslash: its length. */
static size_t check_escape(struct scan *s, size_t at) {
    char c = peek(s, at + 1);
    if (c && strchr("\\\"fnrt", c))
        return 2;
    if ((c == 'x' || c == 'X') && isxdigit((unsigned char)peek(s, at + 2)) &&
        isxdigit((unsigned char)peek(s, at + 3))) {
        if (peek(s, at + 2) == '0' && peek(s, at + 3) == '0')
            complain(s, s->line, "a string cannot hold \\x00");
        return 4;
    }
    complain(s, s->line, "unknown escape in a string; a backslash is written \\\\ here");
    return 1;
}

static struct text take_string(struct scan *s) {
    size_t n = 1;
    for (;;) {
        char c = peek(s, n);
        if (n >= s->rest.len || c == '\n') {
            complain(s, s->line,
                     "the string that begins in this line is not closed; expected \" at its end");
            return take(s, n);
        }
        if (c == '"')
            return take(s, n + 1);
        n += c == '\\' ? check_escape(s, n) : 1;
    }
}

static bool is_name_byte(char c) {
    return isalnum((unsigned char)c) || c == '-' || c == '_' || c == '*';
}

/* Decimal or hexadecimal, with or without the suffix by which libconfig tells 64 bits. */
static bool read_integer(struct text t, int64_t *number, bool *too_large) {
    bool negative = t.len && t.at[0] == '-';
    if (t.len && (t.at[0] == '-' || t.at[0] == '+'))
        t = text_skip(t, 1);
    for (int i = 0; i < 2 && t.len > 1 && t.at[t.len - 1] == 'L'; i++)
        t.len--;
    unsigned base = 10;
    if (t.len > 2 && t.at[0] == '0' && (t.at[1] == 'x' || t.at[1] == 'X')) {
        base = 16;
        t = text_skip(t, 2);
    }
    uint64_t value = 0;
    for (size_t i = 0; i < t.len; i++) {
        char c = t.at[i];
        if (base == 10 ? !isdigit((unsigned char)c) : !isxdigit((unsigned char)c))
            return false;
        unsigned digit = isdigit((unsigned char)c)
                             ? (unsigned)(c - '0')
                             : (unsigned)(tolower((unsigned char)c) - 'a') + 10;
        if (value > ((uint64_t)INT64_MAX - digit) / base)
            *too_large = true;
        else
            value = value * base + digit;
    }
    *number = negative ? -(int64_t)value : (int64_t)value;
    return t.len > 0;
}

static bool is_float(struct text t) {
    size_t digits = 0;
    bool point = false;
    size_t i = t.at[0] == '-' || t.at[0] == '+';
    for (; i < t.len && (isdigit((unsigned char)t.at[i]) || (t.at[i] == '.' && !point)); i++) {
        point |= t.at[i] == '.';
        digits += t.at[i] != '.';
    }
    if (i < t.len && (t.at[i] == 'e' || t.at[i] == 'E')) {
        i++;
        if (i < t.len && (t.at[i] == '-' || t.at[i] == '+'))
            i++;
        if (i == t.len)
            return false;
        while (i < t.len && isdigit((unsigned char)t.at[i]))
            i++;
    }
    return digits > 0 && i == t.len;
}

static struct token take_number(struct scan *s, struct token t) {
    size_t n = 1;
    while (is_name_byte(peek(s, n)) || peek(s, n) == '.' || peek(s, n) == '+')
        n++;
    t.text = take(s, n);
    bool too_large = false;
    t.kind = TOKEN_INTEGER;
    if (read_integer(t.text, &t.integer, &too_large)) {
        if (too_large)
            complain(s, s->line, "the number is too large; the largest is 9223372036854775807");
    } else if (is_float(t.text)) {
        t.kind = TOKEN_FLOAT;
    } else {
        t.integer = 0;
        problem_add(s->problems, (struct place){{s->file, s->line}, s->order},
                    "%.*s is no number; expected digits without a unit, or \"%.*s\" in quotes",
                    TEXT_ARG(t.text), TEXT_ARG(t.text));
    }
    return t;
}

static struct token take_name(struct scan *s, struct token t) {
    size_t n = 1;
    while (is_name_byte(peek(s, n)))
        n++;
    t.text = take(s, n);
    if (t.text.at[0] == '_')
        complain(s, s->line, "a name begins with a letter");
    bool boolean =
        text_equal_nocase(t.text, TEXT("true")) || text_equal_nocase(t.text, TEXT("false"));
    t.kind = boolean ? TOKEN_BOOL : TOKEN_NAME;
    if (peek(s, 0) == '.' || peek(s, 0) == '/') {
        size_t more = 0;
        while (is_name_byte(peek(s, more)) || peek(s, more) == '.' || peek(s, more) == '/')
            more++;
        problem_add(s->problems, (struct place){{s->file, s->line}, s->order},
                    "%.*s%.*s is no name; expected a group as in log = { level = \"info\"; }, or "
                    "quotes around a string",
                    TEXT_ARG(t.text), (int)more, s->rest.at);
        take(s, more);
    }
    return t;
}

static struct token take_include(struct scan *s, struct token t) {
    t.kind = TOKEN_INCLUDE;
    t.text = TEXT("\"\"");
    take(s, strlen("@include"));
    while (peek(s, 0) == ' ' || peek(s, 0) == '\t')
        take(s, 1);
    if (peek(s, 0) == '"')
        t.text = take_string(s);
    else
        complain(s, s->line, "@include without a file; expected @include \"FILE\"");
    return t;
}

/* What cannot stand here: says so and steps over it. */
static void skip_stranger(struct scan *s) {
    static const char *const quotes[] = {"\u201c", "\u201d", "\u201e", "\u201f", "\u2018",
                                         "\u2019", "\u00ab", "\u00bb", "\u2033"};
    for (size_t i = 0; i < ARRAY_LEN(quotes); i++)
        if (text_starts(s->rest, text_of(quotes[i]))) {
            complain(s, s->line, "a typographic quote; expected the plain one: \"");
            skip_line(s);
            return;
        }
    char c = peek(s, 0);
    if (c == '\'') {
        complain(s, s->line, "a single quote; strings stand in double quotes: \"");
        skip_line(s);
        return;
    }
    if (text_starts(s->rest, TEXT("\u00a0")))
        complain(s, s->line, "a no-break space; expected a plain one");
    else if (isprint((unsigned char)c))
        problem_add(s->problems, (struct place){{s->file, s->line}, s->order},
                    "'%c' cannot stand here; a string would stand in quotes", c);
    else
        complain(s, s->line, "a character that cannot stand outside of a string");
    uint32_t code;
    size_t n = utf8_next(s->rest, &code);
    take(s, n ? n : 1);
}

struct token scan_next(struct scan *s) {
    static const char marks[] = "=:,;{}()[]";
    static const enum token_kind kinds[] = {
        TOKEN_EQUALS,      TOKEN_EQUALS,    TOKEN_COMMA,      TOKEN_SEMICOLON,  TOKEN_OPEN_GROUP,
        TOKEN_CLOSE_GROUP, TOKEN_OPEN_LIST, TOKEN_CLOSE_LIST, TOKEN_OPEN_ARRAY, TOKEN_CLOSE_ARRAY};
    for (;;) {
        skip_blanks(s);
        struct token t = {.kind = TOKEN_END, .where = {s->file, s->line}};
        if (!s->rest.len)
            return t;
        char c = peek(s, 0);
        const char *mark = c ? strchr(marks, c) : NULL;
        if (mark) {
            t.kind = kinds[mark - marks];
            t.text = take(s, 1);
            return t;
        }
        if (c == '"') {
            t.kind = TOKEN_STRING;
            t.text = take_string(s);
            return t;
        }
        if (isdigit((unsigned char)c) || c == '+' || c == '-' || c == '.')
            return take_number(s, t);
        if (isalpha((unsigned char)c) || c == '*' || c == '_')
            return take_name(s, t);
        if (text_starts(s->rest, TEXT("@include")))
            return take_include(s, t);
        skip_stranger(s);
    }
}
