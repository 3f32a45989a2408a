/* SPDX-License-Identifier: MIT */
/* Answers of Azure as a test writes them down. */
#pragma once

#include "azure/answer.h"

static inline struct azure_answer azure_answer_of(unsigned status, const char *body) {
    return (struct azure_answer){
        .status = status,
        .body = text_of(body),
        .challenge = TEXT(""),
        .location = TEXT(""),
        .operation = TEXT(""),
        .retry_after_s = -1,
    };
}
