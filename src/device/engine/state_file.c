/* SPDX-License-Identifier: Apache-2.0 */
/* The state's file: what stands in it, writing it and reading it back. */
#include "device/engine/state.h"

#include "base/kv.h"
#include "base/text.h"
#include "device/engine/record.h"
#include "os/file.h"

#define FILE_NAME "engine.state"
#define FILE_FORMAT 1
#define FILE_BYTES_MAX (256 * 1024)
#define ELEMENT_BYTES_MAX (SWB_URLS_MAX * SWB_URL_TEXT * 4 + 8192) /* all escaped */
#define KEY_TEXT 32

/* ---- what stands in it ---- */

#define DUE(prefix, record, due)                                                                   \
        SWB_FIELD(prefix "BOOT_ID", TEXT, record, due.boot_id),                                    \
                SWB_FIELD(prefix "BOOT_USEC", NUMBER, record, due.boot_usec),                      \
                SWB_FIELD(prefix "WALL_USEC", NUMBER, record, due.wall_usec),                      \
                SWB_FIELD(prefix "USEC", NUMBER, record, due.wait_usec),                           \
                SWB_FIELD(prefix "ORDER", FLAG, record, due.is_order)

#define STATE(key, type, member) SWB_FIELD(key, type, struct swb_state, member)

static const struct swb_field state_fields[] = {
        STATE("LAST_CHECK_WALL_USEC", NUMBER, last_check_wall_usec),
        STATE("POLL_INTERVAL_USEC", NUMBER, poll_interval_usec),
        STATE("FAILED_CHECKS", NUMBER, failed_checks),
        STATE("DELTA_FAILURES", NUMBER, delta_failures),
        STATE("SERVER_ATTEMPT", NUMBER, server_attempt),
        STATE("FULL_ONLY", FLAG, full_only),
        STATE("REFUSED_VERSION", TEXT, refused_version),
        STATE("PING_DAY", NUMBER, ping_day),
        STATE("COHORT", TEXT, cohort),
        STATE("COHORT_HINT", TEXT, cohort_hint),
        STATE("COHORT_NAME", TEXT, cohort_name),
        STATE("CHANNEL", TEXT, channel),
        DUE("DUE_", struct swb_state, due),
        DUE("FOUND_", struct swb_state, found),
        STATE("SCATTER_USEC", NUMBER, scatter_usec),
        DUE("PAUSE_", struct swb_state, pause),
        DUE("DEFERRAL_", struct swb_state, deferral),
        STATE("DEFERRAL_REASON", TEXT, deferral_reason),
        STATE("USAGE_DAY", NUMBER, usage.day),
        STATE("USAGE_MONTH", NUMBER, usage.month),
        STATE("USAGE_DAY_BYTES", NUMBER, usage.day_bytes),
        STATE("USAGE_MONTH_BYTES", NUMBER, usage.month_bytes),
        STATE("USAGE_METERED_BYTES", NUMBER, usage.metered_bytes),
        {0},
};

#define PENDING(key, type, member) SWB_FIELD(key, type, struct swb_pending, member)

/* And its URLs, URL_0 and so on. */
static const struct swb_field pending_fields[] = {
        PENDING("PHASE", PHASE, phase),
        PENDING("VERSION", TEXT, version),
        PENDING("FROM_VERSION", TEXT, from_version),
        PENDING("SHA256", SHA256, payload_hash),
        PENDING("SIZE", NUMBER, payload_bytes),
        PENDING("DELTA", FLAG, is_delta),
        PENDING("LOCAL", FLAG, is_local),
        PENDING("BY_HAND", FLAG, by_hand),
        PENDING("SLOT", SLOT, slot),
        PENDING("ATTEMPTS", NUMBER, attempts),
        PENDING("FAILURES", NUMBER, failures),
        PENDING("OFFSET", NUMBER, offset),
        PENDING("DEADLINE", TEXT, deadline),
        PENDING("NO_BACKOFF", FLAG, no_backoff),
        PENDING("URL_FAILURES", NUMBER, url_failures),
        DUE("WAIT_", struct swb_pending, wait),
        PENDING("BOOT_ID", TEXT, boot_id),
        {0},
};

