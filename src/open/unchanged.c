/* SPDX-License-Identifier: Apache-2.0 */
#include "open/unchanged.h"

#include "open/spans.h"

void swb_unchanged_done(struct swb_unchanged *unchanged)
{
        free(unchanged->files);
        *unchanged = (struct swb_unchanged){0};
}

static int compare(const void *a, const void *b)
{
        uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

        return x < y ? -1 : x > y;
}

/* All files of a content, each once, ascending. */
static int list_files(const uint8_t *data, size_t n, struct swb_unchanged *ret)
{
        _cleanup_(swb_spans_done) struct swb_spans spans = {0};
        size_t n_files = 0;
        int r = swb_spans_find(data, n, true, &spans);

        if (r < 0)
                return r;
        ret->files = calloc(spans.n + 1, sizeof(*ret->files));
        if (!ret->files)
                return -ENOMEM;
        for (size_t i = 0; i < spans.n; i++)
                if (spans.items[i].file != 0)
                        ret->files[ret->n++] = spans.items[i].file;
        qsort(ret->files, ret->n, sizeof(*ret->files), compare);
        for (size_t i = 0; i < ret->n; i++)
                if (i == 0 || ret->files[i] != ret->files[n_files - 1])
                        ret->files[n_files++] = ret->files[i];
        ret->n = n_files;
        return 0;
}

int swb_unchanged_find(const uint8_t *old, size_t n_old, const uint8_t *new, size_t n_new,
                       struct swb_unchanged *ret)
{
        _cleanup_(swb_unchanged_done) struct swb_unchanged from = {0}, to = {0};
        size_t n = 0;
        int r = list_files(new, n_new, &to);

        if (r >= 0 && to.n > 0)
                r = list_files(old, n_old, &from);
        if (r < 0)
                return r;
        for (size_t i = 0; i < to.n; i++)
                if (swb_unchanged_has(&from, to.files[i]))
                        to.files[n++] = to.files[i];
        *ret = (struct swb_unchanged){SWB_TAKE_PTR(to.files), n};
        return 0;
}

bool swb_unchanged_has(const struct swb_unchanged *unchanged, uint64_t file)
{
        return unchanged && file != 0 && unchanged->n > 0 &&
               bsearch(&file, unchanged->files, unchanged->n, sizeof(file), compare);
}
