/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/report/report.h"

#include "generator/prepare.h"
#include "generator/report/estimate.h"

struct job {
        struct swb_report *report;
        const struct swb_task *task;
        uint64_t *bytes; /* one a part */
        bool opened;     /* what the contents hold is compared */
};

struct making {
        struct swb_report *report;
        struct swb_task_list tasks;
        struct job *jobs;
        size_t n_jobs;
};

void swb_report_done(struct swb_report *report)
{
        swb_costs_done(&report->costs);
        free(report->files);
        report->new_scan = swb_scan_free(report->new_scan);
        report->old_scan = swb_scan_free(report->old_scan);
        report->new = swb_image_free(report->new);
        report->old = swb_image_free(report->old);
        *report = (struct swb_report){0};
}

static void making_done(struct making *m)
{
        for (size_t i = 0; i < m->n_jobs; i++)
                free(m->jobs[i].bytes);
        free(m->jobs);
        swb_task_list_done(&m->tasks);
}

static int plan(struct making *m, const char *old_path, const char *new_path,
                const struct swb_pool *pool, struct swb_error *err)
{
        _cleanup_(swb_prepared_done) struct swb_prepared prepared = {0};
        struct swb_rules rules;
        struct swb_window_limits limits;
        int r = swb_rules_init(&rules, SWB_PROFILE_SWITCHBACK, old_path, SWB_MINOR_DEFAULT, err);

        if (r < 0)
                return r;
        limits = swb_prepared_limits(&rules, pool->memory_bytes);
        r = swb_prepared_init(&prepared, "root", old_path, new_path, false, err);
        (void)snprintf(m->report->note, sizeof(m->report->note), "%s", prepared.note);
        if (r == 0)
                r = swb_prepared_hash(&prepared, 1, pool, err);
        if (r == 0)
                r = swb_prepared_plan(&prepared, &rules, pool, &limits, err);
        m->tasks = prepared.tasks;
        prepared.tasks = (struct swb_task_list){0};
        return r;
}

static size_t n_parts(const struct swb_task *task)
{
        return SWB_MAX(task->n_parts, (size_t)1);
}

/* All of a task is one part where it does not say otherwise. */
static struct swb_task_part part_of(const struct swb_task *task, size_t i)
{
        if (task->n_parts > 0)
                return task->parts[i];
        return (struct swb_task_part){task->src.n_blocks, task->dst.n_blocks};
}

static int run_job(void *object, struct swb_error *err)
{
        const struct job *job = object;
        const struct swb_task *task = job->task;
        const struct swb_task_part whole = part_of(task, 0);
        _cleanup_free_ uint8_t *old = malloc((size_t)task->src.n_blocks * SWB_BLOCK_BYTES + 1);
        _cleanup_free_ uint8_t *new = malloc((size_t)task->dst.n_blocks * SWB_BLOCK_BYTES + 1);
        int r = 0;

        if (!old || !new)
                return swb_oom(err);
        if (task->src.n > 0)
                r = swb_image_read_extents(job->report->old, task->src.items, task->src.n, old,
                                           err);
        if (r == 0)
                r = swb_image_read_extents(job->report->new, task->dst.items, task->dst.n, new,
                                           err);
        if (r < 0)
                return r;
        r = swb_estimate(old, new, task->n_parts ? task->parts : &whole, n_parts(task), job->opened,
                         job->bytes);
        return r < 0 ? swb_fail_errno(err, r, "estimate a difference") : 0;
}

/* Contents are masked in copies of them, and opened in memory. */
static uint64_t memory_of(const struct swb_task *task, bool opened)
{
        const struct swb_task_part whole = part_of(task, 0);
        const struct swb_task_part inside = {task->n_opened_old / SWB_BLOCK_BYTES + 1,
                                             task->n_opened_new / SWB_BLOCK_BYTES + 1};
        uint64_t stored = (task->src.n_blocks + task->dst.n_blocks) * SWB_BLOCK_BYTES;

        if (opened)
                return swb_estimate_memory(&inside, 1) + stored +
                       3 * (task->n_opened_old + task->n_opened_new);
        return swb_estimate_memory(task->n_parts ? task->parts : &whole, n_parts(task)) +
               3 * stored;
}

