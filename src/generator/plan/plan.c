/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/plan/plan.h"

#include "generator/plan/openable.h"
#include "generator/plan/pair.h"
#include "generator/plan/programs.h"
#include "generator/plan/sources.h"
#include "generator/plan/whole.h"

/* Long enough to cost nothing, short enough that an interrupted install has little to do again. */
#define COPY_BLOCKS_MAX ((16u << 20) / SWB_BLOCK_BYTES)
#define COPY_EXTENTS_MAX 4096u
#define ZERO_BLOCKS_MAX ((256u << 20) / SWB_BLOCK_BYTES)
/* Files with less than this to make share a difference, until it is this large. */
#define GROUP_FILE_BLOCKS ((512u << 10) / SWB_BLOCK_BYTES)
#define GROUP_BLOCKS ((2u << 20) / SWB_BLOCK_BYTES)
/* Differences that are compressed together, where the profile can. */
#define JOINED_BLOCKS ((16u << 20) / SWB_BLOCK_BYTES)
/* Shorter runs of zeros stay in the old content that REST is compared with. */
#define ZERO_RUN_BLOCKS 16u

struct plan {
        const struct swb_plan_input *input;
        struct swb_task_list *tasks;
        uint32_t *sources;             /* a block of the target */
        uint32_t *partners;            /* a file of the target */
        bool *needed;                  /* a file of the target: has DATA blocks */
        struct swb_openable *openable; /* a file of the target */
        bool *whole; /* a file of the target: all of it is DATA, from all of its partner */
        /* Small files collected for one difference. */
        struct swb_extent_list group_src, group_dst;
        bool *in_group; /* a file of the old image */
        /* DATA without a partner. */
        struct swb_extent_list alone;
};

static void plan_done(struct plan *plan)
{
        free(plan->sources);
        free(plan->partners);
        free(plan->needed);
        free(plan->whole);
        if (plan->openable)
                swb_openable_done(plan->openable, plan->input->new.scan->n_files);
        free(plan->in_group);
        swb_extent_list_done(&plan->group_src);
        swb_extent_list_done(&plan->group_dst);
        swb_extent_list_done(&plan->alone);
}

static int plan_init(struct plan *plan)
{
        const struct swb_plan_input *in = plan->input;
        size_t n_files = in->new.scan->n_files;

        plan->sources = malloc(in->new.blocks->n * sizeof(*plan->sources));
        plan->partners = malloc(n_files * sizeof(*plan->partners));
        plan->needed = calloc(n_files, sizeof(*plan->needed));
        plan->openable = calloc(n_files, sizeof(*plan->openable));
        plan->whole = calloc(n_files, sizeof(*plan->whole));
        plan->in_group = calloc(in->old ? in->old->scan->n_files : 1, sizeof(*plan->in_group));
        if (!plan->sources || !plan->partners || !plan->needed || !plan->whole || !plan->in_group ||
            !plan->openable)
                return -ENOMEM;
        memset(plan->partners, 0xff, n_files * sizeof(*plan->partners));
        return 0;
}

static void mark_needed(struct plan *plan)
{
        const struct swb_scan *scan = plan->input->new.scan;

        for (uint64_t i = 0; i < scan->image->n_blocks; i++)
                if (plan->sources[i] == SWB_SOURCE_DATA)
                        plan->needed[scan->owner[i]] = true;
}

/* A program is made as a whole, too: its addresses follow from all of it. */
static int claim_programs(struct plan *plan, struct swb_error *err)
{
        const struct swb_scan *new = plan->input->new.scan;
        int r = swb_programs_find(plan->input, plan->partners, plan->needed, plan->whole, err);

        for (size_t i = 0; i < new->n_files &&r == 0; i++)
                if (plan->whole[i])
                        swb_sources_claim(&new->files[i], plan->sources);
        return r;
}

