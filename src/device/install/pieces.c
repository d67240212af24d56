/* SPDX-License-Identifier: Apache-2.0 */
#include "device/install/pieces.h"

#include <inttypes.h>
#include <limits.h>

#include "device/install/search.h"
#include "os/file.h"

#define FILE_NAME "pieces"
#define FILE_MAGIC "SWBPIEC1"
#define FILE_MAGIC_BYTES 8
/* Magic, hash of the metadata, bits, hash of all this. 24 MiB of manifest can't hold more. */
#define FILE_MAX_BYTES ((size_t)1 << 20)

struct swb_pieces *swb_pieces_free(struct swb_pieces *pieces)
{
        if (!pieces)
                return NULL;
        free(pieces->fetch);
        free(pieces);
        return NULL;
}
SWB_DEFINE_CLEANUP(struct swb_pieces *, swb_pieces_free)

static size_t n_bits_bytes(uint64_t n_operations)
{
        return (size_t)(n_operations / 8 + 1);
}

static int new_pieces(uint64_t n_operations, struct swb_pieces **ret, struct swb_error *err)
{
        struct swb_pieces *pieces = calloc(1, sizeof(*pieces));

        if (pieces)
                pieces->fetch = calloc(1, n_bits_bytes(n_operations));
        if (!pieces || !pieces->fetch) {
                (void)swb_pieces_free(pieces);
                return swb_oom(err);
        }
        pieces->n_operations = n_operations;
        *ret = pieces;
        return 0;
}

bool swb_pieces_is_fetched(const struct swb_pieces *pieces, uint64_t operation)
{
        return pieces->fetch[operation / 8] >> operation % 8 & 1;
}

static void set_fetched(struct swb_pieces *pieces, uint64_t operation)
{
        pieces->fetch[operation / 8] = (uint8_t)(pieces->fetch[operation / 8] | 1 << operation % 8);
}

/* ---- notes ---- */

static int path_of_notes(const struct swb_installer *installer, char *path, struct swb_error *err)
{
        int n = snprintf(path, PATH_MAX, "%s/" FILE_NAME, installer->config.state_dir);

        if (n < 0 || n >= PATH_MAX)
                return swb_fail(err, -ENAMETOOLONG, SWB_FAULT_CONFIG,
                                "the state folder's name is too long");
        return 0;
}

static int put_notes(const struct swb_installer *installer, const struct swb_pieces *pieces,
                     struct swb_buf *buf)
{
        uint8_t digest[SWB_SHA256_BYTES];
        int r;

        r = swb_buf_append(buf, FILE_MAGIC, FILE_MAGIC_BYTES);
        if (r >= 0)
                r = swb_buf_append(buf, installer->checkpoint.metadata_hash, SWB_SHA256_BYTES);
        if (r >= 0)
                r = swb_buf_append(buf, pieces->fetch, n_bits_bytes(pieces->n_operations));
        if (r < 0)
                return r;
        swb_sha256(buf->data, buf->n_bytes, digest);
        return swb_buf_append(buf, digest, sizeof(digest));
}

static int save(const struct swb_installer *installer, const struct swb_pieces *pieces,
                struct swb_error *err)
{
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(FILE_MAX_BYTES);
        char path[PATH_MAX];
        int r;

        r = path_of_notes(installer, path, err);
        if (r < 0)
                return r;
        r = put_notes(installer, pieces, &buf);
        if (r < 0)
                return swb_fail_errno(err, r, "note which pieces are to be fetched");
        return swb_write_file_durable(path, buf.data, buf.n_bytes, 0600, err);
}