static const struct swb_field failed_fields[] = {
        SWB_FIELD("VERSION", TEXT, struct swb_failed, version),
        SWB_FIELD("FAULT", FAULT, struct swb_failed, fault),
        SWB_FIELD("TEXT", TEXT, struct swb_failed, text),
        SWB_FIELD("WALL_USEC", NUMBER, struct swb_failed, wall_usec),
        SWB_FIELD("SERVER_ATTEMPT", NUMBER, struct swb_failed, server_attempt),
        SWB_FIELD("TIMES", NUMBER, struct swb_failed, n_times),
        {0},
};

static const struct swb_field event_fields[] = {
        SWB_FIELD("TYPE", UNSIGNED, struct swb_event, type),
        SWB_FIELD("RESULT", UNSIGNED, struct swb_event, result),
        SWB_FIELD("ERROR_CODE", CODE, struct swb_event, error_code),
        SWB_FIELD("FAULT", FAULT, struct swb_event, fault),
        SWB_FIELD("SLOT", SLOT, struct swb_event, slot),
        SWB_FIELD("TEXT", TEXT, struct swb_event, text),
        SWB_FIELD("PREVIOUS_VERSION", TEXT, struct swb_event, previous_version),
        SWB_FIELD("NEXT_VERSION", TEXT, struct swb_event, next_version),
        {0},
};

static const struct swb_field past_fields[] = {
        SWB_FIELD("WALL_USEC", NUMBER, struct swb_past, wall_usec),
        SWB_FIELD("TIMES", NUMBER, struct swb_past, times),
        SWB_FIELD("FROM_VERSION", TEXT, struct swb_past, from_version),
        SWB_FIELD("TO_VERSION", TEXT, struct swb_past, to_version),
        SWB_FIELD("FAULT", FAULT, struct swb_past, fault),
        SWB_FIELD("TEXT", TEXT, struct swb_past, text),
        {0},
};

/* Lists: FAILED_0, FAILED_1 …, each a block of lines. */
static const struct {
        const char *key;
        const struct swb_field *fields;
        size_t offset, n_bytes, n_max; /* of the elements */
        size_t offset_of_n;
} lists[] = {
        {"FAILED", failed_fields, offsetof(struct swb_state, failed), sizeof(struct swb_failed),
         SWB_FAILED_MAX, offsetof(struct swb_state, n_failed)},
        {"EVENT", event_fields, offsetof(struct swb_state, events), sizeof(struct swb_event),
         SWB_EVENTS_MAX, offsetof(struct swb_state, n_events)},
        {"PAST", past_fields, offsetof(struct swb_state, past), sizeof(struct swb_past),
         SWB_PAST_MAX, offsetof(struct swb_state, n_past)},
};

static const char *indexed(char *key, const char *prefix, size_t i)
{
        (void)snprintf(key, KEY_TEXT, "%s_%zu", prefix, i);
        return key;
}

/* ---- writing ---- */

/* Puts one block of lines as the value of one key and empties it for the next. */
static int put_block(struct swb_buf *buf, const char *key, struct swb_buf *block)
{
        int r = swb_buf_append(block, "", 1);

        if (r >= 0)
                r = swb_kv_put(buf, key, (const char *)block->data);
        swb_buf_reset(block);
        return r;
}

static int put_pending(struct swb_buf *buf, const struct swb_pending *pending,
                       struct swb_buf *block)
{
        char key[KEY_TEXT];
        int r;

        if (pending->phase == SWB_PHASE_NONE)
                return 0;
        r = swb_record_put(block, pending_fields, pending);
        for (size_t i = 0; r >= 0 && i < pending->n_urls; i++)
                if (*pending->url[i])
                        r = swb_kv_put(block, indexed(key, "URL", i), pending->url[i]);
        return r < 0 ? r : put_block(buf, "PENDING", block);
}