/* A job for each task whose bytes travel. */
static int list_jobs(struct making *m, uint64_t memory_bytes, struct swb_job *jobs)
{
        for (size_t i = 0; i < m->tasks.n; i++) {
                const struct swb_task *task = &m->tasks.items[i];
                struct job *job = &m->jobs[m->n_jobs];

                if (task->kind == SWB_TASK_ZERO || task->kind == SWB_TASK_COPY)
                        continue;
                *job = (struct job){.report = m->report, .task = task};
                job->opened = task->n_opened_new > 0 && memory_of(task, true) <= memory_bytes;
                job->bytes = calloc(n_parts(task), sizeof(*job->bytes));
                if (!job->bytes)
                        return -ENOMEM;
                jobs[m->n_jobs++] =
                        (struct swb_job){.run = run_job,
                                         .object = job,
                                         .memory_bytes = memory_of(task, job->opened),
                                         .work = task->src.n_blocks + task->dst.n_blocks};
        }
        return 0;
}

static int estimate(struct making *m, const struct swb_pool *pool, struct swb_error *err)
{
        _cleanup_free_ struct swb_job *jobs = calloc(m->tasks.n + 1, sizeof(*jobs));

        m->jobs = calloc(m->tasks.n + 1, sizeof(*m->jobs));
        if (!jobs || !m->jobs || list_jobs(m, pool->memory_bytes, jobs) < 0)
                return swb_oom(err);
        return swb_pool_run(pool, "estimate", jobs, m->n_jobs, err);
}

static const char *name_in_folder(const char *path)
{
        const char *slash = strrchr(path, '/');

        return slash ? slash + 1 : path;
}

/* How well does an old file fit as the origin of a new one, of those that one part reads? */
static unsigned fitness(const struct swb_file *old, const struct swb_file *new)
{
        if (strcmp(old->path, new->path) == 0)
                return 3;
        return strcmp(name_in_folder(old->path), name_in_folder(new->path)) == 0 ? 2 : 1;
}

/* Several small files share a part: then only a name tells which old one was the origin. */
static const struct swb_file *
find_like(const struct swb_scan *old, const struct swb_extent_list *src, const struct swb_file *new)
{
        const struct swb_file *best = NULL;
        unsigned best_fitness = 0, n_files = 0;

        for (size_t i = 0; i < src->n; i++) {
                uint64_t block = src->items[i].start_block;
                const struct swb_file *file;
                unsigned fits;

                if (block == SWB_SPARSE_HOLE)
                        continue;
                file = &old->files[old->owner[block]];
                if (file == best)
                        continue;
                fits = fitness(file, new);
                n_files++;
                if (fits > best_fitness) {
                        best = file;
                        best_fitness = fits;
                }
        }
        return best_fitness > 1 || n_files == 1 ? best : NULL;
}

static void name_likes(struct swb_report *report, const struct swb_extent_list *src,
                       const struct swb_extent_list *dst)
{
        const struct swb_scan *new = report->new_scan;

        for (size_t i = 0; i < dst->n; i++) {
                struct swb_report_file *file;
                uint32_t owner;

                if (dst->items[i].start_block == SWB_SPARSE_HOLE)
                        continue;
                owner = new->owner[dst->items[i].start_block];
                file = &report->files[owner];
                if (!file->like && src->n > 0)
                        file->like = find_like(report->old_scan, src, &new->files[owner]);
        }
}