int swb_pieces_load(struct swb_installer *installer, struct swb_error *err)
{
        _cleanup_(swb_pieces_freep) struct swb_pieces *pieces = NULL;
        _cleanup_(swb_buf_done) struct swb_buf want = SWB_BUF_INIT(FILE_MAX_BYTES),
                                               found = SWB_BUF_INIT(FILE_MAX_BYTES);
        size_t n_bits = n_bits_bytes(installer->totals.operations);
        char path[PATH_MAX];
        int r;

        r = new_pieces(installer->totals.operations, &pieces, err);
        if (r >= 0)
                r = path_of_notes(installer, path, err);
        if (r >= 0)
                r = swb_read_file(path, &found, err);
        if (r < 0)
                return r;
        if (found.n_bytes >= FILE_MAGIC_BYTES + SWB_SHA256_BYTES + n_bits)
                memcpy(pieces->fetch, found.data + FILE_MAGIC_BYTES + SWB_SHA256_BYTES, n_bits);
        if (put_notes(installer, pieces, &want) < 0)
                return swb_oom(err);
        if (want.n_bytes != found.n_bytes || memcmp(want.data, found.data, want.n_bytes) != 0)
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT,
                                "'%s' does not belong to the checkpoint", path);
        installer->pieces = SWB_TAKE_PTR(pieces);
        return 0;
}

/* ---- searching ---- */

struct maker {
        struct swb_installer *installer;
        struct swb_pieces *pieces;
        struct swb_search search[SWB_PARTITIONS_MAX];
        uint8_t *content; /* SWB_PIECE_MAX_BYTES */
};

static void maker_done(struct maker *maker)
{
        for (size_t i = 0; i < SWB_PARTITIONS_MAX; i++)
                swb_search_done(&maker->search[i]);
        free(maker->content);
}

static int on_searched(void *context, uint64_t n_bytes, struct swb_error *err)
{
        struct swb_installer *installer = context;

        installer->searched += n_bytes;
        swb_job_report(installer, "apply");
        return swb_job_check_cancelled(installer, err);
}

static void want_blocks(struct swb_search *search, const struct swb_operation *op)
{
        const uint8_t *tag = op->tags;

        for (size_t i = 0; i < op->n_dst; i++)
                for (uint64_t k = 0; k < op->dst[i].n_blocks; k++, tag += SWB_TAG_BYTES)
                        swb_search_want(search, op->dst[i].start_block + k, tag);
}

/* Adds what a partition's operations must make to its search. */
static int want_partition(struct maker *maker, size_t index, struct swb_error *err)
{
        const struct swb_operation *op;
        size_t partition;
        int r;

        for (size_t number = 0;; number++) {
                r = swb_payload_reader_peek(maker->installer->reader, number, &op, &partition, err);
                if (r <= 0)
                        return r;
                if (partition == index && op->data_length > 0)
                        want_blocks(&maker->search[index], op);
        }
}

/* A partition that can't be searched is fetched as a whole: 1, with a notice. */
static int start_search(struct maker *maker, size_t index)
{
        const struct swb_install_config *config = &maker->installer->config;
        struct swb_error why = SWB_ERROR_INIT;
        uint64_t n_bytes = maker->installer->by_partition[index]->new_bytes;

        if (swb_search_init(&maker->search[index], n_bytes, &why) >= 0)
                return 0;
        if (config->notice)
                config->notice(config->context, why.text);
        return 1;
}

static int search_partition(struct maker *maker, size_t index, struct swb_error *err)
{
        struct swb_installer *installer = maker->installer;
        const struct swb_slot *slot = installer->by_partition[index];
        const struct swb_extent_file target = {slot->fd, slot->target,
                                               SWB_MIN(slot->target_bytes, slot->new_bytes)};
        const struct swb_extent_file source = {slot->source_fd, slot->source, slot->source_bytes};
        const struct swb_step step = {on_searched, installer};
        struct swb_search *search = &maker->search[index];
        int r;

        if (start_search(maker, index) > 0)
                return 0;
        r = want_partition(maker, index, err);
        if (r >= 0)
                r = swb_search_file(search, &target, true, &step, installer->apply.buffer, err);
        if (r >= 0 && slot->source_fd >= 0)
                r = swb_search_file(search, &source, false, &step, installer->apply.buffer, err);
        swb_search_over(search);
        return r;
}

