/* SPDX-License-Identifier: Apache-2.0 */
/* A change: one transaction with its precondition, its line of audit and its kept answer. */
#include "server/api/change.h"
#include "base/text.h"
#include "os/hash.h"
#include "server/auth/secret.h"
#include "server/store/idempotency.h"

#define STATE_MAX_BYTES (4u << 20)

/* The state of what the path names; an empty buffer: it is not there. */
static int describe(struct swb_api_call *call, struct swb_buf *state, struct swb_error *err)
{
        struct swb_json json = SWB_JSON(state, false);
        int r = call->route->describe ? call->route->describe(call, &json, err) : 0;

        if (r <= 0) {
                swb_buf_reset(state);
                return r;
        }
        r = swb_json_end(&json);
        if (r >= 0) /* the line's end is none of it */
                r = swb_buf_append(state, "", 1);
        if (r < 0)
                return swb_fail_errno(err, r, "describe what is changed");
        state->data[state->n_bytes - 2] = '\0';
        return 0;
}

static const char *text_of(const struct swb_buf *state)
{
        return state->n_bytes ? (const char *)state->data : "";
}

static void make_etag(const char *state, char *etag, size_t n)
{
        uint8_t digest[SWB_SHA256_BYTES];
        char hex[SWB_SHA256_HEX];

        etag[0] = '\0';
        if (!*state)
                return;
        swb_sha256(state, strlen(state), digest);
        swb_hex_encode(digest, sizeof(digest), hex);
        (void)snprintf(etag, n, "\"%.32s\"", hex);
}

int swb_api_tag(struct swb_api_call *call, struct swb_error *err)
{
        _cleanup_(swb_buf_done) struct swb_buf state = SWB_BUF_INIT(STATE_MAX_BYTES);
        int r = describe(call, &state, err);

        if (r >= 0)
                make_etag(text_of(&state), call->answer->etag, sizeof(call->answer->etag));
        return r;
}

/* Whoever looked at an older state must look again. */
static int check_match(const struct swb_api_call *call, const char *state, struct swb_error *err)
{
        const char *wanted = call->request->if_match;
        char etag[40];

        if (!wanted)
                return 0;
        make_etag(state, etag, sizeof(etag));
        if (*etag && (strcmp(wanted, "*") == 0 || strstr(wanted, etag)))
                return 0;
        return swb_fail(err, -ESTALE, SWB_FAULT_BUSY,
                        "it was changed since you looked (If-Match): look again");
}

/* --- repeated requests --- */

static void make_fingerprint(const struct swb_api_call *call, char *hex)
{
        const struct swb_api_request *q = call->request;
        uint8_t digest[SWB_SHA256_BYTES];
        struct swb_sha256 sha;

        swb_sha256_init(&sha);
        swb_sha256_update(&sha, q->method, strlen(q->method) + 1);
        swb_sha256_update(&sha, q->path, strlen(q->path) + 1);
        for (size_t i = 0; i < q->n_query; i++) {
                swb_sha256_update(&sha, q->query[i].name, strlen(q->query[i].name) + 1);
                swb_sha256_update(&sha, q->query[i].value, strlen(q->query[i].value) + 1);
        }
        swb_sha256_update(&sha, q->body, q->n_body);
        swb_sha256_final(&sha, digest);
        swb_hex_encode(digest, sizeof(digest), hex);
}

static void owner_of(const struct swb_api_call *call, char *who, size_t n)
{
        (void)snprintf(who, n, "%s:%s", swb_via_to_string(call->identity.via), call->identity.who);
}

/* 1: it was answered before, and so it is again. */
static int replay(struct swb_api_call *call, struct swb_error *err)
{
        const char *key = call->request->idempotency_key;
        char who[SWB_WHO_MAX + 20], fingerprint[SWB_SHA256_HEX];
        struct swb_kept_answer kept;
        int r;

        if (!key)
                return 0;
        if (!swb_is_plain_id(key, SWB_IDEMPOTENCY_KEY_MAX))
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "Idempotency-Key: 1 to %d printable characters without spaces",
                                SWB_IDEMPOTENCY_KEY_MAX);
        owner_of(call, who, sizeof(who));
        r = swb_idempotency_find(call->db, who, key, &kept, &call->answer->body, err);
        if (r <= 0)
                return r;
        make_fingerprint(call, fingerprint);
        if (strcmp(fingerprint, kept.fingerprint) != 0)
                return swb_fail(err, -EINVAL, SWB_FAULT_FORMAT,
                                "Idempotency-Key: another request was sent with this key");
        if (call->route->flags & SWB_API_SECRET)
                return swb_fail(err, -EEXIST, SWB_FAULT_USAGE,
                                "this was done already, and its secret is shown only once");
        call->answer->status = kept.status;
        memcpy(call->answer->etag, kept.etag, sizeof(kept.etag));
        memcpy(call->answer->location, kept.location, sizeof(kept.location));
        return 1;
}

