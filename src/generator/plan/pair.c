/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/plan/pair.h"

#include <ctype.h>

#include "generator/scan/sketch.h"

#define READ_BLOCKS 64u
#define TEMPLATE_SIZE 4096
#define FILES_A_FEATURE_MAX 16u /* a feature of more files says nothing */
#define POSTINGS_MAX 64u        /* of one key that are looked at */
#define CLOSENESS_WEIGHT 50u    /* of size and of name: decide between equals */
#define SIMILARITY_MIN 50u      /* below it content alone makes no pair */

/* Ways in which two names can agree, the strongest first. */
enum key_kind {
        KEY_PATH,           /* "/lib/6.1.0-50/a2.ko" */
        KEY_RENAMED_FOLDER, /* "/lib/#-#/a2.ko" */
        KEY_PATH_TEMPLATE,  /* "/lib/#-#/a#.ko" */
        KEY_NAME,           /* "a2.ko" */
        KEY_NAME_TEMPLATE,  /* "a#.ko" */
        N_KEYS
};

/* In units of similarity. */
static const unsigned key_bonus[N_KEYS] = {300, 250, 200, 100, 50};

/* One property (a name's hash, a feature) of one old file. */
struct posting {
        uint64_t key;
        uint32_t file;
};

struct postings {
        struct posting *items;
        size_t n;
};

struct pairing {
        const struct swb_scan *old, *new;
        struct swb_sketch *old_sketches, *new_sketches; /* one a file */
        struct postings keys[N_KEYS];
        struct postings features;
};

struct sketch_job {
        const struct swb_image *image;
        const struct swb_file *file;
        struct swb_sketch *sketch;
};

void swb_pair_template(const char *path, char *text, size_t n_text)
{
        size_t n = 0;

        while (*path && n + 1 < n_text) {
                if (!isdigit((unsigned char)*path)) {
                        text[n++] = *path++;
                        continue;
                }
                text[n++] = '#';
                while (isdigit((unsigned char)*path) ||
                       (*path == '.' && isdigit((unsigned char)path[1])))
                        path++;
        }
        text[n] = '\0';
}

/* FNV-1a */
static uint64_t hash_text(const char *text)
{
        uint64_t h = 0xcbf29ce484222325u;

        for (; *text; text++)
                h = (h ^ (uint8_t)*text) * 0x100000001b3u;
        return h;
}

static uint64_t key_of(const char *path, enum key_kind kind)
{
        const char *name = strrchr(path, '/');
        char text[TEMPLATE_SIZE];
        size_t n;

        name = name ? name + 1 : path;
        switch (kind) {
        case KEY_PATH:
                return hash_text(path);
        case KEY_RENAMED_FOLDER:
                n = SWB_MIN((size_t)(name - path), sizeof(text) - 1);
                memcpy(text, path, n);
                text[n] = '\0';
                swb_pair_template(text, text, sizeof(text));
                return hash_text(text) ^ hash_text(name) * 31;
        case KEY_PATH_TEMPLATE:
                swb_pair_template(path, text, sizeof(text));
                return hash_text(text);
        case KEY_NAME:
                return hash_text(name);
        case KEY_NAME_TEMPLATE:
                swb_pair_template(name, text, sizeof(text));
                return hash_text(text);
        case N_KEYS:
                break;
        }
        return 0;
}

static const char *name_of(const struct swb_file *file, size_t index)
{
        return index == 0 ? file->path : file->links[index - 1];
}

static int compare_postings(const void *a, const void *b)
{
        const struct posting *x = a, *y = b;

        if (x->key != y->key)
                return x->key < y->key ? -1 : 1;
        return x->file < y->file ? -1 : x->file > y->file;
}

static void sort_postings(struct postings *list)
{
        qsort(list->items, list->n, sizeof(*list->items), compare_postings);
}

/* The first postings of a key: n of them from the returned one on. */
static const struct posting *find_postings(const struct postings *list, uint64_t key, size_t *ret_n)
{
        size_t low = 0, high = list->n, end;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (list->items[middle].key < key)
                        low = middle + 1;
                else
                        high = middle;
        }
        end = low;
        while (end < list->n && end - low < POSTINGS_MAX && list->items[end].key == key)
                end++;
        *ret_n = end - low;
        return list->items + low;
}

