/* SPDX-License-Identifier: Apache-2.0 */
/* The state's file: writing it and reading it back. */
#include "device/engine/state.h"

#include "base/kv.h"
#include "base/text.h"
#include "os/file.h"

#define FILE_NAME "engine.state"
#define FILE_FORMAT 1
#define FILE_BYTES_MAX (256 * 1024)
#define ELEMENT_BYTES_MAX (SWB_URLS_MAX * SWB_URL_TEXT * 4 + 8192) /* all escaped */
#define KEY_TEXT 32

/* ---- writing: the first failure sticks, as there is nothing to do about it in between ---- */

struct sink {
        struct swb_buf buf;
        int error;
};

#define SINK(max) ((struct sink){.buf = SWB_BUF_INIT(max)})

static void sink_done(struct sink *sink)
{
        swb_buf_done(&sink->buf);
}

static void put_str(struct sink *sink, const char *key, const char *value)
{
        if (sink->error >= 0 && value[0] != '\0')
                sink->error = swb_kv_put(&sink->buf, key, value);
}

static void put_u64(struct sink *sink, const char *key, uint64_t value)
{
        if (sink->error >= 0 && value != 0)
                sink->error = swb_kv_put_u64(&sink->buf, key, value);
}

static const char *indexed(char *key, const char *prefix, size_t i)
{
        (void)snprintf(key, KEY_TEXT, "%s_%zu", prefix, i);
        return key;
}

/* Puts one block of lines as the value of one key and empties it for the next. */
static void put_block(struct sink *sink, const char *key, struct sink *block)
{
        if (sink->error >= 0)
                sink->error = block->error;
        if (sink->error >= 0)
                sink->error = swb_buf_append(&block->buf, "", 1);
        if (sink->error >= 0)
                sink->error = swb_kv_put(&sink->buf, key, (const char *)block->buf.data);
        swb_buf_reset(&block->buf);
}

static const char *prefixed(char *key, const char *prefix, const char *name)
{
        (void)snprintf(key, KEY_TEXT, "%s%s", prefix, name);
        return key;
}

static void put_due(struct sink *sink, const char *prefix, const struct swb_due *due)
{
        char key[KEY_TEXT];

        put_str(sink, prefixed(key, prefix, "BOOT_ID"), due->boot_id);
        put_u64(sink, prefixed(key, prefix, "BOOT_USEC"), due->boot_usec);
        put_u64(sink, prefixed(key, prefix, "WALL_USEC"), due->wall_usec);
        put_u64(sink, prefixed(key, prefix, "USEC"), due->wait_usec);
        put_u64(sink, prefixed(key, prefix, "ORDER"), due->is_order);
}

static void put_pending(struct sink *sink, const struct swb_pending *pending)
{
        char hash[SWB_SHA256_HEX], key[KEY_TEXT];

        swb_hex_encode(pending->payload_hash, SWB_SHA256_BYTES, hash);
        put_str(sink, "PHASE", swb_phase_to_string(pending->phase));
        put_str(sink, "VERSION", pending->version);
        put_str(sink, "FROM_VERSION", pending->from_version);
        put_str(sink, "SHA256", hash);
        put_u64(sink, "SIZE", pending->payload_bytes);
        for (size_t i = 0; i < pending->n_urls; i++)
                put_str(sink, indexed(key, "URL", i), pending->url[i]);
        put_u64(sink, "DELTA", pending->is_delta);
        put_u64(sink, "LOCAL", pending->is_local);
        put_u64(sink, "BY_HAND", pending->by_hand);
        put_str(sink, "SLOT", swb_slot_to_string(pending->slot));
        put_u64(sink, "ATTEMPTS", pending->attempts);
        put_u64(sink, "FAILURES", pending->failures);
        put_u64(sink, "OFFSET", pending->offset);
        put_str(sink, "DEADLINE", pending->deadline);
        put_u64(sink, "NO_BACKOFF", pending->no_backoff);
        put_u64(sink, "URL_FAILURES", pending->url_failures);
        put_due(sink, "WAIT_", &pending->wait);
        put_str(sink, "BOOT_ID", pending->boot_id);
}

static void put_failed(struct sink *sink, const struct swb_failed *failed)
{
        put_str(sink, "VERSION", failed->version);
        put_str(sink, "FAULT", swb_fault_to_string(failed->fault));
        put_str(sink, "TEXT", failed->text);
        put_u64(sink, "WALL_USEC", failed->wall_usec);
        put_u64(sink, "SERVER_ATTEMPT", failed->server_attempt);
        put_u64(sink, "TIMES", failed->n_times);
}

