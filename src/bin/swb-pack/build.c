/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/swb-pack/build.h"

#include <inttypes.h>

#include "base/json_writer.h"
#include "base/log.h"
#include "base/text.h"
#include "bin/swb-pack/cache.h"
#include "bin/swb-pack/install.h"
#include "bin/swb-pack/processors.h"
#include "generator/generate.h"
#include "open/encoder.h"

#define LINE_MAX_BYTES ((size_t)64 << 10)
#define OPEN_MEMORY_MIN ((uint64_t)1 << 20)
#define CLOSED_LINES 5u

/* CPU time of a delta's stages, in per cent; in a full payload packing has yet more. */
static const struct swb_eta_stage stages[] = {{"hash", 3},  {"examine", 1},  {"compare", 2},
                                              {"open", 3},  {"align", 1},    {"pack", 84},
                                              {"apply", 5}, {"readback", 1}, {NULL, 0}};

/* SOURCE_DATE_EPOCH, as reproducible-builds.org defines it; -1 when it is not set. */
static int read_time(int64_t *ret, struct swb_error *err)
{
        const char *text = getenv("SOURCE_DATE_EPOCH");

        *ret = -1;
        if (text && (swb_parse_i64(text, ret) < 0 || *ret < 0))
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "SOURCE_DATE_EPOCH='%s' is not a number of seconds", text);
        return 0;
}

static int load_signing(const struct swb_build_options *o, struct swb_signing *signing,
                        struct swb_error *err)
{
        if (o->hash_only && (o->keys.n > 0 || o->signature_sizes.n == 0))
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "--hash-only goes with --signature-size and without --key");
        if (!o->hash_only && o->signature_sizes.n > 0)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "--signature-size goes with --hash-only");
        for (size_t i = 0; i < o->keys.n; i++) {
                int r = swb_signing_add_key(signing, o->keys.items[i], getenv("SWB_PIN"), err);

                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < o->signature_sizes.n; i++) {
                const char *text = o->signature_sizes.items[i];
                uint64_t n_bytes;
                int r = swb_parse_u64(text, &n_bytes);

                if (r < 0)
                        return swb_fail(err, r, SWB_FAULT_USAGE,
                                        "option --signature-size: '%s' is not a number", text);
                r = swb_signing_add_room(signing, n_bytes, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* "none", or names with commas: as the generator wants them, each one present here. */
static int read_encoders(const char *option, char *encoders, struct swb_error *err)
{
        char have[SWB_ENCODERS_TEXT_MAX], word[SWB_ENCODERS_TEXT_MAX];
        const char *rest = encoders;

        (void)snprintf(encoders, SWB_ENCODERS_TEXT_MAX, "%s",
                       strcmp(option, "none") == 0 ? "" : option);
        for (char *c = encoders; *c; c++)
                *c = *c == ',' ? ' ' : *c;
        swb_encoders_list(have);
        while (swb_next_word(&rest, word, sizeof(word)))
                if (!swb_has_word(have, word))
                        return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                        "option --encoders: there is no '%s' here, but: %s", word,
                                        have);
        return 0;
}

static int fill_config(const struct swb_build_options *o, const struct swb_images *images,
                       struct swb_generate_config *config, struct swb_error *err)
{
        int r;

        config->profile = swb_profile_from_string(o->profile);
        if (config->profile < 0)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "option --profile: '%s' is not switchback or chromeos", o->profile);
        if (o->minor != SWB_BUILD_MINOR_UNSET && o->minor >= SWB_MINOR_DEFAULT)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE, "no minor version %" PRIu64,
                                o->minor);
        if (o->max_timestamp > INT64_MAX)
                return swb_fail(err, -ERANGE, SWB_FAULT_USAGE, "option --max-timestamp: too large");
        config->minor = o->minor == SWB_BUILD_MINOR_UNSET ? SWB_MINOR_DEFAULT : (uint32_t)o->minor;
        config->max_timestamp = (int64_t)o->max_timestamp;
        if (o->effort < 1 || o->effort > SWB_EFFORT_MAX)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "option --effort: %" PRIu64 " is not one of 1 to %u", o->effort,
                                SWB_EFFORT_MAX);
        config->effort = (unsigned)o->effort;
        if (o->open_memory < OPEN_MEMORY_MIN || o->open_memory > SWB_OPEN_MEMORY_MAX)
                return swb_fail(err, -ERANGE, SWB_FAULT_USAGE,
                                "option --open-memory: %" PRIu64 " bytes are not 1M to %" PRIu64
                                "M, which is what devices can be set to give",
                                o->open_memory, SWB_OPEN_MEMORY_MAX >> 20);
        config->open_memory_bytes = o->open_memory;
        config->verity = o->verity;
        config->app_id = o->app_id;
        config->target_version = o->target_version;
        config->source_version = o->source_version;
        config->output_path = o->output;
        config->manifest_path = o->manifest;
        config->pool.memory_bytes = o->memory;
        for (size_t i = 0; i < images->n; i++)
                config->partitions[config->n_partitions++] =
                        (struct swb_generate_partition){.name = images->items[i].name,
                                                        .old_path = images->items[i].old_path,
                                                        .new_path = images->items[i].new_path};
        r = swb_choose_threads(o->jobs, &config->pool.n_threads, err);
        return r < 0 ? r : read_time(&config->time, err);
}

