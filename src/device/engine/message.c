/* SPDX-License-Identifier: Apache-2.0 */
#include "device/engine/message.h"

#include <inttypes.h>

#include "base/kv.h"
#include "base/text.h"

/* No number of seconds from outside is taken for more than this: the product stays far from
 * overflow. */
#define URL_FAILURES_MAX 100
#define SECONDS_MAX (366 * 24 * 3600)
#define USEC 1000000

static const char *const kinds[_SWB_WORKER_KIND_MAX] = {
        [SWB_WORKER_CHECK] = "swb-fetch check",
        [SWB_WORKER_REPORT] = "swb-fetch report",
        [SWB_WORKER_GET] = "swb-fetch get",
        [SWB_WORKER_INSTALL] = "swb-install",
        [SWB_WORKER_COMMAND] = "command",
        [SWB_WORKER_LOOK] = "swb-fetch look",
        [SWB_WORKER_POST_INSTALL] = "swb-post-install",
};

static const char *const types[_SWB_MESSAGE_TYPE_MAX] = {
        [SWB_MESSAGE_NEED] = "need",
        [SWB_MESSAGE_PROGRESS] = "progress",
        [SWB_MESSAGE_OUTCOME] = "outcome",
};

static const char *const stages[_SWB_STAGE_MAX] = {
        [SWB_STAGE_METADATA] = "metadata",
        [SWB_STAGE_APPLY] = "apply",
        [SWB_STAGE_READBACK] = "readback",
};

const char *swb_worker_kind_to_string(enum swb_worker_kind kind)
{
        return kinds[kind];
}

/* ---- fields: the first that is wrong sticks ---- */

struct fields {
        const struct swb_kv *kv;
        const char *bad;   /* key */
        bool may_be_local; /* an offer's URL may be a file's */
};

static int find_name(const char *const *names, int n, const char *name)
{
        for (int i = 0; i < n; i++)
                if (name && strcmp(names[i], name) == 0)
                        return i;
        return -EINVAL;
}

static void mark_bad(struct fields *f, const char *key)
{
        if (!f->bad)
                f->bad = key;
}

/* A number that may be absent (0 then). */
static uint64_t get_u64(struct fields *f, const char *key, uint64_t max)
{
        uint64_t value = 0;
        int r = swb_kv_u64(f->kv, key, &value);

        if ((r < 0 && r != -ENOENT) || value > max)
                mark_bad(f, key);
        return value;
}

static uint64_t need_up_to(struct fields *f, const char *key, uint64_t max)
{
        if (!swb_kv_str(f->kv, key, NULL))
                mark_bad(f, key);
        return get_u64(f, key, max);
}

static uint64_t need_u64(struct fields *f, const char *key)
{
        return need_up_to(f, key, INT64_MAX);
}

/* A text that must fit whole, because something is done with it. */
static void get_str(struct fields *f, const char *key, char *field, size_t room)
{
        const char *value = swb_kv_str(f->kv, key, "");

        if (strlen(value) >= room)
                mark_bad(f, key);
        else
                memcpy(field, value, strlen(value) + 1);
}

/* A text for people: cut where the room ends. */
static void get_words(struct fields *f, const char *key, char *field, size_t room)
{
        (void)snprintf(field, room, "%s", swb_kv_str(f->kv, key, ""));
}

/* Versions go into state, arguments and logs: printable, no spaces, no leading dash. */
static bool is_version(const char *text)
{
        if (*text == '-')
                return false;
        for (const char *p = text; *p; p++)
                if (*p <= ' ' || *p > '~')
                        return false;
        return true;
}

static void get_version(struct fields *f, const char *key, char *field)
{
        get_str(f, key, field, SWB_VERSION_TEXT);
        if (!is_version(field))
                mark_bad(f, key);
}

bool swb_message_is_url(const char *text, bool may_be_local)
{
        for (const char *p = text; *p; p++)
                if (*p <= ' ' || *p > '~')
                        return false;
        return swb_starts_with(text, "http://") || swb_starts_with(text, "https://") ||
               (may_be_local && swb_starts_with(text, "file:///"));
}