/* What is planned to be opened may stay closed in the end. */
static int list_closed(const struct plan *plan, struct swb_error *err)
{
        const struct swb_plan_input *in = plan->input;

        for (size_t i = 0; in->closed && i < in->new.scan->n_files; i++) {
                const struct swb_openable *openable = &plan->openable[i];
                bool is_planned = openable->n_new > 0;

                if ((is_planned || openable->closed.why != SWB_CLOSED_NOT) &&
                    swb_closed_list_add(in->closed, &in->new.scan->files[i], &openable->closed,
                                        is_planned) < 0)
                        return swb_oom(err);
        }
        return 0;
}

/* A file that is opened is made as a whole: nothing of it is copied apart. */
static int claim_openable(struct plan *plan, struct swb_error *err)
{
        const struct swb_plan_input *in = plan->input;
        int r = swb_openable_find(in, plan->partners, plan->needed, plan->openable, err);

        for (size_t i = 0; i < in->new.scan->n_files &&r >= 0; i++)
                if (plan->openable[i].n_new > 0)
                        swb_sources_claim(&in->new.scan->files[i], plan->sources);
        return r < 0 ? r : list_closed(plan, err);
}

static int find_sources(struct plan *plan, struct swb_error *err)
{
        const struct swb_plan_input *in = plan->input;
        _cleanup_(swb_block_index_done) struct swb_block_index index = {0};
        int r;

        if (!in->old) {
                swb_sources_find(in->rules, in->new.blocks, NULL, plan->sources);
                return 0;
        }
        if (swb_block_index_init(&index, in->old->blocks) < 0)
                return swb_oom(err);
        swb_sources_find(in->rules, in->new.blocks, &index, plan->sources);
        mark_needed(plan);
        r = swb_pair_files(in->pool, in->old->scan, in->new.scan, plan->needed, plan->partners,
                           err);
        if (r < 0)
                return r;
        if (swb_sources_absorb(in->old->scan, in->new.scan, &index, plan->partners, plan->sources) <
            0)
                return swb_oom(err);
        if (in->rules->predicted) {
                r = claim_programs(plan, err);
                if (r < 0)
                        return r;
        }
        if (in->rules->opened) {
                r = claim_openable(plan, err);
                if (r < 0)
                        return r;
        }
        swb_sources_join(in->new.blocks, &index, plan->sources);
        return 0;
}

/* The open task of a kind, or a new one when it is full. */
static struct swb_task *room(struct swb_task_list *tasks, enum swb_task_kind kind, size_t *open,
                             uint64_t blocks_max)
{
        struct swb_task *task;

        if (*open < tasks->n) {
                task = &tasks->items[*open];
                if (task->dst.n_blocks < blocks_max && task->src.n < COPY_EXTENTS_MAX &&
                    task->dst.n < COPY_EXTENTS_MAX)
                        return task;
        }
        *open = tasks->n;
        return swb_task_list_add(tasks, kind);
}

/* ZERO and COPY tasks, in the order of the target. */
static int add_plain_tasks(struct plan *plan)
{
        size_t copy = SIZE_MAX, zero = SIZE_MAX;

        for (uint64_t i = 0; i < plan->input->new.blocks->n; i++) {
                uint32_t source = plan->sources[i];
                struct swb_task *task;

                if (source == SWB_SOURCE_DATA)
                        continue;
                if (source == SWB_SOURCE_ZERO)
                        task = room(plan->tasks, SWB_TASK_ZERO, &zero, ZERO_BLOCKS_MAX);
                else
                        task = room(plan->tasks, SWB_TASK_COPY, &copy, COPY_BLOCKS_MAX);
                if (!task || swb_extent_list_add(&task->dst, i, 1) < 0)
                        return -ENOMEM;
                if (source != SWB_SOURCE_ZERO && swb_extent_list_add(&task->src, source, 1) < 0)
                        return -ENOMEM;
        }
        return 0;
}

