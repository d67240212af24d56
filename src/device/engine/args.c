/* SPDX-License-Identifier: Apache-2.0 */
#include "device/engine/args.h"

#include <inttypes.h>
#include <stdarg.h>

#include "base/text.h"

void swb_args_done(struct swb_args *args)
{
        for (size_t i = 0; i < args->n; i++)
                free(args->argv[i]);
        args->n = 0;
}

static void add(struct swb_args *args, const char *format, ...) _printf_(2, 3);
static void add(struct swb_args *args, const char *format, ...)
{
        va_list list;
        int r;

        swb_assert(args->n < SWB_WORKER_ARGS_MAX); /* all counts below are bounded */
        va_start(list, format);
        r = vasprintf(&args->argv[args->n], format, list);
        va_end(list);
        if (r < 0) {
                args->argv[args->n] = NULL;
                args->failed = true;
                return;
        }
        args->argv[++args->n] = NULL;
}

/* Texts that may be empty, which means: not given. */
static void add_text(struct swb_args *args, const char *option, const char *value)
{
        if (value[0] != '\0')
                add(args, "--%s=%s", option, value);
}

static int finish(const struct swb_args *args, struct swb_error *err)
{
        return args->failed ? swb_oom(err) : 0;
}

/* What all verbs of swb-fetch take. */
static void add_fetch(struct swb_args *args, const struct swb_config *config, const char *verb)
{
        add(args, "%s", config->workers.fetch);
        add(args, "%s", verb);
        add_text(args, "ca-file", config->server.ca_file);
        add(args, "--connect-timeout=%" PRIu64,
            SWB_MAX(config->server.connect_timeout_usec / 1000000, UINT64_C(1)));
}

/* Who asks. */
static void add_identity(struct swb_args *args, const struct swb_args_from *from)
{
        const struct swb_config *config = from->config;

        add(args, "--url=%s", config->server.url);
        add(args, "--app-id=%s", config->device.app_id);
        add(args, "--device-id=%s", from->facts->device_id);
        add(args, "--current-version=%s", from->facts->version);
        add_text(args, "answer-keys", config->server.answer_keys_dir);
        add_text(args, "channel",
                 from->state->channel[0] ? from->state->channel : config->device.channel);
        add_text(args, "hardware-class", config->device.hardware_class);
        add_text(args, "board", config->device.board);
}

int swb_args_check(struct swb_args *args, const struct swb_args_from *from, bool by_hand,
                   struct swb_error *err)
{
        const struct swb_state *state = from->state;

        add_fetch(args, from->config, "check");
        add_identity(args, from);
        if (by_hand)
                add(args, "--interactive");
        if (state->full_only || !from->config->update.delta)
                add(args, "--no-delta");
        add_text(args, "reads", from->abilities);
        add_text(args, "cohort", state->cohort);
        add_text(args, "cohort-hint", state->cohort_hint);
        add_text(args, "cohort-name", state->cohort_name);
        if (state->ping_day > 0) {
                add(args, "--ping-day=%" PRIu64, state->ping_day);
                add(args, "--ping-active-day=%" PRIu64, state->ping_day);
        }
        return finish(args, err);
}

/* What opening contents may take. */
static void add_open_limits(struct swb_args *args, const struct swb_config *config)
{
        add(args, "--open-memory=%" PRIu64, config->update.open_memory_bytes);
        add(args, "--open-scratch=%" PRIu64, config->update.open_scratch_bytes);
}

int swb_args_abilities(struct swb_args *args, const struct swb_args_from *from,
                       struct swb_error *err)
{
        add(args, "%s", from->config->workers.install);
        add(args, "--abilities");
        add_open_limits(args, from->config);
        return finish(args, err);
}

int swb_args_look(struct swb_args *args, const struct swb_args_from *from, const char *url,
                  struct swb_error *err)
{
        add_fetch(args, from->config, "look");
        add(args, "--app-id=%s", from->config->device.app_id);
        add(args, "--current-version=%s", from->facts->version);
        add(args, "%s", url);
        return finish(args, err);
}

int swb_args_get(struct swb_args *args, const struct swb_args_from *from, uint64_t offset,
                 struct swb_error *err)
{
        const struct swb_pending *pending = &from->state->pending;