static int keep(struct swb_api_call *call, struct swb_error *err)
{
        struct swb_kept_answer kept = {.status = call->answer->status};
        struct swb_buf *body = &call->answer->body;
        const char *text = "";
        char who[SWB_WHO_MAX + 20];

        if (!call->request->idempotency_key)
                return 0;
        if (!(call->route->flags & SWB_API_SECRET) && body->n_bytes > 0) {
                if (swb_buf_append(body, "", 1) < 0)
                        return swb_oom(err);
                body->n_bytes--;
                text = (const char *)body->data;
        }
        make_fingerprint(call, kept.fingerprint);
        memcpy(kept.etag, call->answer->etag, sizeof(kept.etag));
        memcpy(kept.location, call->answer->location, sizeof(kept.location));
        owner_of(call, who, sizeof(who));
        return swb_idempotency_put(call->db, who, call->request->idempotency_key, &kept, text,
                                   call->now, err);
}

/* --- the change --- */

static int write_audit(struct swb_api_call *call, const char *before, const char *after,
                       struct swb_error *err)
{
        char object[SWB_MACHINEID_MAX + 64];
        struct swb_audit_entry entry = {.identity = &call->identity,
                                        .action = call->route->action,
                                        .app = call->app.appid,
                                        .object = object,
                                        .old_state = before,
                                        .new_state = after};

        if (!call->route->action || call->route->flags & SWB_API_NO_AUDIT)
                return 0;
        (void)snprintf(object, sizeof(object), "%.*s/%s", (int)strcspn(call->request->path, "/"),
                       call->request->path, swb_api_name(call));
        return swb_audit_put(call->db, &entry, call->now, err);
}

static int end_answer(struct swb_api_call *call, struct swb_error *err)
{
        int r = swb_api_end_answer(call, err);

        if (r >= 0 && *call->made)
                (void)snprintf(call->answer->location, sizeof(call->answer->location),
                               "/api/v1/%s/%s", call->request->path, call->made);
        return r;
}

static int run_inside(struct swb_api_call *call, struct swb_error *err)
{
        _cleanup_(swb_buf_done) struct swb_buf before = SWB_BUF_INIT(STATE_MAX_BYTES);
        _cleanup_(swb_buf_done) struct swb_buf after = SWB_BUF_INIT(STATE_MAX_BYTES);
        int r;

        r = describe(call, &before, err);
        if (r >= 0)
                r = check_match(call, text_of(&before), err);
        if (r >= 0)
                r = call->route->run(call, err);
        if (r >= 0)
                r = describe(call, &after, err);
        if (r < 0)
                return r;
        make_etag(text_of(&after), call->answer->etag, sizeof(call->answer->etag));
        r = write_audit(call, text_of(&before), text_of(&after), err);
        if (r >= 0)
                r = end_answer(call, err);
        return r < 0 ? r : keep(call, err);
}

int swb_api_change(struct swb_api_call *call, struct swb_error *err)
{
        _cleanup_(swb_transaction_done) struct swb_transaction t = {0};
        int r;

        r = swb_transaction_begin(&t, call->db, err);
        if (r == -EBUSY)
                call->status = 503;
        if (r >= 0)
                r = swb_api_find_app(call, err);
        if (r >= 0)
                r = replay(call, err);
        if (r != 0)
                return SWB_MIN(r, 0);
        r = run_inside(call, err);
        if (r < 0)
                return r;
        return call->route->flags & SWB_API_CATALOG ? swb_transaction_commit_catalog(&t, err)
                                                    : swb_transaction_commit(&t, err);
}
