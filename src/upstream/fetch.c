/* SPDX-License-Identifier: MIT */
/* Fetching with libcurl. Every call has an easy handle of its own on the fetcher's one multi
 * handle; one timer of the loop carries libcurl's time. */
#include "upstream/fetch.h"

#include "base/list.h"
#include "upstream/curl_loop.h"
#include "upstream/fetch_call.h"

#include <assert.h>
#include <stdlib.h>

/* Connections that are kept: one for each service that is asked now and then. */
#define KEPT_CONNECTIONS 8L

struct fetcher {
    struct curl_loop curl;
    struct timer timer;
    struct trust *trust;
    char *proxy, *no_proxy; /* NULL: none */
    struct list calls;      /* libcurl has them */
    struct list failed;     /* before libcurl had them: told when the timer fires */
};

struct fetch {
    struct list node;
    struct fetcher *fetcher;
    struct fetch_call call;
    bool added; /* to the multi handle */
    fetch_done *done;
    void *context;
};

static void on_driven(struct curl_loop *curl);

static void arm(struct fetcher *f) {
    timer_set(f->curl.loop, &f->timer,
              list_empty(&f->failed) ? curl_loop_deadline(&f->curl) : f->curl.loop->now);
}

static void release(struct fetch *fetch) {
    list_remove(&fetch->node);
    if (fetch->added)
        curl_multi_remove_handle(fetch->fetcher->curl.multi, fetch->call.easy);
    fetch_call_done(&fetch->call);
    free(fetch);
}

static void finish(struct fetch *fetch, CURLcode code) {
    struct azure_answer answer;
    struct azure_error error;
    /* It is in no list any more, so that nobody comes upon it while DONE runs. */
    list_remove(&fetch->node);
    bool whole = fetch_call_outcome(&fetch->call, code, &answer, &error);
    fetch->done(fetch->context, whole ? &answer : NULL, whole ? NULL : &error);
    release(fetch);
}

static bool start_curl(struct fetcher *f, struct loop *loop) {
    return curl_loop_init(&f->curl, loop, on_driven) &&
           curl_multi_setopt(f->curl.multi, CURLMOPT_MAXCONNECTS, KEPT_CONNECTIONS) == CURLM_OK;
}

/* Begins anew, as curl_loop.starved asks for. What DONE starts is not concerned. */
static void give_up(struct fetcher *f) {
    struct list calls;
    list_take_all(&calls, &f->calls);
    list_each (node, next, &calls) {
        struct fetch *fetch = list_entry(node, struct fetch, node);
        curl_multi_remove_handle(f->curl.multi, fetch->call.easy);
        fetch->added = false;
    }
    curl_loop_done(&f->curl);
    f->curl.starved = !start_curl(f, f->curl.loop);
    while (!list_empty(&calls))
        finish(list_entry(calls.next, struct fetch, node), CURLE_OUT_OF_MEMORY);
}

static void on_driven(struct curl_loop *curl) {
    struct fetcher *f = container_of(curl, struct fetcher, curl);
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(f->curl.multi, &left))) {
        struct fetch *fetch = NULL;
        CURLcode code = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&fetch);
        if (message->msg == CURLMSG_DONE && fetch)
            finish(fetch, code);
    }
    if (f->curl.starved)
        give_up(f);
    arm(f);
}

static void on_time(struct timer *timer, usec_t now) {
    (void)now;
    struct fetcher *f = container_of(timer, struct fetcher, timer);
    struct list failed;
    list_take_all(&failed, &f->failed);
    while (!list_empty(&failed))
        finish(list_entry(failed.next, struct fetch, node), CURLE_OK);
    curl_loop_tick(&f->curl);
}

/* NULL stays NULL. */
static char *copy(const char *string, bool *failed) {
    char *duplicate = string ? strdup(string) : NULL;
    *failed |= string && !duplicate;
    return duplicate;
}

struct fetcher *fetcher_new(struct loop *loop, const struct fetcher_options *options,
                            struct buf *why) {
    struct fetcher *f = calloc(1, sizeof *f);
    bool failed = !f;
    char *ca_file = copy(options->ca_file, &failed);
    if (f) {
        list_init(&f->calls);
        list_init(&f->failed);
        f->proxy = copy(options->proxy, &failed);
        f->no_proxy = copy(options->no_proxy, &failed);
        failed |= !start_curl(f, loop) || !timer_init(loop, &f->timer, on_time);
    }
    if (failed) {
        buf_add_string(why, "out of memory");
        free(ca_file);
        fetcher_free(&f);
        return NULL;
    }
    f->trust = trust_new(&(struct config_tls){.min_version = 12, .ca_file = ca_file}, why);
    free(ca_file);
    if (!f->trust)
        fetcher_free(&f);
    return f;
}

void fetcher_free(struct fetcher **pointer) {
    struct fetcher *f = *pointer;
    *pointer = NULL;
    if (!f)
        return;
    assert(list_empty(&f->calls) && list_empty(&f->failed));
    curl_loop_done(&f->curl);
    timer_done(f->curl.loop, &f->timer);
    trust_unref(&f->trust);
    free(f->proxy);
    free(f->no_proxy);
    free(f);
}

struct fetch *fetch_start(struct fetcher *f, const struct azure_request *r, size_t max_body,
                          usec_t timeout, fetch_done *done, void *context) {
    if (f->curl.starved)
        f->curl.starved = !start_curl(f, f->curl.loop);
    struct fetch *fetch = f->curl.starved ? NULL : calloc(1, sizeof *fetch);
    if (!fetch)
        return NULL;
    fetch->fetcher = f;
    fetch->done = done;
    fetch->context = context;
    list_init(&fetch->node);
    const struct fetch_way way = {
        .trust = f->trust, .proxy = f->proxy, .no_proxy = f->no_proxy, .timeout = timeout};
    if (!fetch_call_init(&fetch->call, r, &way, max_body) ||
        curl_easy_setopt(fetch->call.easy, CURLOPT_PRIVATE, fetch)) {
        release(fetch);
        return NULL;
    }
    if (fetch->call.problem == AZURE_FINE) {
        fetch->added = curl_multi_add_handle(f->curl.multi, fetch->call.easy) == CURLM_OK;
        if (!fetch->added) {
            release(fetch);
            return NULL;
        }
    }
    list_push_back(fetch->added ? &f->calls : &f->failed, &fetch->node);
    arm(f);
    return fetch;
}

void fetch_cancel(struct fetch **pointer) {
    struct fetch *fetch = *pointer;
    *pointer = NULL;
    if (!fetch)
        return;
    struct fetcher *f = fetch->fetcher;
    release(fetch);
    arm(f);
}