        add_fetch(args, from->config, "get");
        for (size_t i = 0; i < pending->n_urls; i++)
                add(args, "--url=%s", pending->url[i]);
        add(args, "--size=%" PRIu64, pending->payload_bytes);
        add(args, "--offset=%" PRIu64, offset);
        add(args, "--pieces");
        if (pending->url_failures > 0)
                add(args, "--failures-per-url=%" PRIu64, pending->url_failures);
        if (from->config->update.max_rate_bytes > 0)
                add(args, "--max-rate=%" PRIu64, from->config->update.max_rate_bytes);
        return finish(args, err);
}

/* Colons part the fields of an event, so none but the last may have one. */
static const char *without_colons(char *copy, const char *text)
{
        (void)snprintf(copy, SWB_VERSION_TEXT, "%s", text);
        for (char *p = copy; *p; p++)
                if (*p == ':')
                        *p = '_';
        return copy;
}

static void add_event(struct swb_args *args, const struct swb_event *event)
{
        char previous[SWB_VERSION_TEXT], next[SWB_VERSION_TEXT];

        add(args, "--event=%u:%u:%d:%s:%s:%s:%s:%s", event->type, event->result, event->error_code,
            without_colons(previous, event->previous_version),
            without_colons(next, event->next_version), swb_slot_to_string(event->slot),
            event->fault == SWB_FAULT_NONE ? "" : swb_fault_to_string(event->fault), event->text);
}

int swb_args_report(struct swb_args *args, const struct swb_args_from *from, size_t n_events,
                    struct swb_error *err)
{
        add_fetch(args, from->config, "report");
        add_identity(args, from);
        for (size_t i = 0; i < SWB_MIN(n_events, (size_t)SWB_EVENTS_A_REPORT); i++)
                add_event(args, &from->state->events[i]);
        return finish(args, err);
}

int swb_args_install(struct swb_args *args, const struct swb_args_from *from, struct swb_error *err)
{
        const struct swb_pending *pending = &from->state->pending;
        const struct swb_config *config = from->config;
        char hex[SWB_SHA256_HEX];

        add(args, "%s", config->workers.install);
        for (size_t i = 0; i < config->n_partitions; i++) {
                const struct swb_config_partition *p = &config->partitions[i];

                add(args, "--slot=%s=%s", p->name, p->path[pending->slot]);
                add(args, "--source=%s=%s", p->name, p->path[from->facts->slot]);
        }
        swb_hex_encode(pending->payload_hash, SWB_SHA256_BYTES, hex);
        add(args, "--pieces");
        add_open_limits(args, config);
        add(args, "--keys=%s", config->device.keys_dir);
        if (config->update.required_signatures > 1)
                add(args, "--required-signatures=%" PRIu64, config->update.required_signatures);
        add(args, "--state=%s/install", config->device.state_dir);
        add(args, "--payload-hash=%s", hex);
        add(args, "--payload-size=%" PRIu64, pending->payload_bytes);
        add(args, "--expect-version=%s", pending->version);
        if (config->device.build_timestamp > 0)
                add(args, "--min-timestamp=%" PRIu64, config->device.build_timestamp);
        if (pending->by_hand && config->update.by_hand_cores > 1) { /* somebody waits */
                add(args, "--foreground");
                add(args, "--cores=%" PRIu64, config->update.by_hand_cores);
        }
        return finish(args, err);
}

int swb_args_post_install(struct swb_args *args, const struct swb_args_from *from,
                          struct swb_error *err)
{
        const struct swb_pending *pending = &from->state->pending;
        const struct swb_config *config = from->config;

        add(args, "%s", config->workers.post_install);
        for (size_t i = 0; i < config->n_partitions; i++)
                if (strcmp(config->partitions[i].name, config->post_install.partition) == 0)
                        add(args, "--root=%s", config->partitions[i].path[pending->slot]);
        add(args, "--place=%s", config->device.state_dir);
        add(args, "--program=%s", config->post_install.program);
        add(args, "--timeout=%" PRIu64 "s", config->post_install.timeout_usec / 1000000);
        if (config->post_install.optional)
                add(args, "--optional");
        add(args, "--old-version=%s", from->facts->version);
        add(args, "--new-version=%s", pending->version);
        add(args, "--slot=%s", swb_slot_to_string(pending->slot));
        return finish(args, err);
}

int swb_args_shell(struct swb_args *args, const char *line, struct swb_error *err)
{
        add(args, "/bin/sh");
        add(args, "-c");
        add(args, "%s", line);
        return finish(args, err);
}