static void put_event(struct sink *sink, const struct swb_event *event)
{
        put_u64(sink, "TYPE", event->type);
        put_u64(sink, "RESULT", event->result);
        if (sink->error >= 0)
                sink->error = swb_kv_put_i64(&sink->buf, "ERROR_CODE", event->error_code);
        put_str(sink, "FAULT", swb_fault_to_string(event->fault));
        put_str(sink, "SLOT", swb_slot_to_string(event->slot));
        put_str(sink, "TEXT", event->text);
        put_str(sink, "PREVIOUS_VERSION", event->previous_version);
        put_str(sink, "NEXT_VERSION", event->next_version);
}

static void put_past(struct sink *sink, const struct swb_past *past)
{
        put_u64(sink, "WALL_USEC", past->wall_usec);
        put_u64(sink, "TIMES", past->times);
        put_str(sink, "FROM_VERSION", past->from_version);
        put_str(sink, "TO_VERSION", past->to_version);
        put_str(sink, "FAULT", swb_fault_to_string(past->fault));
        put_str(sink, "TEXT", past->text);
}

static void put_checksum(struct sink *sink)
{
        uint8_t digest[SWB_SHA256_BYTES];
        char hex[SWB_SHA256_HEX];

        swb_sha256(sink->buf.data, sink->buf.n_bytes, digest);
        swb_hex_encode(digest, SWB_SHA256_BYTES, hex);
        put_str(sink, "CHECKSUM", hex);
}

static void put_policy(struct sink *sink, const struct swb_state *state)
{
        put_due(sink, "FOUND_", &state->found);
        put_u64(sink, "SCATTER_USEC", state->scatter_usec);
        put_due(sink, "PAUSE_", &state->pause);
        put_due(sink, "DEFERRAL_", &state->deferral);
        put_str(sink, "DEFERRAL_REASON", state->deferral_reason);
        put_u64(sink, "USAGE_DAY", state->usage.day);
        put_u64(sink, "USAGE_MONTH", state->usage.month);
        put_u64(sink, "USAGE_DAY_BYTES", state->usage.day_bytes);
        put_u64(sink, "USAGE_MONTH_BYTES", state->usage.month_bytes);
        put_u64(sink, "USAGE_METERED_BYTES", state->usage.metered_bytes);
}

static void put_state(struct sink *sink, const struct swb_state *state)
{
        _cleanup_(sink_done) struct sink block = SINK(ELEMENT_BYTES_MAX);
        char key[KEY_TEXT];

        put_u64(sink, "FORMAT", FILE_FORMAT);
        put_u64(sink, "LAST_CHECK_WALL_USEC", state->last_check_wall_usec);
        put_u64(sink, "POLL_INTERVAL_USEC", state->poll_interval_usec);
        put_u64(sink, "FAILED_CHECKS", state->failed_checks);
        put_u64(sink, "DELTA_FAILURES", state->delta_failures);
        put_u64(sink, "SERVER_ATTEMPT", state->server_attempt);
        put_u64(sink, "FULL_ONLY", state->full_only);
        put_str(sink, "REFUSED_VERSION", state->refused_version);
        put_u64(sink, "PING_DAY", state->ping_day);
        put_str(sink, "COHORT", state->cohort);
        put_str(sink, "COHORT_HINT", state->cohort_hint);
        put_str(sink, "COHORT_NAME", state->cohort_name);
        put_str(sink, "CHANNEL", state->channel);
        put_due(sink, "DUE_", &state->due);
        put_policy(sink, state);
        if (state->pending.phase != SWB_PHASE_NONE) {
                put_pending(&block, &state->pending);
                put_block(sink, "PENDING", &block);
        }
        for (size_t i = 0; i < state->n_failed; i++) {
                put_failed(&block, &state->failed[i]);
                put_block(sink, indexed(key, "FAILED", i), &block);
        }
        for (size_t i = 0; i < state->n_events; i++) {
                put_event(&block, &state->events[i]);
                put_block(sink, indexed(key, "EVENT", i), &block);
        }
        for (size_t i = 0; i < state->n_past; i++) {
                put_past(&block, &state->past[i]);
                put_block(sink, indexed(key, "PAST", i), &block);
        }
        put_checksum(sink);
}

int swb_state_save(const struct swb_state *state, const char *dir, struct swb_error *err)
{
        _cleanup_(sink_done) struct sink sink = SINK(FILE_BYTES_MAX);
        _cleanup_free_ char *path = NULL;
        int r;

        put_state(&sink, state);
        if (sink.error < 0)
                return swb_fail_errno(err, sink.error, "store the engine's state");
        if (asprintf(&path, "%s/" FILE_NAME, dir) < 0)
                return swb_oom(err);
        r = swb_write_file_durable(path, sink.buf.data, sink.buf.n_bytes, 0600, err);
        return r < 0 ? swb_wrap(err, r, "store the engine's state") : 0;
}

