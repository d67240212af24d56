/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/generate.h"

#include <ctype.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "base/text.h"
#include "generator/diff/closed_weigh.h"
#include "generator/diff/opened_needs.h"
#include "generator/diff/opened_note.h"
#include "generator/plan/cost.h"
#include "generator/prepare.h"
#include "generator/verity/exclude.h"
#include "generator/verity/image.h"
#include "os/file.h"

#define JSON_MAX_BYTES ((size_t)4 << 20)

struct work {
        struct swb_make make;
        const struct swb_task *task;
        struct swb_operation_list operations;
};

struct generate {
        const struct swb_generate_config *config;
        struct swb_generated *out;
        struct swb_rules rules;
        struct swb_pool pool; /* the config's, with the output's folder for what is too large */
        struct swb_spool *spool;
        struct swb_cache *cache; /* NULL: none */
        struct swb_needs needs;
        struct swb_prepared prepared[SWB_PARTITIONS_MAX];
        struct swb_verity_description verity[SWB_PARTITIONS_MAX]; /* with config->verity */
};

static void generate_done(struct generate *g)
{
        for (size_t i = 0; i < SWB_PARTITIONS_MAX; i++)
                swb_prepared_done(&g->prepared[i]);
        g->spool = swb_spool_free(g->spool);
        g->cache = swb_cache_free(g->cache);
}

static int check_name(const char *name, struct swb_error *err)
{
        size_t n = strlen(name);

        if (n == 0 || n > SWB_PARTITION_NAME_MAX)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "partition name '%s' has not 1 to %d characters", name,
                                SWB_PARTITION_NAME_MAX);
        for (size_t i = 0; i < n; i++)
                if (!isalnum((unsigned char)name[i]) && !strchr("-_.", name[i]))
                        return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                        "partition name '%s': only letters, digits, '-', '_', '.'",
                                        name);
        return 0;
}

static int check_partitions(const struct swb_generate_config *c, struct swb_error *err)
{
        int r;

        for (size_t i = 0; i < c->n_partitions; i++) {
                r = check_name(c->partitions[i].name, err);
                if (r < 0)
                        return r;
                for (size_t k = 0; k < i; k++)
                        if (strcmp(c->partitions[i].name, c->partitions[k].name) == 0)
                                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                                "partition '%s' is named twice",
                                                c->partitions[i].name);
        }
        if (c->n_partitions == 0)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE, "no image is given");
        return 0;
}

static int check_config(const struct swb_generate_config *c, struct swb_error *err)
{
        struct swb_partition *p = NULL;

        if (*c->app_id == '\0')
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE, "the application id is empty");
        if (*c->target_version == '\0' || strlen(c->target_version) >= sizeof(p->version))
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "target version '%s' has not 1 to %zu characters",
                                c->target_version, sizeof(p->version) - 1);
        if (c->source_version && *c->source_version == '\0')
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE, "the source version is empty");
        if (c->effort > SWB_EFFORT_MAX)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE, "effort %u is not one of 1 to %u",
                                c->effort, SWB_EFFORT_MAX);
        if (c->pool.memory_bytes < SWB_GENERATE_MEMORY_MIN)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "memory of %" PRIu64 " bytes is too little: at least 256M",
                                c->pool.memory_bytes);
        return check_partitions(c, err);
}

static int run_work(void *object, struct swb_error *err)
{
        struct work *work = object;

        return swb_make_task(&work->make, work->task, &work->operations, err);
}

static struct swb_job job_of(const struct generate *g, struct work *work)
{
        return (struct swb_job){
                .run = run_work,
                .object = work,
                .memory_bytes = swb_make_memory(&g->rules, work->task, g->pool.memory_bytes),
                .work = swb_task_cost(&g->rules, work->task),
                .is_usec = true};
}

static size_t list_work(struct generate *g, struct work *works, struct swb_job *jobs)
{
        size_t n = 0;

        for (size_t i = 0; i < g->config->n_partitions; i++) {
                struct swb_prepared *p = &g->prepared[i];

                for (size_t k = 0; k < p->tasks.n; k++, n++) {
                        works[n] = (struct work){.make = {.rules = &g->rules,
                                                          .old = p->old.image,
                                                          .new = p->new.image,
                                                          .spool = g->spool,
                                                          .cache = g->cache,
                                                          .folder = g->pool.folder,
                                                          .memory_bytes = g->pool.memory_bytes},
                                                 .task = &p->tasks.items[k]};
                        jobs[n] = job_of(g, &works[n]);
                }
        }
        return n;
}