static int count_part(struct swb_report *report, const struct swb_task *task, uint64_t src_skip,
                      uint64_t dst_skip, struct swb_task_part part, uint64_t bytes)
{
        struct swb_extent_list src = {0}, dst = {0};
        int r = swb_extent_list_append_slice(&src, &task->src, src_skip, part.src_blocks);

        if (r == 0)
                r = swb_extent_list_append_slice(&dst, &task->dst, dst_skip, part.dst_blocks);
        if (r == 0) {
                swb_costs_add(&report->costs, report->new_scan, dst.items, dst.n, bytes);
                name_likes(report, &src, &dst);
        }
        swb_extent_list_done(&src);
        swb_extent_list_done(&dst);
        return r;
}

static int count_job(struct swb_report *report, const struct job *job)
{
        uint64_t src = 0, dst = 0;

        for (size_t i = 0; i < n_parts(job->task); i++) {
                struct swb_task_part part = part_of(job->task, i);

                if (count_part(report, job->task, src, dst, part, job->bytes[i]) < 0)
                        return -ENOMEM;
                src += part.src_blocks;
                dst += part.dst_blocks;
        }
        report->fresh_blocks += dst;
        return 0;
}

static int count(struct making *m)
{
        struct swb_report *report = m->report;

        for (size_t i = 0; i < m->tasks.n; i++) {
                const struct swb_task *task = &m->tasks.items[i];

                if (task->kind != SWB_TASK_ZERO && task->kind != SWB_TASK_COPY)
                        continue;
                if (task->kind == SWB_TASK_ZERO)
                        report->zero_blocks += task->dst.n_blocks;
                else
                        report->copied_blocks += task->dst.n_blocks;
                swb_costs_add(&report->costs, report->new_scan, task->dst.items, task->dst.n, 0);
        }
        for (size_t i = 0; i < m->n_jobs; i++)
                if (count_job(report, &m->jobs[i]) < 0)
                        return -ENOMEM;
        swb_costs_end(&report->costs);
        return 0;
}

/* What the costly files are, and what they begin with. */
static int look_inside(struct swb_report *report, struct swb_error *err)
{
        uint8_t head[SWB_BLOCK_BYTES];

        _Static_assert(sizeof(head) >= SWB_PACKED_HEAD_BYTES, "one block tells it");
        for (size_t i = 0; i < report->costs.n && report->costs.items[i].bytes > 0; i++) {
                const struct swb_file *file = report->costs.items[i].file;
                int r;

                report->costs.items[i].class = SWB_CLASS_TABLES;
                if (file->kind != SWB_FILE_REGULAR || file->blocks.n == 0)
                        continue;
                r = swb_image_read(report->new, file->blocks.items[0].start_block, 1, head, err);
                if (r < 0)
                        return r;
                report->files[file - report->new_scan->files].packed =
                        swb_packed_find(head, sizeof(head));
                report->costs.items[i].class = swb_class_of(file->path, head, sizeof(head));
        }
        return 0;
}

static int open_images(struct swb_report *report, const char *old_path, const char *new_path,
                       struct swb_error *err)
{
        int r = swb_image_open(new_path, &report->new, err);

        if (r == 0 && old_path)
                r = swb_image_open(old_path, &report->old, err);
        if (r == 0)
                r = swb_scan_new(report->new, false, &report->new_scan, err);
        if (r == 0 && old_path)
                r = swb_scan_new(report->old, false, &report->old_scan, err);
        if (r < 0)
                return r;
        report->files = calloc(report->new_scan->n_files, sizeof(*report->files));
        if (!report->files || swb_costs_init(&report->costs, report->new_scan) < 0)
                return swb_oom(err);
        return 0;
}

int swb_report_make(const char *old_path, const char *new_path, const struct swb_pool *pool,
                    struct swb_report *report, struct swb_error *err)
{
        _cleanup_(making_done) struct making m = {.report = report};
        int r;

        *report = (struct swb_report){0};
        r = open_images(report, old_path, new_path, err);
        if (r == 0)
                r = plan(&m, old_path, new_path, pool, err);
        if (r == 0)
                r = estimate(&m, pool, err);
        if (r == 0 && count(&m) < 0)
                r = swb_oom(err);
        return r < 0 ? r : look_inside(report, err);
}
