/* SPDX-License-Identifier: Apache-2.0 */
#include "server/jobs/herald.h"

#include <pthread.h>

#include "base/json_writer.h"
#include "base/log.h"
#include "os/http.h"
#include "server/report/report.h"
#include "server/store/audit.h"
#include "server/store/webhooks.h"

#define PAUSE_SECONDS 1
#define LEASE_SECONDS 60
#define FIRST_WAIT_SECONDS 5
#define MAX_WAIT_SECONDS 3600
#define BODY_MAX_BYTES (128u << 10)
#define ANSWER_MAX_BYTES (64u << 10)
/* Lines to look at in one round. */
#define LINES 200

struct swb_herald {
        struct swb_db *db;
        struct swb_http *http;
        pthread_t thread;
        bool is_running;
        bool stop; /* atomic; the lock is for the pause */
        pthread_mutex_t lock;
        pthread_cond_t wake;
};

/* --- one line --- */

/* The next line that the webhook wants, as text. */
struct message {
        struct swb_webhook *hook;
        struct swb_buf body;
        int64_t id;     /* 0: there is none */
        int64_t passed; /* the last line that it does not want, before that one */
        char action[64];
};

static void put_state(struct swb_json *json, const char *name, const char *state)
{
        if (*state)
                swb_json_raw(json, name, state);
        else
                swb_json_null(json, name);
}

static int write_line(const struct swb_audit_row *row, struct message *message,
                      struct swb_error *err)
{
        struct swb_json json = SWB_JSON(&message->body, false);
        char at[SWB_TIME_TEXT];

        swb_json_open_object(&json, NULL);
        swb_json_i64(&json, "number", row->id);
        swb_json_str(&json, "at", swb_format_time(row->at, at));
        swb_json_str(&json, "who", row->who);
        swb_json_str(&json, "via", row->via);
        swb_json_str(&json, "action", row->action);
        swb_json_str(&json, "app", *row->app ? row->app : NULL);
        swb_json_str(&json, "object", row->object);
        put_state(&json, "before", row->old_state);
        put_state(&json, "after", row->new_state);
        swb_json_close_object(&json);
        return swb_json_end(&json) < 0 ? swb_oom(err) : 0;
}

static int look_at(const struct swb_audit_row *row, void *userdata, struct swb_error *err)
{
        struct message *message = userdata;

        if (message->id)
                return 0;
        if (!swb_webhook_wants(message->hook, row->action)) {
                message->passed = row->id;
                return 0;
        }
        message->id = row->id;
        swb_copy_bounded(message->action, row->action, sizeof(message->action) - 1);
        return write_line(row, message, err);
}

static int find_message(struct swb_herald *herald, struct message *message, struct swb_error *err)
{
        const struct swb_audit_filter filter = {.is_forward = true,
                                                .after = message->hook->position,
                                                .object = "",
                                                .action = "",
                                                .who = "",
                                                .limit = LINES};

        return swb_audit_list(herald->db, &filter, look_at, message, err);
}

/* --- sending --- */

static int send(struct swb_herald *herald, const struct message *message, struct swb_error *err)
{
        _cleanup_(swb_buf_done) struct swb_buf answer = SWB_BUF_INIT(ANSWER_MAX_BYTES);
        char at[32], event[96], delivery[64], stamp[64], signature[160], mac[SWB_SECRET_SIZE];
        const char *headers[] = {
                "Content-Type: application/json", event, delivery, stamp, signature, NULL};
        struct swb_http_status status;
        int r;

        (void)snprintf(at, sizeof(at), "%lld", (long long)time(NULL));
        swb_secret_hmac(message->hook->secret, at, message->body.data, message->body.n_bytes, mac);
        (void)snprintf(event, sizeof(event), "X-Switchback-Event: %s", message->action);
        (void)snprintf(delivery, sizeof(delivery), "X-Switchback-Delivery: %lld",
                       (long long)message->id);
        (void)snprintf(stamp, sizeof(stamp), "X-Switchback-Timestamp: %s", at);
        (void)snprintf(signature, sizeof(signature), "X-Switchback-Signature: sha256=%s", mac);
        r = swb_http_request(herald->http, "POST", message->hook->url, headers, message->body.data,
                             message->body.n_bytes, &answer, &status, err);
        if (r == -E2BIG) /* a long answer is one as well */
                return 0;
        if (r >= 0 && (status.status < 200 || status.status > 299))
                return swb_fail(err, -EIO, SWB_FAULT_HTTP, "HTTP status %u", status.status);
        return r;
}

static void note_failure(struct swb_webhook *hook, int64_t id, int64_t now,
                         const struct swb_error *err)
{
        int64_t wait = FIRST_WAIT_SECONDS;

        for (int64_t i = 0; i < hook->attempts && wait < MAX_WAIT_SECONDS; i++)
                wait *= 2;
        hook->attempts++;
        hook->next_at = now + SWB_MIN(wait, (int64_t)MAX_WAIT_SECONDS);
        swb_copy_bounded(hook->last_result, err->text, SWB_TEXT_MAX);
        if (hook->attempts < SWB_HERALD_TRIES)
                return;
        hook->position = id;
        hook->dropped++;
        hook->attempts = 0;
}