static int search_all(struct maker *maker, struct swb_error *err)
{
        struct swb_installer *installer = maker->installer;
        size_t n = installer->manifest->n_partitions;
        int r = 0;

        installer->searched = installer->to_search = 0;
        for (size_t i = 0; i < n; i++)
                installer->to_search += installer->by_partition[i]->new_bytes +
                                        installer->by_partition[i]->source_bytes;
        for (size_t i = 0; i < n && r >= 0; i++)
                r = search_partition(maker, i, err);
        installer->searched = installer->to_search;
        return r;
}

/* ---- making ---- */

/* A run of blocks that stand one behind the other in one file. */
static bool read_run(const struct swb_slot *slot, bool here, uint64_t block, uint64_t n_blocks,
                     uint8_t *data)
{
        return swb_pread(here ? slot->fd : slot->source_fd, here ? slot->target : slot->source,
                         data, (size_t)n_blocks * SWB_BLOCK_BYTES, block * SWB_BLOCK_BYTES,
                         NULL) >= 0;
}

/* Reads the blocks of an extent from where they were found. */
static bool gather_extent(const struct swb_search *search, const struct swb_slot *slot,
                          const struct swb_extent *extent, uint8_t *data, bool *all_here)
{
        const uint32_t *where = search->where + extent->start_block;
        uint64_t n;

        for (uint64_t i = 0; i < extent->n_blocks; i += n) {
                bool here = where[i] == SWB_SEARCH_HERE;

                if (where[i] == SWB_SEARCH_NOWHERE)
                        return false;
                n = 1;
                while (i + n < extent->n_blocks &&
                       where[i + n] == (here ? SWB_SEARCH_HERE : where[i] + (uint32_t)n))
                        n++;
                if (!read_run(slot, here, here ? extent->start_block + i : where[i], n,
                              data + i * SWB_BLOCK_BYTES))
                        return false;
                *all_here &= here;
        }
        return true;
}

enum { LACKS = 0, GATHERED = 1, IN_PLACE = 2 };

static int gather(const struct maker *maker, size_t partition, const struct swb_operation *op)
{
        uint8_t digest[SWB_SHA256_BYTES];
        bool all_here = true;
        size_t n = 0;

        if (!maker->search[partition].where)
                return LACKS;
        for (size_t i = 0; i < op->n_dst; i++) {
                if (!gather_extent(&maker->search[partition],
                                   maker->installer->by_partition[partition], &op->dst[i],
                                   maker->content + n, &all_here))
                        return LACKS;
                n += (size_t)op->dst[i].n_blocks * SWB_BLOCK_BYTES;
        }
        swb_sha256(maker->content, n, digest);
        if (memcmp(digest, op->dst_hash, sizeof(digest)) != 0)
                return LACKS;
        return all_here ? IN_PLACE : GATHERED;
}

/* Writes a piece whose content is known, or just counts it. */
static int put(struct maker *maker, size_t partition, const struct swb_operation *op, bool in_place,
               struct swb_error *err)
{
        struct swb_installer *installer = maker->installer;
        struct swb_slot *slot = installer->by_partition[partition];
        uint64_t n = swb_extents_blocks(op->dst, op->n_dst) * SWB_BLOCK_BYTES;
        struct swb_operation plain = {
                .type = SWB_OP_REPLACE, .data_length = n, .dst = op->dst, .n_dst = op->n_dst};
        int r;

        if (in_place)
                r = installer->apply.step.done(installer->apply.step.context, n, err);
        else
                r = swb_apply_operation(&installer->apply, &plain, maker->content, slot, err);
        return r;
}

static int make_one(struct maker *maker, uint64_t number, size_t partition,
                    const struct swb_operation *op, struct swb_error *err)
{
        struct swb_installer *installer = maker->installer;
        struct swb_slot *slot = installer->by_partition[partition];
        int r, found;

        if (op->data_length == 0) {
                r = swb_apply_operation(&installer->apply, op, NULL, slot, err);
        } else {
                found = gather(maker, partition, op);
                if (found == LACKS) {
                        set_fetched(maker->pieces, number);
                        return 0;
                }
                r = put(maker, partition, op, found == IN_PLACE, err);
        }
        if (r >= 0 && installer->overlap)
                swb_front_add(&slot->front, op->dst, op->n_dst);
        return r < 0 ? swb_wrap(err, r, "operation %" PRIu64, number) : 0;
}