static int sketch_file(void *object, struct swb_error *err)
{
        const struct sketch_job *job = object;
        _cleanup_free_ uint8_t *data = malloc((size_t)READ_BLOCKS * SWB_BLOCK_BYTES);

        if (!data)
                return swb_oom(err);
        for (size_t i = 0; i < job->file->blocks.n; i++) {
                const struct swb_extent *e = &job->file->blocks.items[i];

                for (uint64_t done = 0; done < e->n_blocks;) {
                        uint64_t n = SWB_MIN(e->n_blocks - done, (uint64_t)READ_BLOCKS);
                        int r = swb_image_read(job->image, e->start_block + done, n, data, err);

                        if (r < 0)
                                return r;
                        swb_sketch_update(job->sketch, data, (size_t)n * SWB_BLOCK_BYTES);
                        done += n;
                }
        }
        return 0;
}

static size_t add_sketches(const struct swb_scan *scan, const bool *needed,
                           struct swb_sketch *sketches, struct sketch_job *jobs)
{
        size_t n = 0;

        for (size_t i = 0; i < scan->n_files; i++)
                if (scan->files[i].kind == SWB_FILE_REGULAR && (!needed || needed[i]))
                        jobs[n++] = (struct sketch_job){.image = scan->image,
                                                        .file = &scan->files[i],
                                                        .sketch = &sketches[i]};
        return n;
}

/* Sketches of all old files, and of the new ones that look for a partner. */
static int sketch_files(const struct swb_pool *pool, struct pairing *p, const bool *needed,
                        struct swb_error *err)
{
        size_t max = p->old->n_files + p->new->n_files, n;
        _cleanup_free_ struct sketch_job *objects = calloc(max, sizeof(*objects));
        _cleanup_free_ struct swb_job *jobs = calloc(max, sizeof(*jobs));

        p->old_sketches = calloc(p->old->n_files, sizeof(*p->old_sketches));
        p->new_sketches = calloc(p->new->n_files, sizeof(*p->new_sketches));
        if (!objects || !jobs || !p->old_sketches || !p->new_sketches)
                return swb_oom(err);
        n = add_sketches(p->new, needed, p->new_sketches, objects);
        if (n > 0)
                n += add_sketches(p->old, NULL, p->old_sketches, objects + n);
        for (size_t i = 0; i < n; i++)
                jobs[i] = (struct swb_job){.run = sketch_file,
                                           .object = &objects[i],
                                           .memory_bytes = READ_BLOCKS * SWB_BLOCK_BYTES,
                                           .work = objects[i].file->blocks.n_blocks};
        return swb_pool_run(pool, "compare", jobs, n, err);
}

/* A file counts under each of its names. */
static void list_key(const struct swb_scan *old, enum key_kind kind, struct postings *list)
{
        for (uint32_t i = 0; i < old->n_files; i++)
                for (size_t k = 0; k <= old->files[i].n_links; k++)
                        list->items[list->n++] = (struct posting){
                                .key = key_of(name_of(&old->files[i], k), kind), .file = i};
        sort_postings(list);
}

static int list_keys(struct pairing *p)
{
        size_t n_names = 0;

        for (size_t i = 0; i < p->old->n_files; i++)
                n_names += p->old->files[i].n_links + 1;
        for (int kind = 0; kind < N_KEYS; kind++) {
                p->keys[kind].items = calloc(n_names, sizeof(struct posting));
                if (!p->keys[kind].items)
                        return -ENOMEM;
                list_key(p->old, (enum key_kind)kind, &p->keys[kind]);
        }
        return 0;
}

static int list_features(struct pairing *p)
{
        struct postings *list = &p->features;

        list->items = calloc(p->old->n_files * SWB_SKETCH_FEATURES, sizeof(*list->items));
        if (!list->items)
                return -ENOMEM;
        for (uint32_t i = 0; i < p->old->n_files; i++)
                for (unsigned k = 0; k < p->old_sketches[i].n; k++)
                        list->items[list->n++] =
                                (struct posting){.key = p->old_sketches[i].features[k], .file = i};
        sort_postings(list);
        return 0;
}

static void pairing_done(struct pairing *p)
{
        for (int kind = 0; kind < N_KEYS; kind++)
                free(p->keys[kind].items);
        free(p->features.items);
        free(p->old_sketches);
        free(p->new_sketches);
}

struct choice {
        uint32_t file;
        uint64_t score;
};