static void deliver(struct swb_herald *herald, const struct message *message)
{
        struct swb_webhook *hook = message->hook;
        struct swb_error err = SWB_ERROR_INIT;
        int r = send(herald, message, &err);
        int64_t now = (int64_t)time(NULL);

        hook->last_at = now;
        if (r < 0) {
                note_failure(hook, message->id, now, &err);
                swb_log(SWB_LOG_INFO, "webhook '%s': %s, retrying", hook->name, err.text);
                return;
        }
        hook->position = message->id;
        hook->attempts = 0;
        hook->next_at = now;
        hook->delivered++;
        swb_copy_bounded(hook->last_result, "ok", SWB_TEXT_MAX);
}

/* Who lags too far behind hears of the newest ones. */
static int skip_old(struct swb_herald *herald, struct swb_webhook *hook, struct swb_error *err)
{
        int64_t last, n;
        int r = swb_audit_last(herald->db, &last, err);

        n = last - SWB_HERALD_LAG - hook->position;
        if (r < 0 || n <= 0)
                return r;
        hook->position += n;
        hook->dropped += n;
        return 0;
}

static int serve_hook(const struct swb_webhook *found, void *userdata, struct swb_error *err)
{
        struct swb_herald *herald = userdata;
        struct swb_webhook hook = *found;
        struct message message = {.hook = &hook, .body = SWB_BUF_INIT(BODY_MAX_BYTES)};
        int64_t now = (int64_t)time(NULL);
        int r = 0;

        if (!hook.enabled || hook.next_at > now)
                return 0;
        r = skip_old(herald, &hook, err);
        if (r >= 0)
                r = find_message(herald, &message, err);
        if (r >= 0 && message.id == 0 && message.passed > 0) {
                hook.position = message.passed;
                r = swb_webhook_note(herald->db, &hook, err);
        } else if (r >= 0 && message.id) {
                r = swb_webhook_claim(herald->db, &hook, now + LEASE_SECONDS, err);
                if (r > 0) {
                        deliver(herald, &message);
                        r = swb_webhook_note(herald->db, &hook, err);
                }
        }
        swb_buf_done(&message.body);
        return SWB_MIN(r, 0);
}

/* --- the thread --- */

struct hooks {
        struct swb_webhook *list;
        size_t n;
};

static int remember(const struct swb_webhook *hook, void *userdata, struct swb_error *err)
{
        struct hooks *hooks = userdata;

        (void)err;
        if (hooks->n < SWB_WEBHOOKS_MAX)
                hooks->list[hooks->n++] = *hook;
        return 0;
}

/* The list is read first: nothing is sent with a query open. */
static int round_of(struct swb_herald *herald, struct swb_webhook *list, struct swb_error *err)
{
        struct hooks hooks = {.list = list};
        int r = swb_webhook_list(herald->db, remember, &hooks, err);

        for (size_t i = 0; r >= 0 && i < hooks.n; i++)
                if (!__atomic_load_n(&herald->stop, __ATOMIC_RELAXED))
                        r = serve_hook(&list[i], herald, err);
        return r;
}

static void pause_a_while(struct swb_herald *herald)
{
        struct timespec until;

        (void)clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += PAUSE_SECONDS;
        (void)pthread_mutex_lock(&herald->lock);
        if (!__atomic_load_n(&herald->stop, __ATOMIC_RELAXED))
                (void)pthread_cond_timedwait(&herald->wake, &herald->lock, &until);
        (void)pthread_mutex_unlock(&herald->lock);
}

static void *run(void *userdata)
{
        struct swb_herald *herald = userdata;
        _cleanup_free_ struct swb_webhook *list = calloc(SWB_WEBHOOKS_MAX, sizeof(*list));

        while (list && !__atomic_load_n(&herald->stop, __ATOMIC_RELAXED)) {
                struct swb_error err = SWB_ERROR_INIT;

                if (round_of(herald, list, &err) < 0)
                        (void)swb_log_failure(SWB_LOG_WARNING, &err, "webhooks, retrying");
                pause_a_while(herald);
        }
        return NULL;
}

int swb_herald_new(const char *store, struct swb_herald **ret, struct swb_error *err)
{
        const struct swb_http_config config = {
                .connect_timeout_usec = 5000000, .stall_usec = 5000000, .answer_usec = 10000000};
        _cleanup_(swb_herald_freep) struct swb_herald *herald = calloc(1, sizeof(*herald));
        int r;

        if (!herald)
                return swb_oom(err);
        (void)pthread_mutex_init(&herald->lock, NULL); /* can't fail without attributes */
        (void)pthread_cond_init(&herald->wake, NULL);
        r = swb_http_new(&config, &herald->http, err);
        if (r >= 0)
                r = swb_db_open(store, SWB_DB_EXISTING, &herald->db, err);
        if (r < 0)
                return r;
        r = pthread_create(&herald->thread, NULL, run, herald);
        if (r != 0)
                return swb_fail_errno(err, r, "start a thread");
        herald->is_running = true;
        *ret = SWB_TAKE_PTR(herald);
        return 0;
}

struct swb_herald *swb_herald_free(struct swb_herald *herald)
{
        if (!herald)
                return NULL;
        (void)pthread_mutex_lock(&herald->lock);
        __atomic_store_n(&herald->stop, true, __ATOMIC_RELAXED);
        (void)pthread_cond_broadcast(&herald->wake);
        (void)pthread_mutex_unlock(&herald->lock);
        if (herald->is_running)
                (void)pthread_join(herald->thread, NULL);
        (void)swb_http_free(herald->http);
        (void)swb_db_free(herald->db);
        (void)pthread_cond_destroy(&herald->wake);
        (void)pthread_mutex_destroy(&herald->lock);
        free(herald);
        return NULL;
}
