/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench/predict.c - how well addresses are predicted, and what is left to send
 *
 *     predict [-p PASSES] [-m MODEL] [-q] [-w KIND] OLD NEW [OLD NEW ...]
 *
 * For each kind of field: how many there are in copies, how many did not change, how many were
 * predicted, and the packed size of the corrections of all pairs. Then the other streams of a
 * difference. What was written is decoded again, with the old file read through pages, and
 * compared.
 */
#include <sys/resource.h>

#include "codec/difference.h"
#include "predict/predictor.h"

#define DICTIONARY ((uint32_t)64 << 20)
#define MEMORY ((size_t)64 << 20)

enum { CTL_DIFF, CTL_EXTRA, CTL_SEEK, DIFF, EXTRA, HINTS, N_STREAMS };

static const char *const stream_names[] = {"ctl-diff", "ctl-extra", "ctl-seek",
                                           "diff",     "extra",     "hints"};

struct reading {
        size_t pos;
};

struct totals {
        struct swb_buf streams[N_STREAMS], kinds[SWB_FIELD_KINDS_MAX];
        struct reading at[N_STREAMS], kinds_at[SWB_FIELD_KINDS_MAX];
        int shown; /* kind, -1: none */
        bool quick;
        uint64_t fields[SWB_FIELD_KINDS_MAX], same[SWB_FIELD_KINDS_MAX], hit[SWB_FIELD_KINDS_MAX];
};

struct content {
        uint8_t *data;
        size_t n;
};

static void check(int r, const char *what)
{
        if (r >= 0)
                return;
        (void)fprintf(stderr, "%s: %s\n", what, strerror(-r));
        exit(1);
}

static struct content load(const char *path)
{
        _cleanup_fclose_ FILE *file = fopen(path, "re");
        struct content content = {0};
        long n;

        if (!file || fseek(file, 0, SEEK_END) < 0)
                check(-errno, path);
        n = ftell(file);
        rewind(file);
        content.n = (size_t)n;
        content.data = malloc(content.n + 1);
        if (!content.data || fread(content.data, 1, content.n, file) != content.n)
                check(-EIO, path);
        return content;
}

static int read_content(void *context, uint64_t offset, uint8_t *data, size_t n)
{
        const struct content *content = context;

        memcpy(data, content->data + offset, n);
        return 0;
}