/* ---- reading: anything unexpected is damage ---- */

struct source {
        struct swb_kv *kv;
        const char *bad; /* what was wrong, static string; NULL: nothing */
};

static void source_done(struct source *source)
{
        source->kv = swb_kv_free(source->kv);
}

static uint64_t get_u64(struct source *source, const char *key)
{
        uint64_t value = 0;
        int r = swb_kv_u64(source->kv, key, &value);

        if (r < 0 && r != -ENOENT)
                source->bad = "a number";
        return value;
}

static void get_str(struct source *source, const char *key, char *field, size_t room)
{
        const char *value = swb_kv_str(source->kv, key, "");

        if (strlen(value) >= room)
                source->bad = "a text";
        else
                memcpy(field, value, strlen(value) + 1);
}

#define GET_STR(source, key, field) get_str((source), (key), (field), sizeof(field))

static enum swb_fault get_fault(struct source *source)
{
        enum swb_fault fault = swb_fault_from_string(swb_kv_str(source->kv, "FAULT", ""));

        if (fault == _SWB_FAULT_INVALID) {
                source->bad = "FAULT";
                return SWB_FAULT_INTERNAL;
        }
        return fault;
}

static enum swb_slot get_slot(struct source *source)
{
        enum swb_slot slot = swb_slot_from_string(swb_kv_str(source->kv, "SLOT", ""));

        if (slot == _SWB_SLOT_INVALID) {
                source->bad = "SLOT";
                return SWB_SLOT_A;
        }
        return slot;
}

/* Return: whether the key is there and holds a block; one that is not a block is marked as bad. */
static bool open_block(struct source *source, const char *key, struct source *ret)
{
        const char *text = swb_kv_str(source->kv, key, NULL);

        if (!text)
                return false;
        if (swb_kv_parse(text, strlen(text), &ret->kv) < 0) {
                source->bad = "a list element";
                return false;
        }
        return true;
}

static void get_due(struct source *source, const char *prefix, struct swb_due *due)
{
        char key[KEY_TEXT];

        GET_STR(source, prefixed(key, prefix, "BOOT_ID"), due->boot_id);
        due->boot_usec = get_u64(source, prefixed(key, prefix, "BOOT_USEC"));
        due->wall_usec = get_u64(source, prefixed(key, prefix, "WALL_USEC"));
        due->wait_usec = get_u64(source, prefixed(key, prefix, "USEC"));
        due->is_order = get_u64(source, prefixed(key, prefix, "ORDER")) != 0;
}

static void get_pending(struct source *source, struct swb_pending *pending)
{
        char key[KEY_TEXT];

        pending->phase = swb_phase_from_string(swb_kv_str(source->kv, "PHASE", ""));
        pending->slot = get_slot(source);
        if (pending->phase == _SWB_PHASE_INVALID)
                source->bad = "PHASE";
        if (swb_hex_decode(swb_kv_str(source->kv, "SHA256", ""), pending->payload_hash,
                           SWB_SHA256_BYTES) < 0)
                source->bad = "SHA256";
        GET_STR(source, "VERSION", pending->version);
        GET_STR(source, "FROM_VERSION", pending->from_version);
        GET_STR(source, "BOOT_ID", pending->boot_id);
        for (size_t i = 0; i < SWB_URLS_MAX && swb_kv_str(source->kv, indexed(key, "URL", i), NULL);
             i++) {
                GET_STR(source, key, pending->url[i]);
                pending->n_urls++;
        }
        pending->payload_bytes = get_u64(source, "SIZE");
        pending->is_delta = get_u64(source, "DELTA") != 0;
        pending->is_local = get_u64(source, "LOCAL") != 0;
        pending->by_hand = get_u64(source, "BY_HAND") != 0;
        pending->attempts = get_u64(source, "ATTEMPTS");
        pending->failures = get_u64(source, "FAILURES");
        pending->offset = get_u64(source, "OFFSET");
        GET_STR(source, "DEADLINE", pending->deadline);
        pending->no_backoff = get_u64(source, "NO_BACKOFF") != 0;
        pending->url_failures = get_u64(source, "URL_FAILURES");
        get_due(source, "WAIT_", &pending->wait);
}