static int put_list(struct swb_buf *buf, const struct swb_state *state, size_t list,
                    struct swb_buf *block)
{
        const char *at = (const char *)state + lists[list].offset;
        size_t n = *(const size_t *)((const char *)state + lists[list].offset_of_n);
        char key[KEY_TEXT];
        int r = 0;

        for (size_t i = 0; r >= 0 && i < n; i++, at += lists[list].n_bytes) {
                r = swb_record_put(block, lists[list].fields, at);
                if (r >= 0)
                        r = put_block(buf, indexed(key, lists[list].key, i), block);
        }
        return r;
}

static int put_checksum(struct swb_buf *buf)
{
        uint8_t digest[SWB_SHA256_BYTES];
        char hex[SWB_SHA256_HEX];

        swb_sha256(buf->data, buf->n_bytes, digest);
        swb_hex_encode(digest, SWB_SHA256_BYTES, hex);
        return swb_kv_put(buf, "CHECKSUM", hex);
}

static int put_state(struct swb_buf *buf, const struct swb_state *state)
{
        _cleanup_(swb_buf_done) struct swb_buf block = SWB_BUF_INIT(ELEMENT_BYTES_MAX);
        int r = swb_kv_put_u64(buf, "FORMAT", FILE_FORMAT);

        if (r >= 0)
                r = swb_record_put(buf, state_fields, state);
        if (r >= 0)
                r = put_pending(buf, &state->pending, &block);
        for (size_t i = 0; r >= 0 && i < SWB_ELEMENTS(lists); i++)
                r = put_list(buf, state, i, &block);
        return r < 0 ? r : put_checksum(buf);
}

int swb_state_save(const struct swb_state *state, const char *dir, struct swb_error *err)
{
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(FILE_BYTES_MAX);
        _cleanup_free_ char *path = NULL;
        int r = put_state(&buf, state);

        if (r < 0)
                return swb_fail_errno(err, r, "store the engine's state");
        if (asprintf(&path, "%s/" FILE_NAME, dir) < 0) {
                path = NULL;
                return swb_oom(err);
        }
        r = swb_write_file_durable(path, buf.data, buf.n_bytes, 0600, err);
        return r < 0 ? swb_wrap(err, r, "store the engine's state") : 0;
}

/* ---- reading: anything unexpected is damage ---- */

/* Return: 1 with a block, 0 when the key is not there, -EBADMSG when its value is none. */
static int open_block(const struct swb_kv *kv, const char *key, struct swb_kv **ret)
{
        const char *text = swb_kv_str(kv, key, NULL);

        if (!text)
                return 0;
        return swb_kv_parse(text, strlen(text), ret) < 0 ? -EBADMSG : 1;
}

/* Returns what is wrong, or NULL; as those below. */
static const char *get_pending(const struct swb_kv *kv, struct swb_pending *pending)
{
        _cleanup_(swb_kv_freep) struct swb_kv *block = NULL;
        int r = open_block(kv, "PENDING", &block);
        const char *wrong, *url;
        char key[KEY_TEXT];

        if (r <= 0)
                return r < 0 ? "PENDING" : NULL;
        wrong = swb_record_get(block, pending_fields, pending);
        while (pending->n_urls < SWB_URLS_MAX &&
               (url = swb_kv_str(block, indexed(key, "URL", pending->n_urls), NULL))) {
                if (strlen(url) >= SWB_URL_TEXT)
                        return "URL";
                memcpy(pending->url[pending->n_urls++], url, strlen(url) + 1);
        }
        return wrong;
}

static const char *get_list(const struct swb_kv *kv, struct swb_state *state, size_t list)
{
        char *at = (char *)state + lists[list].offset;
        size_t *n = (size_t *)((char *)state + lists[list].offset_of_n);
        const char *wrong = NULL;
        char key[KEY_TEXT];

        for (size_t i = 0; i < lists[list].n_max && !wrong; i++) {
                _cleanup_(swb_kv_freep) struct swb_kv *block = NULL;
                int r = open_block(kv, indexed(key, lists[list].key, i), &block);

                if (r < 0)
                        wrong = lists[list].key;
                else if (r > 0)
                        wrong = swb_record_get(block, lists[list].fields,
                                               at + (*n)++ * lists[list].n_bytes);
        }
        return wrong;
}