static int make_all(struct maker *maker, struct swb_error *err)
{
        const struct swb_operation *op;
        size_t partition;
        int r;

        maker->content = malloc(SWB_PIECE_MAX_BYTES);
        if (!maker->content)
                return swb_oom(err);
        for (uint64_t number = 0;; number++) {
                r = swb_payload_reader_peek(maker->installer->reader, number, &op, &partition, err);
                if (r > 0)
                        r = make_one(maker, number, partition, op, err);
                if (r < 0 || number + 1 >= maker->pieces->n_operations)
                        return r < 0 ? r : 0;
        }
}

/* What was made is on the medium before the notes say so. */
static int note(struct swb_installer *installer, struct swb_error *err)
{
        struct swb_error survived = SWB_ERROR_INIT;

        if (!installer->resumable)
                return swb_job_store(installer, err);
        if (!installer->config.plain_files) {
                int r = swb_slots_sync(&installer->slots, err);

                if (r < 0)
                        return r;
        }
        /* Without notes the checkpoint still says that nothing is done, which is true enough. */
        installer->checkpoint.pieces = save(installer, installer->pieces, &survived) >= 0;
        if (survived.code < 0 && installer->config.notice)
                installer->config.notice(installer->config.context, survived.text);
        if (!installer->checkpoint.pieces)
                installer->resumable = false;
        return swb_job_store(installer, err);
}

int swb_pieces_begin(struct swb_installer *installer, struct swb_error *err)
{
        _cleanup_(swb_pieces_freep) struct swb_pieces *pieces = NULL;
        _cleanup_(maker_done) struct maker maker = {.installer = installer};
        int r;

        r = new_pieces(installer->totals.operations, &pieces, err);
        if (r < 0)
                return r;
        maker.pieces = pieces;
        r = search_all(&maker, err);
        if (r >= 0)
                r = make_all(&maker, err);
        if (r < 0)
                return r;
        installer->pieces = SWB_TAKE_PTR(pieces);
        return note(installer, err);
}

/* ---- fetching ---- */

int swb_pieces_advance(struct swb_installer *installer, struct swb_error *err)
{
        const struct swb_pieces *pieces = installer->pieces;
        struct swb_install_position *now = &installer->now;
        int r;

        while (now->operation < pieces->n_operations) {
                if (swb_pieces_is_fetched(pieces, now->operation))
                        return 1;
                r = swb_payload_reader_skip(installer->reader, err);
                if (r < 0)
                        return r;
                now->operation++;
                now->offset = swb_payload_reader_offset(installer->reader);
                installer->safe = *now;
        }
        return 0;
}

int swb_pieces_ask(struct swb_installer *installer, struct swb_range *ranges, size_t max,
                   size_t *ret_n, struct swb_error *err)
{
        uint64_t start = swb_payload_reader_blobs_start(installer->reader), at;
        struct swb_pieces *pieces = installer->pieces;
        const struct swb_operation *op;
        size_t n = 0, partition;
        int r;

        for (; pieces->asked < pieces->n_operations; pieces->asked++) {
                if (!swb_pieces_is_fetched(pieces, pieces->asked))
                        continue;
                r = swb_payload_reader_peek(installer->reader, pieces->asked, &op, &partition, err);
                if (r < 0)
                        return r;
                at = start + op->data_offset;
                if (n > 0 && ranges[n - 1].end == at) {
                        ranges[n - 1].end += op->data_length;
                        continue;
                }
                if (n == max)
                        break;
                ranges[n++] = (struct swb_range){at, at + op->data_length};
        }
        *ret_n = n;
        return 0;
}