static int take_operations(struct generate *g, struct work *works)
{
        size_t n = 0;

        for (size_t i = 0; i < g->config->n_partitions; i++)
                for (size_t k = 0; k < g->prepared[i].tasks.n; k++, n++)
                        if (swb_operation_list_take(&g->out->operations[i], &works[n].operations) <
                            0)
                                return -ENOMEM;
        return 0;
}

/* What a partition's operations need, and what could not be opened in it. */
static int look_back(struct generate *g, size_t i, struct swb_error *err)
{
        const struct swb_image *image = g->prepared[i].new.image;
        const struct swb_operation_list *operations = &g->out->operations[i];
        int n_opened = swb_opened_needs_add(&g->needs, g->rules.open_memory_bytes, operations,
                                            g->spool, err);
        int r = n_opened;

        g->out->closed[i] = g->prepared[i].closed;
        g->prepared[i].closed = (struct swb_closed_list){0};
        if (r >= 0)
                r = swb_closed_list_weigh(&g->out->closed[i], image->n_blocks, operations, g->spool,
                                          err);
        if (r >= 0 && g->rules.delta)
                swb_opened_note(&g->rules, g->config->partitions[i].name, image, operations,
                                n_opened > 0, &g->out->closed[i], g->out->notes[i]);
        return SWB_MIN(r, 0);
}

static int make_operations(struct generate *g, struct swb_error *err)
{
        _cleanup_free_ struct work *works = NULL;
        _cleanup_free_ struct swb_job *jobs = NULL;
        size_t n = 0;
        int r;

        for (size_t i = 0; i < g->config->n_partitions; i++)
                n += g->prepared[i].tasks.n;
        works = calloc(n + 1, sizeof(*works));
        jobs = calloc(n + 1, sizeof(*jobs));
        if (!works || !jobs)
                return swb_oom(err);
        (void)list_work(g, works, jobs);
        r = swb_pool_run(&g->config->pool, "pack", jobs, n, err);
        if (g->cache)
                swb_cache_counts(g->cache, &g->out->cache);
        if (r == 0 && take_operations(g, works) < 0)
                r = swb_oom(err);
        for (size_t i = 0; i < g->config->n_partitions && r == 0; i++)
                r = look_back(g, i, err);
        for (size_t i = 0; i < n; i++)
                swb_operation_list_done(&works[i].operations);
        return r;
}

static struct swb_extent tree_extent(const struct swb_verity *verity)
{
        return (struct swb_extent){verity->tree_start, swb_verity_tree_blocks(verity->data_blocks)};
}

static void fill_tree(struct swb_partition *p, const struct swb_verity *verity)
{
        p->has_tree = true;
        p->tree = (struct swb_hash_tree){.data = {verity->data_start, verity->data_blocks},
                                         .tree = tree_extent(verity),
                                         .algorithm = "sha256",
                                         .n_salt = verity->n_salt};
        memcpy(p->tree.salt, verity->salt, verity->n_salt);
}

static struct swb_extent fec_extent(const struct swb_verity_description *d)
{
        return (struct swb_extent){d->fec_start, swb_verity_description_fec_blocks(d)};
}

static void fill_fec(struct swb_partition *p, const struct swb_verity_description *d)
{
        const struct swb_extent *data = &p->tree.data, *tree = &p->tree.tree;

        p->has_fec = true;
        p->fec = (struct swb_error_correction){
                .covered = {data->start_block,
                            tree->start_block + tree->n_blocks - data->start_block},
                .fec = fec_extent(d),
                .roots = d->fec_roots};
}

static void fill_manifest(struct generate *g)
{
        struct swb_manifest *m = &g->out->manifest;

        m->block_size = SWB_BLOCK_BYTES;
        m->minor = g->rules.minor;
        m->max_timestamp = g->config->max_timestamp;
        m->needs = g->needs;
        m->n_partitions = g->config->n_partitions;
        for (size_t i = 0; i < m->n_partitions; i++) {
                const struct swb_prepared *from = &g->prepared[i];
                struct swb_partition *p = &m->partitions[i];

                (void)snprintf(p->name, sizeof(p->name), "%s", g->prepared[i].name);
                (void)snprintf(p->version, sizeof(p->version), "%s", g->config->target_version);
                p->has_new = true;
                p->new_bytes = from->new.image->n_bytes;
                memcpy(p->new_hash, from->new.blocks.image_hash, SWB_SHA256_BYTES);
                if (g->config->verity && g->rules.hash_tree)
                        fill_tree(p, &g->verity[i].verity);
                if (p->has_tree && g->rules.fec && g->verity[i].fec_roots > 0)
                        fill_fec(p, &g->verity[i]);
                if (!from->old.image)
                        continue;
                p->has_old = true;
                p->old_bytes = from->old.image->n_bytes;
                memcpy(p->old_hash, from->old.blocks.image_hash, SWB_SHA256_BYTES);
        }
}