static const char *get_state(const struct swb_kv *kv, struct swb_state *state)
{
        const char *wrong = swb_record_get(kv, state_fields, state);

        if (!wrong)
                wrong = get_pending(kv, &state->pending);
        for (size_t i = 0; !wrong && i < SWB_ELEMENTS(lists); i++)
                wrong = get_list(kv, state, i);
        return wrong;
}

/* The last line is the checksum of all before. Return: length of what it covers, or -EBADMSG. */
static ssize_t check_checksum(const struct swb_buf *buf)
{
        static const char tag[] = "CHECKSUM=";
        const size_t line = strlen(tag) + 2 * SWB_SHA256_BYTES + 1;
        uint8_t want[SWB_SHA256_BYTES], is[SWB_SHA256_BYTES];
        char hex[SWB_SHA256_HEX];
        const char *last;

        if (buf->n_bytes < line)
                return -EBADMSG;
        last = (const char *)buf->data + buf->n_bytes - line;
        if (memcmp(last, tag, strlen(tag)) != 0 || last[line - 1] != '\n')
                return -EBADMSG;
        memcpy(hex, last + strlen(tag), 2 * SWB_SHA256_BYTES);
        hex[2 * SWB_SHA256_BYTES] = '\0';
        swb_sha256(buf->data, buf->n_bytes - line, is);
        if (swb_hex_decode(hex, want, sizeof(want)) < 0 || memcmp(want, is, sizeof(is)) != 0)
                return -EBADMSG;
        return (ssize_t)(buf->n_bytes - line);
}

static int parse_state(struct swb_state *state, const struct swb_buf *buf, const char *path,
                       struct swb_error *err)
{
        _cleanup_(swb_kv_freep) struct swb_kv *kv = NULL;
        ssize_t n = check_checksum(buf);
        const char *wrong;
        uint64_t format;

        if (n < 0 || swb_kv_parse(buf->data, (size_t)n, &kv) < 0)
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT, "'%s' is damaged", path);
        if (swb_kv_u64(kv, "FORMAT", &format) < 0 || format != FILE_FORMAT)
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT,
                                "'%s' was written by another version", path);
        wrong = get_state(kv, state);
        if (wrong)
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT, "'%s' is damaged: %s is wrong",
                                path, wrong);
        return 0;
}

int swb_state_load(struct swb_state *state, const char *dir, struct swb_error *err)
{
        _cleanup_(swb_state_freep) struct swb_state *fresh = swb_state_new();
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(FILE_BYTES_MAX);
        struct swb_error cause = SWB_ERROR_INIT;
        _cleanup_free_ char *path = NULL;
        int r;

        if (!fresh || asprintf(&path, "%s/" FILE_NAME, dir) < 0)
                return swb_oom(err);
        r = swb_read_file(path, &buf, &cause);
        if (r == -ENOENT) {
                *state = *fresh;
                return SWB_STATE_FRESH;
        }
        if (r >= 0)
                r = parse_state(fresh, &buf, path, &cause);
        if (r < 0) {
                if (cause.fault == SWB_FAULT_LIMIT)
                        cause.fault = SWB_FAULT_FORMAT;
                if (err)
                        *err = cause;
                return r;
        }
        *state = *fresh;
        return 0;
}

int swb_state_set_aside(const char *dir, struct swb_error *err)
{
        _cleanup_free_ char *path = NULL, *aside = NULL;

        if (asprintf(&path, "%s/" FILE_NAME, dir) < 0 ||
            asprintf(&aside, "%s/" FILE_NAME ".damaged", dir) < 0)
                return swb_oom(err);
        if (rename(path, aside) < 0)
                return swb_fail_errno(err, errno, "move '%s' aside", path);
        return 0;
}