/* The blocks of a file that are DATA. */
static int list_data(const struct plan *plan, const struct swb_file *file,
                     struct swb_extent_list *data)
{
        for (size_t i = 0; i < file->blocks.n; i++)
                for (uint64_t k = 0; k < file->blocks.items[i].n_blocks; k++) {
                        uint64_t block = file->blocks.items[i].start_block + k;

                        if (plan->sources[block] == SWB_SOURCE_DATA &&
                            swb_extent_list_add(data, block, 1) < 0)
                                return -ENOMEM;
                }
        return 0;
}

/* The blocks of an old file without its long runs of zeros. */
static int list_nonzero(const struct swb_plan_side *side, const struct swb_file *file,
                        struct swb_extent_list *list)
{
        const struct swb_block_id zero = swb_block_id_zero();

        for (size_t i = 0; i < file->blocks.n; i++) {
                const struct swb_extent *e = &file->blocks.items[i];
                uint64_t k = 0;

                while (k < e->n_blocks) {
                        uint64_t run = 0;

                        while (k + run < e->n_blocks &&
                               swb_block_id_equal(&side->blocks->ids[e->start_block + k + run],
                                                  &zero))
                                run++;
                        if (run < ZERO_RUN_BLOCKS) {
                                run = run ? run : 1;
                                if (swb_extent_list_add(list, e->start_block + k, run) < 0)
                                        return -ENOMEM;
                        }
                        k += run;
                }
        }
        return 0;
}

static int cut(struct plan *plan, const struct swb_extent_list *src,
               const struct swb_extent_list *dst, struct swb_error *err)
{
        const struct swb_plan_input *in = plan->input;

        return swb_windows_cut(in->pool, &in->limits, in->old->scan->image, src,
                               in->new.scan->image, dst, plan->tasks, err);
}

static int flush_group(struct plan *plan, struct swb_error *err)
{
        struct swb_task *task;

        if (plan->group_dst.n_blocks == 0)
                return 0;
        task = swb_task_list_add(plan->tasks, SWB_TASK_DIFF);
        if (!task)
                return swb_oom(err);
        task->src = plan->group_src;
        task->dst = plan->group_dst;
        plan->group_src = plan->group_dst = (struct swb_extent_list){0};
        memset(plan->in_group, 0, plan->input->old->scan->n_files * sizeof(*plan->in_group));
        return 0;
}

static int add_to_group(struct plan *plan, uint32_t partner, const struct swb_extent_list *data,
                        struct swb_error *err)
{
        const struct swb_file *old = &plan->input->old->scan->files[partner];

        if (!plan->in_group[partner] &&
            swb_extent_list_append(&plan->group_src, old->blocks.items, old->blocks.n) < 0)
                return swb_oom(err);
        plan->in_group[partner] = true;
        if (swb_extent_list_append(&plan->group_dst, data->items, data->n) < 0)
                return swb_oom(err);
        if (plan->group_src.n_blocks >= GROUP_BLOCKS || plan->group_dst.n_blocks >= GROUP_BLOCKS)
                return flush_group(plan, err);
        return 0;
}

static int add_openable(struct plan *plan, size_t index, const struct swb_extent_list *data,
                        struct swb_error *err)
{
        const struct swb_file *old = &plan->input->old->scan->files[plan->partners[index]];
        struct swb_task *task = swb_task_list_add(plan->tasks, SWB_TASK_DIFF);

        if (!task || swb_extent_list_append(&task->src, old->blocks.items, old->blocks.n) < 0 ||
            swb_extent_list_append(&task->dst, data->items, data->n) < 0)
                return swb_oom(err);
        task->n_opened_old = plan->openable[index].n_old;
        task->n_opened_new = plan->openable[index].n_new;
        task->known = SWB_TAKE_PTR(plan->openable[index].known);
        return 0;
}

static int add_program(struct plan *plan, const struct swb_file *old, const struct swb_file *new)
{
        struct swb_task *task = swb_task_list_add(plan->tasks, SWB_TASK_DIFF);

        if (!task || swb_file_content(old, &task->src) < 0)
                return -ENOMEM;
        return swb_file_content(new, &task->dst);
}