static int assemble(struct generate *g, struct swb_error *err)
{
        struct swb_assembly assembly = {.rules = &g->rules,
                                        .manifest = &g->out->manifest,
                                        .operations = g->out->operations,
                                        .spool = g->spool,
                                        .signing = g->config->signing};

        fill_manifest(g);
        return swb_assemble(&assembly, g->out->output, &g->out->payload, err);
}

static int write_json(struct generate *g, struct swb_error *err)
{
        const struct swb_generate_config *c = g->config;
        const struct swb_manifest_facts facts = {.app_id = c->app_id,
                                                 .target_version = c->target_version,
                                                 .source_version =
                                                         c->source_version ? c->source_version : "",
                                                 .profile = c->profile,
                                                 .time = c->time,
                                                 .manifest = &g->out->manifest,
                                                 .operations = g->out->operations,
                                                 .closed = g->out->closed,
                                                 .payload = &g->out->payload,
                                                 .signing = c->signing,
                                                 .verity = c->verity ? g->verity : NULL};

        return swb_manifest_json_write(&facts, &g->out->json, err);
}

/* The trees must be what they are said to be; then, if it may be so, the device makes them. */
static int leave_trees_out(struct generate *g, struct swb_error *err)
{
        for (size_t i = 0; i < g->config->n_partitions; i++) {
                struct swb_prepared *p = &g->prepared[i];
                struct swb_extent extent;
                int r = swb_verity_image_check(p->new.image, &g->verity[i], err);

                if (r < 0)
                        return swb_wrap(err, r, "partition '%s'", p->name);
                extent = tree_extent(&g->verity[i].verity);
                if (g->rules.hash_tree && swb_task_list_exclude(&p->tasks, &extent) < 0)
                        return swb_oom(err);
                extent = fec_extent(&g->verity[i]);
                if (g->rules.fec && extent.n_blocks > 0 &&
                    swb_task_list_exclude(&p->tasks, &extent) < 0)
                        return swb_oom(err);
        }
        return 0;
}

/* Jobs keep to the memory by themselves; what is known of each block must leave them room. */
static int check_memory(const struct generate *g, struct swb_error *err)
{
        uint64_t needed = swb_prepared_memory(g->prepared, g->config->n_partitions);

        if (needed > g->config->pool.memory_bytes)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "memory of %" PRIu64 "M is too little for images of this size: at "
                                "least %" PRIu64 "M (--memory)",
                                g->config->pool.memory_bytes >> 20, (needed >> 20) + 1);
        return 0;
}

static int prepare(struct generate *g, struct swb_error *err)
{
        const struct swb_generate_config *c = g->config;
        const struct swb_window_limits limits =
                swb_prepared_limits(&g->rules, c->pool.memory_bytes);
        int r = 0;

        for (size_t i = 0; i < c->n_partitions && r == 0; i++) {
                const struct swb_generate_partition *p = &c->partitions[i];

                r = swb_prepared_init(&g->prepared[i], p->name, p->old_path, p->new_path,
                                      g->rules.pieces || g->rules.split, err);
                (void)snprintf(g->out->notes[i], sizeof(g->out->notes[i]), "%s",
                               g->prepared[i].note);
        }
        if (r == 0)
                r = check_memory(g, err);
        if (r == 0)
                r = swb_prepared_hash(g->prepared, c->n_partitions, &c->pool, err);
        for (size_t i = 0; i < c->n_partitions && r == 0; i++)
                r = swb_prepared_plan(&g->prepared[i], &g->rules, &g->pool, &limits, err);
        if (r == 0 && c->verity)
                r = leave_trees_out(g, err);
        return r;
}

/* Would writing to this path overwrite the image? */
static bool is_same_file(const char *path, const char *image)
{
        struct stat a, b;

        return image && stat(path, &a) == 0 && stat(image, &b) == 0 && a.st_dev == b.st_dev &&
               a.st_ino == b.st_ino;
}