static void get_urls(struct fields *f, struct swb_answer *answer)
{
        uint64_t n = get_u64(f, "URL_COUNT", UINT32_MAX);

        for (uint64_t i = 0; i < n && answer->n_urls < SWB_URLS_MAX; i++) {
                const char *url;
                char key[32];

                (void)snprintf(key, sizeof(key), "URL_%" PRIu64, i);
                url = swb_kv_str(f->kv, key, "");
                if (!swb_message_is_url(url, f->may_be_local)) {
                        mark_bad(f, "URL");
                        return;
                }
                if (strlen(url) >= SWB_URL_TEXT)
                        continue; /* another one may do */
                memcpy(answer->url[answer->n_urls++], url, strlen(url) + 1);
        }
        if (answer->n_urls == 0)
                mark_bad(f, "URL");
}

static void get_offer(struct fields *f, struct swb_answer *answer)
{
        const char *delta = swb_kv_str(f->kv, "DELTA", "false");

        get_version(f, "VERSION", answer->version);
        if (answer->version[0] == '\0')
                mark_bad(f, "VERSION");
        get_urls(f, answer);
        answer->payload_bytes = need_u64(f, "SIZE");
        if (answer->payload_bytes == 0)
                mark_bad(f, "SIZE");
        if (swb_hex_decode(swb_kv_str(f->kv, "SHA256", ""), answer->payload_hash,
                           SWB_SHA256_BYTES) < 0)
                mark_bad(f, "SHA256");
        if (swb_parse_bool(delta, &answer->is_delta) < 0)
                mark_bad(f, "DELTA");
        answer->metadata_bytes = get_u64(f, "METADATA_SIZE", answer->payload_bytes);
        get_words(f, "DEADLINE", answer->deadline, sizeof(answer->deadline));
        answer->no_backoff = strcmp(swb_kv_str(f->kv, "DISABLE_BACKOFF", ""), "true") == 0;
        answer->attempt = get_u64(f, "ATTEMPT", INT64_MAX);
        answer->url_failures = get_u64(f, "MAX_FAILURES", UINT32_MAX);
        answer->url_failures = SWB_MIN(answer->url_failures, (uint64_t)URL_FAILURES_MAX);
}

static void get_answer(struct fields *f, struct swb_answer *answer)
{
        const char *status = swb_kv_str(f->kv, "STATUS", "");

        answer->has_update = strcmp(status, "ok") == 0;
        if (!answer->has_update && strcmp(status, "noupdate") != 0)
                mark_bad(f, "STATUS");
        if (answer->has_update)
                get_offer(f, answer);
        get_words(f, "INFO", answer->info, sizeof(answer->info));
        answer->is_recall = strcmp(swb_kv_str(f->kv, "RECALL", ""), "true") == 0;
        answer->poll_interval_usec = get_u64(f, "POLL_INTERVAL", SECONDS_MAX) * USEC;
        answer->day = get_u64(f, "DAYSTART_DAYS", INT32_MAX);
        answer->has_cohort = swb_kv_str(f->kv, "COHORT", NULL) != NULL;
        answer->has_cohort_hint = swb_kv_str(f->kv, "COHORT_HINT", NULL) != NULL;
        answer->has_cohort_name = swb_kv_str(f->kv, "COHORT_NAME", NULL) != NULL;
        get_str(f, "COHORT", answer->cohort, sizeof(answer->cohort));
        get_str(f, "COHORT_HINT", answer->cohort_hint, sizeof(answer->cohort_hint));
        get_str(f, "COHORT_NAME", answer->cohort_name, sizeof(answer->cohort_name));
}

static void get_cause(struct fields *f, struct swb_error *cause)
{
        enum swb_fault fault = swb_fault_from_string(swb_kv_str(f->kv, "FAULT", ""));

        if (fault == _SWB_FAULT_INVALID || fault == SWB_FAULT_NONE)
                mark_bad(f, "FAULT");
        cause->code = -EIO;
        cause->fault = fault;
        get_words(f, "TEXT", cause->text, sizeof(cause->text));
}