static int add_paired(struct plan *plan, size_t index, const struct swb_extent_list *data,
                      struct swb_error *err)
{
        const struct swb_file *file = &plan->input->new.scan->files[index];
        uint32_t partner = plan->partners[index];
        const struct swb_file *old = &plan->input->old->scan->files[partner];
        struct swb_extent_list src = {0};
        int r;

        if (plan->whole[index])
                return add_program(plan, old, file) < 0 ? swb_oom(err) : 0;
        if (file->kind != SWB_FILE_REST && data->n_blocks < GROUP_FILE_BLOCKS &&
            old->blocks.n_blocks < GROUP_FILE_BLOCKS)
                return add_to_group(plan, partner, data, err);
        r = list_nonzero(plan->input->old, old, &src);
        r = r < 0 ? swb_oom(err) : cut(plan, &src, data, err);
        swb_extent_list_done(&src);
        return r;
}

static int add_file(struct plan *plan, size_t index, struct swb_error *err)
{
        const struct swb_file *file = &plan->input->new.scan->files[index];
        struct swb_extent_list data = {0};
        int r = list_data(plan, file, &data) < 0 ? swb_oom(err) : 0;

        if (r == 0 && plan->openable[index].n_new > 0)
                r = add_openable(plan, index, &data, err);
        else if (r == 0 && plan->partners[index] != SWB_PAIR_NONE)
                r = add_paired(plan, index, &data, err);
        else if (r == 0 && swb_extent_list_append(&plan->alone, data.items, data.n) < 0)
                r = swb_oom(err);
        swb_extent_list_done(&data);
        return r;
}

static int add_data_tasks(struct plan *plan, struct swb_error *err)
{
        const struct swb_scan *scan = plan->input->new.scan;
        int r = 0;

        for (size_t i = 0; i < scan->n_files && r == 0; i++) {
                if (i > 0 && scan->files[i].kind != scan->files[i - 1].kind)
                        r = flush_group(plan, err); /* like with like */
                if (r == 0 && plan->needed[i])
                        r = add_file(plan, i, err);
        }
        if (r == 0)
                r = flush_group(plan, err);
        if (r < 0)
                return r;
        if (plan->input->rules->swdiff &&
            swb_task_list_join(plan->tasks, plan->input->limits.src_blocks, JOINED_BLOCKS) < 0)
                return swb_oom(err);
        if (swb_task_list_add_replace(plan->tasks, &plan->alone, plan->input->rules->chunk_blocks) <
            0)
                return swb_oom(err);
        return 0;
}

/* DATA of a full payload whose files were scanned. */
static int add_whole_tasks(struct plan *plan, struct swb_error *err)
{
        const struct swb_plan_input *in = plan->input;
        _cleanup_free_ bool *is_wanted = calloc(in->new.blocks->n, sizeof(*is_wanted));

        if (!is_wanted)
                return swb_oom(err);
        for (uint64_t i = 0; i < in->new.blocks->n; i++)
                is_wanted[i] = plan->sources[i] == SWB_SOURCE_DATA;
        return swb_whole_plan(in->pool, in->new.scan, is_wanted, plan->tasks, err);
}

int swb_plan_partition(const struct swb_plan_input *input, struct swb_task_list *tasks,
                       struct swb_error *err)
{
        _cleanup_(plan_done) struct plan plan = {.input = input, .tasks = tasks};
        int r;

        if (plan_init(&plan) < 0)
                return swb_oom(err);
        r = find_sources(&plan, err);
        if (r < 0)
                return r;
        if (add_plain_tasks(&plan) < 0)
                return swb_oom(err);
        if (input->rules->split && !input->old)
                return add_whole_tasks(&plan, err);
        mark_needed(&plan);
        return add_data_tasks(&plan, err);
}