static void get_policy(struct source *source, struct swb_state *state)
{
        get_due(source, "FOUND_", &state->found);
        state->scatter_usec = get_u64(source, "SCATTER_USEC");
        get_due(source, "PAUSE_", &state->pause);
        get_due(source, "DEFERRAL_", &state->deferral);
        GET_STR(source, "DEFERRAL_REASON", state->deferral_reason);
        state->usage.day = get_u64(source, "USAGE_DAY");
        state->usage.month = get_u64(source, "USAGE_MONTH");
        state->usage.day_bytes = get_u64(source, "USAGE_DAY_BYTES");
        state->usage.month_bytes = get_u64(source, "USAGE_MONTH_BYTES");
        state->usage.metered_bytes = get_u64(source, "USAGE_METERED_BYTES");
}

static void get_failed(struct source *source, struct swb_failed *failed)
{
        GET_STR(source, "VERSION", failed->version);
        GET_STR(source, "TEXT", failed->text);
        failed->fault = get_fault(source);
        failed->wall_usec = get_u64(source, "WALL_USEC");
        failed->server_attempt = get_u64(source, "SERVER_ATTEMPT");
        failed->n_times = get_u64(source, "TIMES");
}

static void get_event(struct source *source, struct swb_event *event)
{
        int64_t code = 0;

        if (swb_kv_i64(source->kv, "ERROR_CODE", &code) < 0 || code < INT32_MIN || code > INT32_MAX)
                source->bad = "ERROR_CODE";
        event->error_code = (int)code;
        event->type = (unsigned)get_u64(source, "TYPE");
        event->result = (unsigned)get_u64(source, "RESULT");
        event->fault = get_fault(source);
        event->slot = get_slot(source);
        GET_STR(source, "TEXT", event->text);
        GET_STR(source, "PREVIOUS_VERSION", event->previous_version);
        GET_STR(source, "NEXT_VERSION", event->next_version);
}

static void get_past(struct source *source, struct swb_past *past)
{
        past->wall_usec = get_u64(source, "WALL_USEC");
        past->times = get_u64(source, "TIMES");
        past->fault = get_fault(source);
        GET_STR(source, "FROM_VERSION", past->from_version);
        GET_STR(source, "TO_VERSION", past->to_version);
        GET_STR(source, "TEXT", past->text);
}

static void take_bad(struct source *source, const struct source *block)
{
        if (block->bad)
                source->bad = block->bad;
}

static void get_lists(struct source *source, struct swb_state *state)
{
        char key[KEY_TEXT];

        for (size_t i = 0; i < SWB_FAILED_MAX; i++) {
                _cleanup_(source_done) struct source block = {0};

                if (open_block(source, indexed(key, "FAILED", i), &block))
                        get_failed(&block, &state->failed[state->n_failed++]);
                take_bad(source, &block);
        }
        for (size_t i = 0; i < SWB_PAST_MAX; i++) {
                _cleanup_(source_done) struct source block = {0};

                if (open_block(source, indexed(key, "PAST", i), &block))
                        get_past(&block, &state->past[state->n_past++]);
                take_bad(source, &block);
        }
        for (size_t i = 0; i < SWB_EVENTS_MAX; i++) {
                _cleanup_(source_done) struct source block = {0};

                if (open_block(source, indexed(key, "EVENT", i), &block))
                        get_event(&block, &state->events[state->n_events++]);
                take_bad(source, &block);
        }
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
        _cleanup_(source_done) struct source source = {0}, block = {0};
        ssize_t n = check_checksum(buf);

        if (n < 0 || swb_kv_parse(buf->data, (size_t)n, &source.kv) < 0)
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT, "'%s' is damaged", path);
        if (get_u64(&source, "FORMAT") != FILE_FORMAT)
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT,
                                "'%s' was written by another version", path);
        state->last_check_wall_usec = get_u64(&source, "LAST_CHECK_WALL_USEC");
        state->poll_interval_usec = get_u64(&source, "POLL_INTERVAL_USEC");
        state->failed_checks = get_u64(&source, "FAILED_CHECKS");
        state->server_attempt = get_u64(&source, "SERVER_ATTEMPT");
        state->delta_failures = get_u64(&source, "DELTA_FAILURES");
        state->full_only = get_u64(&source, "FULL_ONLY") != 0;
        GET_STR(&source, "REFUSED_VERSION", state->refused_version);
        state->ping_day = get_u64(&source, "PING_DAY");
        GET_STR(&source, "COHORT", state->cohort);
        GET_STR(&source, "COHORT_HINT", state->cohort_hint);
        GET_STR(&source, "COHORT_NAME", state->cohort_name);
        GET_STR(&source, "CHANNEL", state->channel);
        get_due(&source, "DUE_", &state->due);
        get_policy(&source, state);
        if (open_block(&source, "PENDING", &block))
                get_pending(&block, &state->pending);
        take_bad(&source, &block);
        get_lists(&source, state);
        if (source.bad)
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT, "'%s' is damaged: %s is wrong",
                                path, source.bad);
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
