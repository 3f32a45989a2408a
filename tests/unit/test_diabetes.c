/* SPDX-License-Identifier: MIT */
/* The demo's model against the numbers that Microsoft's article prints, and what its scoring
 * service makes of other bodies. */
#include "base/json.h"
#include "cli/demo_score.h"
#include "cli/diabetes.h"

#include <math.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>

static unsigned score(const char *body, struct buf *answer) {
    buf_init(answer, 1024 * 1024);
    unsigned status = demo_score(text_of(body), answer);
    assert_true(buf_ok(answer));
    return status;
}

static void the_articles_request_gives_the_articles_numbers(void **state) {
    static const double article[] = {217.67978776218715, 224.78937091757172};
    struct buf answer;
    (void)state;
    assert_int_equal(score(diabetes_sample, &answer), 200);
    struct json *document = json_parse(buf_text(&answer), 2);
    assert_non_null(document);
    const struct json *e = json_first(document);
    for (size_t i = 0; i < ARRAY_LEN(article); i++, e = json_next(e)) {
        double prediction = 0;
        assert_non_null(e);
        assert_true(json_number(e, &prediction));
        assert_true(fabs(prediction - article[i]) < 0.001);
    }
    assert_null(e);
    json_free(&document);
    buf_done(&answer);
}

static void zeros_give_the_intercept_with_few_digits(void **state) {
    struct buf answer;
    (void)state;
    assert_int_equal(score("{\"data\": [[0,0,0,0,0,0,0,0,0,0]]}", &answer), 200);
    assert_string_equal(answer.at, "[152.11785637184062]\n");
    buf_done(&answer);
    assert_int_equal(score("{\"data\": []}", &answer), 200);
    assert_string_equal(answer.at, "[]\n");
    buf_done(&answer);
}

static void other_bodies_are_refused_with_a_message(void **state) {
    static const char *const bodies[] = {
        "",
        "{",
        "[]",
        "{\"data\": 1}",
        "{\"data\": [1]}",
        "{\"data\": [[]]}",
        "{\"data\": [[0,0,0,0,0,0,0,0,0]]}",
        "{\"data\": [[0,0,0,0,0,0,0,0,0,0,0]]}",
        "{\"data\": [[0,0,0,0,0,0,0,0,0,\"0\"]]}",
        "{\"data\": [[0,0,0,0,0,0,0,0,0,0],[0]]}",
        "{\"data\": [[0,0,1e308,0,0,0,0,0,0,0]]}",
        "{\"data\": [[0,0,0,0,0,0,0,0,0,0]]} x",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        struct buf answer;
        struct text message;
        assert_int_equal(score(bodies[i], &answer), 400);
        struct json *document = json_parse(buf_text(&answer), 2);
        assert_true(json_string(json_member(document, "message"), &message));
        assert_true(message.len > 10);
        json_free(&document);
        buf_done(&answer);
    }
}

static void the_swagger_document_is_json(void **state) {
    struct text version;
    (void)state;
    struct json *document = json_parse(text_of(demo_swagger), 16);
    assert_true(json_string(json_member(document, "swagger"), &version));
    assert_true(text_equal(version, TEXT("2.0")));
    assert_true(json_is_object(json_member(json_member(document, "paths"), "/score")));
    json_free(&document);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_articles_request_gives_the_articles_numbers),
        cmocka_unit_test(zeros_give_the_intercept_with_few_digits),
        cmocka_unit_test(other_bodies_are_refused_with_a_message),
        cmocka_unit_test(the_swagger_document_is_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
