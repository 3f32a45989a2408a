/* SPDX-License-Identifier: MIT */
/* JSON in, JSON out: the scoring of the demo's service without its sockets. */
#include "cli/demo_score.h"

#include "base/json.h"
#include "cli/diabetes.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define DEPTH_MAX 8

void demo_message(struct buf *answer, const char *message) {
    buf_add_string(answer, "{\"message\": ");
    json_add_string(answer, text_of(message));
    buf_add_string(answer, "}\n");
}

static void add_number(struct buf *b, double number) {
    char digits[32];
    for (int precision = 15; precision <= 17; precision++) {
        snprintf(digits, sizeof digits, "%.*g", precision, number);
        if (strtod(digits, NULL) == number)
            break;
    }
    buf_add_string(b, digits);
}

/* Exactly DIABETES_FEATURES numbers. */
static bool read_row(const struct json *row, double features[DIABETES_FEATURES]) {
    size_t n = 0;
    for (const struct json *e = json_first(row); e; e = json_next(e), n++)
        if (n == DIABETES_FEATURES || !json_number(e, &features[n]))
            return false;
    return n == DIABETES_FEATURES;
}

/* A sentence about what is wrong, or NULL. */
static const char *predict(const struct json *document, struct buf *answer) {
    const struct json *data = json_member(document, "data");
    if (!json_is_array(data))
        return "The body must be an object with an array \"data\"";
    buf_add_char(answer, '[');
    for (const struct json *row = json_first(data); row; row = json_next(row)) {
        double features[DIABETES_FEATURES];
        if (!json_is_array(row) || !read_row(row, features))
            return "Each row of \"data\" must be an array of 10 numbers";
        if (row != json_first(data))
            buf_add_string(answer, ", ");
        double prediction = diabetes_predict(features);
        if (!isfinite(prediction))
            return "The numbers of \"data\" are too large";
        add_number(answer, prediction);
    }
    buf_add_string(answer, "]\n");
    return NULL;
}

unsigned demo_score(struct text body, struct buf *answer) {
    struct json *document = json_parse(body, DEPTH_MAX);
    const char *wrong = document ? predict(document, answer) : "The body is not JSON";
    json_free(&document);
    if (!wrong)
        return 200;
    buf_clear(answer);
    demo_message(answer, wrong);
    return 400;
}

const char demo_swagger[] =
    "{\"swagger\": \"2.0\",\n"
    " \"info\": {\"title\": \"diabetes\", \"version\": \"1.0\",\n"
    "  \"description\": \"Predicts the progression of diabetes from ten features.\"},\n"
    " \"schemes\": [\"https\"], \"consumes\": [\"application/json\"],\n"
    " \"produces\": [\"application/json\"],\n"
    " \"securityDefinitions\": {\"Bearer\":\n"
    "  {\"type\": \"apiKey\", \"name\": \"Authorization\", \"in\": \"header\"}},\n"
    " \"paths\": {\"/score\": {\"post\": {\"operationId\": \"RunMLService\",\n"
    "  \"security\": [{\"Bearer\": []}],\n"
    "  \"parameters\": [{\"name\": \"serviceInputPayload\", \"in\": \"body\", \"required\": true,\n"
    "   \"schema\": {\"$ref\": \"#/definitions/ServiceInput\"}}],\n"
    "  \"responses\": {\"200\": {\"description\": \"The predictions, one for each row.\",\n"
    "   \"schema\": {\"$ref\": \"#/definitions/ServiceOutput\"}}}}}},\n"
    " \"definitions\": {\n"
    "  \"ServiceInput\": {\"type\": \"object\", \"required\": [\"data\"], \"properties\": {\n"
    "   \"data\": {\"type\": \"array\", \"items\": {\"type\": \"array\", \"minItems\": 10, "
    "\"maxItems\": 10,\n"
    "    \"items\": {\"type\": \"number\", \"format\": \"double\"}}}}},\n"
    "  \"ServiceOutput\": {\"type\": \"array\",\n"
    "   \"items\": {\"type\": \"number\", \"format\": \"double\"}}}}\n";