static void get_outcome(struct fields *f, enum swb_worker_kind kind, struct swb_message *m)
{
        const char *result = swb_kv_str(f->kv, "RESULT", "");

        m->ok = strcmp(result, "ok") == 0;
        if (!m->ok && strcmp(result, "failed") != 0)
                mark_bad(f, "RESULT");
        m->http_status = get_u64(f, "HTTP_STATUS", 999);
        m->retry_after_usec = get_u64(f, "RETRY_AFTER", SECONDS_MAX) * USEC;
        if (!m->ok)
                get_cause(f, &m->cause);
        else if (kind == SWB_WORKER_CHECK || kind == SWB_WORKER_LOOK)
                get_answer(f, &m->answer);
        else if (kind == SWB_WORKER_INSTALL)
                get_version(f, "VERSION", m->version);
}

static void get_progress(struct fields *f, enum swb_worker_kind kind, struct swb_message *m)
{
        if (kind == SWB_WORKER_POST_INSTALL) {
                m->percent = (unsigned)need_up_to(f, "PERCENT", 100);
                return;
        }
        m->bytes_done = need_u64(f, "BYTES_DONE");
        if (kind == SWB_WORKER_GET) {
                m->offset = need_u64(f, "OFFSET");
                m->rate = get_u64(f, "RATE", INT64_MAX);
                return;
        }
        m->stage =
                (enum swb_stage)find_name(stages, _SWB_STAGE_MAX, swb_kv_str(f->kv, "STAGE", NULL));
        if (m->stage == _SWB_STAGE_INVALID)
                mark_bad(f, "STAGE");
        m->percent = (unsigned)need_up_to(f, "PERCENT", 100);
        m->bytes_total = need_u64(f, "BYTES_TOTAL");
        if (m->bytes_total > 0 && m->bytes_done > m->bytes_total)
                mark_bad(f, "BYTES_DONE");
        if (get_u64(f, "OPERATIONS_DONE", INT64_MAX) > get_u64(f, "OPERATIONS_TOTAL", INT64_MAX))
                mark_bad(f, "OPERATIONS_DONE");
}

/* Which kind may say what. */
static bool may_say(enum swb_worker_kind kind, enum swb_message_type type)
{
        switch (kind) {
        case SWB_WORKER_CHECK:
        case SWB_WORKER_LOOK:
        case SWB_WORKER_REPORT:
                return type == SWB_MESSAGE_OUTCOME;
        case SWB_WORKER_GET:
        case SWB_WORKER_POST_INSTALL:
                return type != SWB_MESSAGE_NEED;
        case SWB_WORKER_INSTALL:
                return true;
        case SWB_WORKER_COMMAND:
        case _SWB_WORKER_KIND_MAX:
        default:
                return false;
        }
}

int swb_message_parse(enum swb_worker_kind kind, const void *text, size_t n_bytes,
                      struct swb_message *ret, struct swb_error *err)
{
        _cleanup_(swb_kv_freep) struct swb_kv *kv = NULL;
        _cleanup_free_ struct swb_message *m = calloc(1, sizeof(*m)); /* large for a stack */
        struct fields f = {.may_be_local = kind == SWB_WORKER_LOOK};
        int type, r;

        if (!m)
                return swb_oom(err);
        r = swb_kv_parse(text, n_bytes, &kv);
        if (r == -ENOMEM)
                return swb_oom(err);
        if (r < 0)
                return swb_fail(err, -EPROTO, SWB_FAULT_PROTOCOL,
                                "%s sent something that is not KEY=value lines", kinds[kind]);
        f.kv = kv;
        type = find_name(types, _SWB_MESSAGE_TYPE_MAX, swb_kv_str(kv, "TYPE", NULL));
        if (type < 0 || !may_say(kind, (enum swb_message_type)type))
                return swb_fail(err, -EPROTO, SWB_FAULT_PROTOCOL,
                                "%s sent a message of type '%s', which is not its to send",
                                kinds[kind], swb_kv_str(kv, "TYPE", ""));
        m->type = (enum swb_message_type)type;
        if (m->type == SWB_MESSAGE_NEED)
                m->offset = need_u64(&f, "OFFSET");
        else if (m->type == SWB_MESSAGE_PROGRESS)
                get_progress(&f, kind, m);
        else
                get_outcome(&f, kind, m);
        if (f.bad)
                return swb_fail(err, -EPROTO, SWB_FAULT_PROTOCOL,
                                "%s sent a message of type '%s' whose %s is missing or wrong",
                                kinds[kind], types[type], f.bad);
        *ret = *m;
        return 0;
}