/* The part of the longer name that both begin or end with, 0 .. CLOSENESS_WEIGHT. */
static uint64_t name_closeness(const char *a, const char *b)
{
        size_t na = strlen(a), nb = strlen(b), shorter = SWB_MIN(na, nb), prefix = 0, suffix = 0;

        while (prefix < shorter && a[prefix] == b[prefix])
                prefix++;
        while (suffix < shorter - prefix && a[na - 1 - suffix] == b[nb - 1 - suffix])
                suffix++;
        return (prefix + suffix) * CLOSENESS_WEIGHT / SWB_MAX(SWB_MAX(na, nb), (size_t)1);
}

/* Weighs one old file against the best so far. `key`: how the names agree, N_KEYS = not at all. */
static void consider(const struct pairing *p, size_t new_file, uint32_t old_file, int key,
                     struct choice *best)
{
        const struct swb_file *a = &p->old->files[old_file], *b = &p->new->files[new_file];
        uint64_t na = a->blocks.n_blocks, nb = b->blocks.n_blocks;
        uint64_t similarity, score;

        if (a->kind != b->kind)
                return;
        similarity = swb_sketch_similarity(&p->old_sketches[old_file], &p->new_sketches[new_file]);
        if (key > KEY_PATH_TEMPLATE && similarity < SIMILARITY_MIN)
                return;
        score = similarity + SWB_MIN(na, nb) * CLOSENESS_WEIGHT / SWB_MAX(na, nb) +
                name_closeness(a->path, b->path);
        if (key < N_KEYS)
                score += key_bonus[key];
        if (score > best->score || (score == best->score && old_file < best->file))
                *best = (struct choice){.file = old_file, .score = score};
}

static void consider_name(const struct pairing *p, size_t new_file, const char *name,
                          struct choice *best)
{
        for (int kind = 0; kind < N_KEYS; kind++) {
                size_t n;
                const struct posting *list =
                        find_postings(&p->keys[kind], key_of(name, (enum key_kind)kind), &n);

                for (size_t i = 0; i < n; i++)
                        consider(p, new_file, list[i].file, kind, best);
        }
}

static void consider_names(const struct pairing *p, size_t new_file, struct choice *best)
{
        const struct swb_file *file = &p->new->files[new_file];

        for (size_t i = 0; i <= file->n_links; i++)
                consider_name(p, new_file, name_of(file, i), best);
}

/* Old files that share most features with the new one. */
static void consider_content(const struct pairing *p, size_t new_file, struct choice *best)
{
        const struct swb_sketch *sketch = &p->new_sketches[new_file];
        struct posting votes[SWB_SKETCH_FEATURES * FILES_A_FEATURE_MAX];
        struct postings list = {.items = votes};

        for (unsigned i = 0; i < sketch->n; i++) {
                size_t n;
                const struct posting *found = find_postings(&p->features, sketch->features[i], &n);

                for (size_t k = 0; k < n && n <= FILES_A_FEATURE_MAX; k++)
                        votes[list.n++] = (struct posting){.key = found[k].file};
        }
        sort_postings(&list);
        for (size_t i = 0; i < list.n; i++) {
                uint32_t file = (uint32_t)votes[i].key;

                if (i == 0 || votes[i - 1].key != file)
                        consider(p, new_file, file, N_KEYS, best);
        }
}

static void choose_partners(const struct pairing *p, const bool *needed, uint32_t *ret_partners)
{
        for (size_t i = 0; i < p->new->n_files; i++) {
                struct choice best = {.file = SWB_PAIR_NONE, .score = 0};

                ret_partners[i] = SWB_PAIR_NONE;
                if (!needed[i])
                        continue;
                if (p->new->files[i].kind == SWB_FILE_REST) {
                        ret_partners[i] = (uint32_t)(p->old->n_files - 1);
                        continue;
                }
                consider_names(p, i, &best);
                consider_content(p, i, &best);
                ret_partners[i] = best.file;
        }
}

int swb_pair_files(const struct swb_pool *pool, const struct swb_scan *old,
                   const struct swb_scan *new, const bool *needed, uint32_t *ret_partners,
                   struct swb_error *err)
{
        _cleanup_(pairing_done) struct pairing p = {.old = old, .new = new};
        int r = sketch_files(pool, &p, needed, err);

        if (r < 0)
                return r;
        if (list_keys(&p) < 0 || list_features(&p) < 0)
                return swb_oom(err);
        choose_partners(&p, needed, ret_partners);
        return 0;
}