/* The last word on a payload is the device's own code: what it makes must be the new image. */
static int prove(const struct swb_generate_config *config, struct swb_generated *generated,
                 struct swb_progress_view *view, struct swb_error *err)
{
        _cleanup_(swb_scratch_done) struct swb_scratch scratch = SWB_SCRATCH_INIT;
        _cleanup_free_ char *folder = swb_folder_of(config->output_path);
        struct swb_install_slot slots[SWB_PARTITIONS_MAX];
        int r = folder ? swb_scratch_make(&scratch, folder, &generated->manifest, err)
                       : swb_oom(err);

        if (r < 0)
                return r;
        for (size_t i = 0; i < scratch.n; i++)
                slots[i] = (struct swb_install_slot){.partition = config->partitions[i].name,
                                                     .target = scratch.paths[i],
                                                     .source = config->partitions[i].old_path};
        r = swb_install_file(swb_output_fd(generated->output), config->output_path, slots,
                             scratch.n, NULL, view, err);
        for (size_t i = 0; i < scratch.n && r == 0; i++)
                r = swb_compare_files(scratch.fds[i], "what the payload makes",
                                      config->partitions[i].new_path, err);
        return r < 0 ? swb_wrap(err, r, "the payload was made but does not apply; it is not kept")
                     : 0;
}

struct tally {
        uint64_t count, bytes;
};

static void print_text(const struct swb_generate_config *config,
                       const struct swb_generated *generated)
{
        struct tally tallies[SWB_OP_LAST + 1] = {{0}};
        char size[SWB_SIZE_TEXT];

        for (size_t p = 0; p < generated->manifest.n_partitions; p++)
                for (size_t i = 0; i < generated->operations[p].n; i++) {
                        const struct swb_operation *op = &generated->operations[p].items[i];

                        tallies[op->type].count++;
                        tallies[op->type].bytes += op->data_length;
                }
        (void)printf("%s: %s (%" PRIu64 " bytes), %s%s%s, minor version %u, %s\n",
                     config->output_path, swb_format_size(generated->payload.n_bytes, size),
                     generated->payload.n_bytes,
                     config->source_version ? config->source_version : "full",
                     config->source_version ? " to " : " ", config->target_version,
                     generated->manifest.minor,
                     generated->is_room        ? "with room for signatures"
                     : config->signing->n == 0 ? "not signed"
                                               : "signed");
        for (uint32_t type = 0; type < SWB_ELEMENTS(tallies); type++)
                if (tallies[type].count)
                        (void)printf("  %-14s %6" PRIu64 " operations, %10" PRIu64 " bytes\n",
                                     swb_op_to_string(type), tallies[type].count,
                                     tallies[type].bytes);
        if (config->cache.folder)
                (void)printf("  cache: %" PRIu64 " of %" PRIu64 " taken\n",
                             generated->cache.n_taken, generated->cache.n_asked);
}