static int check_paths(const struct generate *g, struct swb_error *err)
{
        const struct swb_generate_config *c = g->config;
        const char *const outputs[] = {c->output_path, g->out->json_path};

        if (strcmp(outputs[0], outputs[1]) == 0)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "payload and manifest can't both be '%s'", outputs[0]);
        for (size_t i = 0; i < c->n_partitions; i++)
                for (size_t k = 0; k < SWB_ELEMENTS(outputs); k++)
                        if (is_same_file(outputs[k], c->partitions[i].old_path) ||
                            is_same_file(outputs[k], c->partitions[i].new_path))
                                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                                "output '%s' is also an image to read", outputs[k]);
        return 0;
}

static int name_json(struct generate *g, struct swb_error *err)
{
        const struct swb_generate_config *c = g->config;

        if (c->manifest_path)
                g->out->json_path = strdup(c->manifest_path);
        else if (asprintf(&g->out->json_path, "%s.json", c->output_path) < 0)
                g->out->json_path = NULL;
        return g->out->json_path ? 0 : swb_oom(err);
}

static int run(struct generate *g, struct swb_error *err)
{
        _cleanup_free_ char *folder = swb_folder_of(g->config->output_path);
        int r = folder ? name_json(g, err) : swb_oom(err);

        g->pool = g->config->pool;
        g->pool.folder = folder;
        if (r == 0)
                r = check_paths(g, err);
        if (r == 0 && g->config->cache.folder)
                r = swb_cache_open(&g->config->cache, &g->cache, err);
        if (r == 0)
                r = swb_output_new(g->config->output_path, &g->out->output, err);
        if (r == 0)
                r = swb_spool_new(folder, &g->spool, err);
        if (r == 0)
                r = prepare(g, err);
        if (r == 0)
                r = make_operations(g, err);
        if (r == 0)
                r = assemble(g, err);
        return r < 0 ? r : write_json(g, err);
}

int swb_generate(const struct swb_generate_config *config, struct swb_generated *ret_generated,
                 struct swb_error *err)
{
        _cleanup_(generate_done) struct generate g = {.config = config, .out = ret_generated};
        int r;

        *ret_generated = (struct swb_generated){.json = SWB_BUF_INIT(JSON_MAX_BYTES),
                                                .is_room = swb_signing_is_room(config->signing)};
        r = check_config(config, err);
        if (r == 0)
                r = swb_rules_init(&g.rules, config->profile,
                                   config->partitions[0].old_path != NULL, config->minor, err);
        if (config->effort > 0)
                g.rules.effort = config->effort;
        if (config->open_memory_bytes > 0)
                g.rules.open_memory_bytes = config->open_memory_bytes;
        g.rules.encoders = config->encoders;
        if (config->encoders && !*config->encoders)
                g.rules.opened = false;
        return r < 0 ? r : run(&g, err);
}

void swb_generated_done(struct swb_generated *generated)
{
        for (size_t i = 0; i < SWB_PARTITIONS_MAX; i++) {
                swb_operation_list_done(&generated->operations[i]);
                swb_closed_list_done(&generated->closed[i]);
        }
        generated->output = swb_output_free(generated->output);
        swb_buf_done(&generated->json);
        free(generated->json_path);
        generated->json_path = NULL;
}

static int write_digest(const char *path, const char *kind, const uint8_t *digest,
                        struct swb_error *err)
{
        _cleanup_free_ char *name = NULL;

        if (asprintf(&name, "%s.%s.sha256", path, kind) < 0) {
                name = NULL;
                return swb_oom(err);
        }
        return swb_write_file_durable(name, digest, SWB_SHA256_BYTES, 0644, err);
}

int swb_generated_commit(struct swb_generated *generated, struct swb_error *err)
{
        const char *path = swb_output_path(generated->output);
        int r = swb_remove_file_durable(generated->json_path, err);

        if (r == 0 && generated->is_room)
                r = write_digest(path, "metadata", generated->payload.metadata_hash, err);
        if (r == 0 && generated->is_room)
                r = write_digest(path, "payload", generated->payload.payload_hash, err);
        if (r == 0)
                r = swb_output_commit(generated->output, err);
        if (r == 0)
                r = swb_write_file_durable(generated->json_path, generated->json.data,
                                           generated->json.n_bytes, 0644, err);
        return r;
}