static void put_number(struct swb_buf *buf, int64_t number)
{
        uint64_t rest = (uint64_t)number << 1 ^ (uint64_t)(number >> 63);
        uint8_t bytes[10];
        size_t n = 0;

        do {
                bytes[n++] = (uint8_t)((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
                rest >>= 7;
        } while (rest > 0);
        check(swb_buf_append(buf, bytes, n), "append");
}

static int64_t get_number(const struct swb_buf *buf, struct reading *at)
{
        uint64_t value = 0;

        for (unsigned shift = 0; shift < 64; shift += 7) {
                uint8_t byte = buf->data[at->pos++];

                value |= (uint64_t)(byte & 0x7f) << shift;
                if (!(byte & 0x80))
                        break;
        }
        return (int64_t)(value >> 1 ^ -(value & 1));
}

static uint64_t get_value(const uint8_t *p, uint8_t width)
{
        uint64_t value = 0;

        for (unsigned i = width; i-- > 0;)
                value = value << 8 | p[i];
        return value;
}

static void put_value(uint8_t *p, uint8_t width, uint64_t value)
{
        for (unsigned i = 0; i < width; i++, value >>= 8)
                p[i] = (uint8_t)value;
}

static int64_t as_signed(uint64_t value, uint8_t width)
{
        unsigned unused = 64u - 8u * width;

        return (int64_t)(value << unused) >> unused;
}

static size_t to_copies(const struct swb_difference *d, struct swb_copy *copies)
{
        uint64_t old = 0, new = 0;
        size_t n = 0;

        for (size_t i = 0; i < d->n_entries; i++) {
                const struct swb_difference_entry *e = &d->entries[i];

                if (e->n_diff > 0)
                        copies[n++] = (struct swb_copy){old, new, (uint64_t)e->n_diff};
                old += (uint64_t)(e->n_diff + e->seek);
                new += (uint64_t)(e->n_diff + e->n_extra);
        }
        return n;
}

static void write_control(const struct swb_difference *d, struct totals *t)
{
        for (size_t i = 0; i < d->n_entries; i++) {
                put_number(&t->streams[CTL_DIFF], d->entries[i].n_diff);
                put_number(&t->streams[CTL_EXTRA], d->entries[i].n_extra);
                put_number(&t->streams[CTL_SEEK], d->entries[i].seek);
        }
}

static void write_bytes(struct totals *t, const uint8_t *old, const uint8_t *new, size_t n)
{
        struct swb_buf *diff = &t->streams[DIFF];

        check(swb_buf_reserve(diff, n), "diff");
        for (size_t i = 0; i < n; i++)
                diff->data[diff->n_bytes++] = (uint8_t)(new[i] - old[i]);
}

static void write_field(struct totals *t, struct swb_predictor *p, const struct swb_place *place,
                        uint64_t old_value, uint64_t new_value)
{
        uint64_t predicted = swb_predictor_predict(p, place, old_value);
        int64_t correction = as_signed(new_value - predicted, place->width);

        swb_predictor_learn(p, place, old_value, new_value);
        put_number(&t->kinds[place->kind], correction);
        t->fields[place->kind]++;
        t->same[place->kind] += old_value == new_value;
        t->hit[place->kind] += correction == 0;
        if (t->shown == place->kind && correction != 0)
                printf("old %lx new %lx value %lx -> %lx predicted %lx\n", place->old, place->new,
                       old_value, new_value, predicted);
}

static void encode(struct totals *t, struct swb_predictor *p, const struct swb_copy *copy,
                   const uint8_t *old, const uint8_t *new)
{
        uint64_t at = copy->old, end = copy->old + copy->n_bytes;
        struct swb_place place;

        while (swb_predictor_next(p, at, end, &place)) {
                place.new = copy->new + (place.old - copy->old);
                write_bytes(t, old + at, new + copy->new + (at - copy->old), place.old - at);
                write_field(t, p, &place, get_value(old + place.old, place.width),
                            get_value(new + place.new, place.width));
                at = place.old + place.width;
        }
        write_bytes(t, old + at, new + copy->new + (at - copy->old), end - at);
}

static void decode(struct totals *t, struct swb_predictor *p, const struct swb_copy *copy,
                   const uint8_t *old, uint8_t *new)
{
        uint64_t at = copy->old, end = copy->old + copy->n_bytes;
        struct swb_place place = {.old = at};
        bool more = true;

        while (more) {
                more = swb_predictor_next(p, at, end, &place);
                for (uint64_t stop = more ? place.old : end; at < stop; at++)
                        new[copy->new + (at - copy->old)] =
                                (uint8_t)(old[at] + t->streams[DIFF].data[t->at[DIFF].pos++]);
                if (more) {
                        uint64_t value = get_value(old + at, place.width), new_value;

                        place.new = copy->new + (at - copy->old);
                        new_value = swb_predictor_predict(p, &place, value) +
                                    (uint64_t)get_number(&t->kinds[place.kind],
                                                         &t->kinds_at[place.kind]);
                        put_value(new + place.new, place.width, new_value);
                        swb_predictor_learn(p, &place, value,
                                            get_value(new + place.new, place.width));
                        at += place.width;
                }
        }
}

static double seconds(void)
{
        struct rusage usage;

        (void)getrusage(RUSAGE_SELF, &usage);
        return (double)usage.ru_utime.tv_sec + (double)usage.ru_utime.tv_usec / 1e6;
}

static void one_pair(struct totals *t, struct swb_predictor_shared **shared, const char *old_path,
                     const char *new_path, int passes, enum swb_model model)
{
        struct content old = load(old_path), new = load(new_path);
        struct swb_view old_view = SWB_VIEW_OF_MEMORY(old.data, old.n);
        struct swb_view new_view = SWB_VIEW_OF_MEMORY(new.data, new.n);
        _cleanup_(swb_view_done) struct swb_view paged = SWB_VIEW_OF(read_content, &old, old.n);
        _cleanup_(swb_buf_done) struct swb_buf hints = SWB_BUF_INIT(SIZE_MAX);
        _cleanup_free_ uint8_t *masked_old = malloc(old.n + 1), *masked_new = malloc(new.n + 1);
        _cleanup_free_ uint8_t *made = calloc(1, new.n + 1);
        _cleanup_free_ struct swb_copy *copies = NULL;
        _cleanup_(swb_predictor_freep) struct swb_predictor *p = NULL, *q = NULL;
        double start = seconds(), mask = 0, match = 0, before;
        size_t n_copies = 0, extra = t->at[EXTRA].pos;
        uint64_t at = 0;

        check(swb_predictor_hints(model, &old_view, &new_view, &hints), "hints");
        check(swb_buf_append(&t->streams[HINTS], hints.data, hints.n_bytes), "hints");
        for (int i = 0; i < passes; i++) {
                struct swb_difference d = SWB_DIFFERENCE_INIT;

                before = seconds();
                check(swb_predictor_mask(model, &old_view, &new_view, copies, n_copies, masked_old,
                                         masked_new),
                      "mask");
                mask += seconds() - before;
                before = seconds();
                check(swb_difference_add(&d, masked_old, old.n, 0, masked_new, new.n),
                      "difference");
                match += seconds() - before;
                free(copies);
                copies = calloc(d.n_entries, sizeof(*copies));
                n_copies = to_copies(&d, copies);
                if (i + 1 == passes)
                        write_control(&d, t);
                swb_difference_done(&d);
        }
        before = seconds();
        check(swb_predictor_new(model, &old_view, copies, n_copies, hints.data, hints.n_bytes,
                                MEMORY, &p),
              "predictor");
        if (swb_predictor_shares(p))
                swb_predictor_share(p, shared[0]);
        for (size_t i = 0; i <= n_copies; i++) {
                uint64_t end = i < n_copies ? copies[i].new : new.n;

                check(swb_buf_append(&t->streams[EXTRA], new.data + at, end - at), "extra");
                if (i == n_copies)
                        break;
                encode(t, p, &copies[i], old.data, new.data);
                at = copies[i].new + copies[i].n_bytes;
        }
        if (t->quick)
                goto out;
        check(swb_predictor_new(model, &paged, copies, n_copies, hints.data, hints.n_bytes, MEMORY,
                                &q),
              "predictor");
        if (swb_predictor_shares(q))
                swb_predictor_share(q, shared[1]);
        at = 0;
        for (size_t i = 0; i <= n_copies; i++) {
                uint64_t end = i < n_copies ? copies[i].new : new.n;

                memcpy(made + at, t->streams[EXTRA].data + extra, end - at);
                extra += end - at;
                if (i == n_copies)
                        break;
                decode(t, q, &copies[i], old.data, made);
                at = copies[i].new + copies[i].n_bytes;
        }
        t->at[EXTRA].pos = extra;
        if (memcmp(made, new.data, new.n) != 0) {
                (void)fprintf(stderr, "%s: not what it was\n", new_path);
                exit(1);
        }
out:
        if (new.n > 2000000)
                printf("%s: masks %.2f s, matching %.2f s, coding and decoding %.2f s, %.2f in "
                       "all; %zu copies; %zu bytes of memory\n",
                       new_path, mask, match, seconds() - before, seconds() - start, n_copies,
                       swb_predictor_memory(p));
        free(old.data);
        free(new.data);
}

static size_t packed(const struct swb_buf *buf)
{
        _cleanup_(swb_buf_done) struct swb_buf out = SWB_BUF_INIT(SIZE_MAX);

        if (buf->n_bytes == 0)
                return 0;
        check(swb_encode_xz(DICTIONARY, SWB_XZ_THOROUGH, buf->data, buf->n_bytes, &out), "xz");
        return out.n_bytes;
}

static void report(struct totals *t)
{
        size_t sum = 0, sum_fields = 0, n;

        printf("%-18s %10s %10s %10s %9s\n", "kind", "fields", "unchanged", "predicted", "packed");
        for (uint8_t i = 0; i < SWB_FIELD_KINDS_MAX; i++) {
                if (t->fields[i] == 0)
                        continue;
                n = packed(&t->kinds[i]);
                sum_fields += n;
                printf("%-18s %10lu %9.2f%% %9.2f%% %9zu  wrong %lu\n", swb_predictor_kind(i),
                       t->fields[i], 100. * (double)t->same[i] / (double)t->fields[i],
                       100. * (double)t->hit[i] / (double)t->fields[i], n,
                       t->fields[i] - t->hit[i]);
        }
        for (unsigned i = 0; i < N_STREAMS; i++) {
                n = packed(&t->streams[i]);
                sum += n;
                printf("%-18s %10zu %31zu\n", stream_names[i], t->streams[i].n_bytes, n);
        }
        printf("corrections %zu, rest %zu, all %zu\n", sum_fields, sum, sum + sum_fields);
}

int main(int argc, char **argv)
{
        static struct totals t = {.shown = -1};
        enum swb_model model = SWB_MODEL_ELF;
        struct swb_predictor_shared *shared[2];
        int passes = 1, option;

        while ((option = getopt(argc, argv, "p:m:qw:")) >= 0) {
                if (option == 'p')
                        passes = (int)strtol(optarg, NULL, 10);
                else if (option == 'm')
                        model = (enum swb_model)strtol(optarg, NULL, 10);
                else if (option == 'q')
                        t.quick = true;
                else if (option == 'w')
                        t.shown = (int)strtol(optarg, NULL, 10);
                else
                        return 2;
        }
        if (optind == argc || (argc - optind) % 2 != 0 || passes < 1)
                return 2;
        check(swb_predictor_shared_copy(NULL, &shared[0]), "shared");
        check(swb_predictor_shared_copy(NULL, &shared[1]), "shared");
        for (unsigned i = 0; i < N_STREAMS; i++)
                t.streams[i] = SWB_BUF_INIT(SIZE_MAX);
        for (unsigned i = 0; i < SWB_FIELD_KINDS_MAX; i++)
                t.kinds[i] = SWB_BUF_INIT(SIZE_MAX);
        for (int i = optind; i < argc; i += 2)
                one_pair(&t, shared, argv[i], argv[i + 1], passes, model);
        report(&t);
        return 0;
}