static void print_json(const struct swb_generate_config *config,
                       const struct swb_generated *generated)
{
        _cleanup_(swb_buf_done) struct swb_buf line = SWB_BUF_INIT(LINE_MAX_BYTES);
        struct swb_json json = SWB_JSON(&line, false);

        swb_json_open_object(&json, NULL);
        swb_json_str(&json, "event", "done");
        swb_json_str(&json, "payload", config->output_path);
        swb_json_str(&json, "manifest", generated->json_path);
        swb_json_u64(&json, "size", generated->payload.n_bytes);
        if (config->cache.folder) {
                swb_json_u64(&json, "cache_asked", generated->cache.n_asked);
                swb_json_u64(&json, "cache_taken", generated->cache.n_taken);
        }
        swb_json_close_object(&json);
        if (swb_json_end(&json) == 0)
                (void)fwrite(line.data, 1, line.n_bytes, stdout);
}

/* The dearest of the files that stay packed, and how many there are more. */
static void tell_closed(const char *partition, const struct swb_closed_list *list)
{
        uint64_t n_bytes = 0;
        size_t n = 0;

        for (size_t i = 0; i < list->n; i++) {
                const struct swb_closed_content *content = &list->items[i];
                char reason[SWB_CLOSED_TEXT_MAX];

                if (*content->path == '\0') /* the image: has a note of its own */
                        continue;
                n_bytes += content->n_delta;
                if (n++ >= CLOSED_LINES)
                        continue;
                swb_closed_text(&content->closed, reason);
                swb_log(SWB_LOG_NOTICE,
                        "partition '%s': %s is compared as it is packed, %" PRIu64 " bytes: %s",
                        partition, content->path, content->n_delta, reason);
        }
        if (n > CLOSED_LINES)
                swb_log(SWB_LOG_NOTICE,
                        "partition '%s': %zu files in all are compared as they are packed, %" PRIu64
                        " bytes",
                        partition, n, n_bytes);
}

static int run(const struct swb_generate_config *config, struct swb_progress_view *view,
               struct swb_error *err)
{
        _cleanup_(swb_generated_done) struct swb_generated generated = {0};
        int r = swb_generate(config, &generated, err);

        for (size_t i = 0; i < SWB_PARTITIONS_MAX; i++)
                if (*generated.notes[i]) {
                        swb_progress_view_end(view);
                        swb_log(SWB_LOG_NOTICE, "%s", generated.notes[i]);
                }
        if (r == 0)
                swb_progress_view_end(view);
        for (size_t i = 0; i < config->n_partitions && r == 0; i++)
                tell_closed(config->partitions[i].name, &generated.closed[i]);
        if (r == 0)
                r = prove(config, &generated, view, err);
        if (r == 0)
                r = swb_generated_commit(&generated, err);
        swb_progress_view_end(view);
        swb_log_cache(config->cache.folder, &generated.cache);
        if (r < 0)
                return r;
        if (view->form == SWB_PROGRESS_JSON)
                print_json(config, &generated);
        else
                print_text(config, &generated);
        return SWB_EXIT_OK;
}

int swb_build(const struct swb_build_options *options, const struct swb_images *images,
              struct swb_error *err)
{
        _cleanup_(swb_signing_done) struct swb_signing signing = {.n = 0};
        struct swb_progress_view view;
        struct swb_generate_config config = {.signing = &signing};
        char tool[SWB_SHA256_HEX], encoders[SWB_ENCODERS_TEXT_MAX];
        int r = swb_progress_view_init(&view, options->progress, err);

        if (r == 0)
                r = fill_config(options, images, &config, err);
        if (r == 0 && options->encoders) {
                config.encoders = encoders;
                r = read_encoders(options->encoders, encoders, err);
        }
        if (r == 0)
                r = load_signing(options, &signing, err);
        if (r == 0 && options->cache)
                r = swb_choose_cache(options->cache, options->cache_size, tool, &config.cache, err);
        if (r < 0)
                return r;
        swb_progress_view_expect(&view, stages);
        config.pool.progress =
                (struct swb_progress){.report = swb_progress_view_report, .context = &view};
        return run(&config, &view, err);
}
