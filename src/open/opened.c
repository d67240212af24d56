/* SPDX-License-Identifier: Apache-2.0 */
#include "open/opened.h"

#include <string.h>

#include "open/libraries.h"

#define CHUNK_BYTES ((size_t)64 << 10)
#define SLOTS 64u
/* A piece that is decoded so often goes to scratch space, if there is any. */
#define RESTLESS 3u
#define NO_PARENT UINT32_MAX

struct node {
        uint64_t at;        /* in what the parent opens to, or in the content */
        uint64_t opened_at; /* of its first byte in the opened content */
        uint64_t scratch_plus_1;
        uint32_t parent;
        uint32_t n_decoded; /* times */
};

struct slot {
        uint8_t *data; /* NULL: free */
        uint32_t piece;
        uint64_t last_use;
};

struct swb_opened {
        const struct swb_recipe *recipe;
        const struct swb_open_limits *limits;
        swb_open_read read;
        void *context;
        struct node *nodes;
        struct slot slots[SLOTS];
        uint64_t n_cached, max_cached; /* bytes */
        uint64_t n_uses, n_scratch;
};

/* Must it be decoded into scratch space? */
static bool needs_scratch(const struct swb_recipe *recipe, size_t i)
{
        const struct swb_piece *piece = &recipe->pieces[i];

        return piece->setting > 0 &&
               (piece->n_opened > SWB_WHOLE_MAX_BYTES || swb_recipe_has_inner(recipe, i));
}

uint64_t swb_opened_scratch_bytes(const struct swb_recipe *recipe)
{
        uint64_t n = 0;

        for (size_t i = 0; i < recipe->n_pieces; i++)
                if (needs_scratch(recipe, i))
                        n += recipe->pieces[i].n_opened;
        return n;
}

uint64_t swb_opened_all_scratch_bytes(const struct swb_recipe *recipe)
{
        uint64_t n = 0;

        for (size_t i = 0; i < recipe->n_pieces; i++)
                if (recipe->pieces[i].setting > 0)
                        n += recipe->pieces[i].n_opened;
        return n;
}

uint64_t swb_opened_kept_bytes(const struct swb_recipe *recipe)
{
        return recipe->n_pieces * sizeof(struct node) + sizeof(struct swb_opened);
}

/* What a stream's decoder may need. */
static uint64_t window_of(const struct swb_recipe *recipe, const struct swb_piece *piece)
{
        const struct swb_setting *setting = swb_recipe_setting(recipe, piece);

        switch (setting->packing) {
        case SWB_PACKING_DEFLATE:
        case SWB_PACKING_ZLIB:
                return SWB_UNPACK_MEMORY_BYTES / 128;
        case SWB_PACKING_XZ:
        case SWB_PACKING_ZSTD:
        case SWB_PACKING_LZMA:
                return swb_unpack_memory(setting);
        case SWB_PACKING_BZIP2:
                return swb_bzip2_opening_bytes();
        case SWB_PACKING_LZOP:
                return SWB_UNPACK_MEMORY_BYTES / 16;
        case SWB_PACKING_PLAIN:
        case SWB_PACKING_LZ4:
        case SWB_PACKING_LZ4_SIZED:
        case SWB_PACKING_EROFS_LZ4:
        case SWB_PACKING_LZO:
        case _SWB_PACKING_MAX:
        case _SWB_PACKING_INVALID:
                break;
        }
        return 0;
}

/* What decoding takes beside the cache: nodes, the largest encoded piece that is decoded as a
 * whole, buffers. */
static uint64_t fixed_bytes(const struct swb_recipe *recipe, uint64_t *ret_largest)
{
        uint64_t largest_in = 0, largest = 0, window = 0;

        for (size_t i = 0; i < recipe->n_pieces; i++) {
                const struct swb_piece *piece = &recipe->pieces[i];

                if (piece->setting == 0)
                        continue;
                if (swb_packing_is_whole(swb_recipe_setting(recipe, piece)->packing))
                        largest_in = SWB_MAX(largest_in, piece->n_encoded);
                else
                        window = SWB_MAX(window, window_of(recipe, piece));
                if (piece->n_opened <= SWB_WHOLE_MAX_BYTES)
                        largest = SWB_MAX(largest, piece->n_opened);
        }
        *ret_largest = largest;
        return swb_opened_kept_bytes(recipe) + largest_in + window + 2 * CHUNK_BYTES;
}

uint64_t swb_opened_memory_bytes(const struct swb_recipe *recipe)
{
        uint64_t largest, fixed = fixed_bytes(recipe, &largest);

        return fixed + largest;
}

static void place_nodes(struct swb_opened *opened)
{
        const struct swb_recipe *recipe = opened->recipe;
        uint32_t parents[SWB_RECIPE_DEPTH_MAX + 2] = {NO_PARENT};
        uint64_t next[SWB_RECIPE_DEPTH_MAX + 2] = {0}, opened_at = 0;

        for (uint32_t i = 0; i < recipe->n_pieces; i++) {
                const struct swb_piece *piece = &recipe->pieces[i];

                opened->nodes[i] = (struct node){.at = next[piece->depth],
                                                 .opened_at = opened_at,
                                                 .parent = parents[piece->depth]};
                next[piece->depth] += piece->n_encoded;
                next[piece->depth + 1] = 0;
                parents[piece->depth + 1] = i;
                if (!swb_recipe_has_inner(recipe, i))
                        opened_at += piece->n_opened;
        }
}

int swb_opened_new(const struct swb_recipe *recipe, swb_open_read read, void *context,
                   const struct swb_open_limits *limits, struct swb_opened **ret)
{
        _cleanup_(swb_opened_freep) struct swb_opened *opened = NULL;
        uint64_t largest, fixed = fixed_bytes(recipe, &largest);
        uint64_t scratch = limits->scratch ? limits->scratch->max_bytes : 0;

        if (limits->memory_bytes < fixed + largest || swb_opened_scratch_bytes(recipe) > scratch)
                return -E2BIG;
        opened = calloc(1, sizeof(*opened));
        if (!opened)
                return -ENOMEM;
        opened->nodes = calloc(recipe->n_pieces + 1, sizeof(*opened->nodes));
        if (!opened->nodes)
                return -ENOMEM;
        opened->recipe = recipe;
        opened->limits = limits;
        opened->read = read;
        opened->context = context;
        opened->max_cached = limits->memory_bytes - fixed;
        place_nodes(opened);
        *ret = SWB_TAKE_PTR(opened);
        return 0;
}

struct swb_opened *swb_opened_free(struct swb_opened *opened)
{
        if (!opened)
                return NULL;
        for (size_t i = 0; i < SLOTS; i++)
                free(opened->slots[i].data);
        free(opened->nodes);
        free(opened);
        return NULL;
}

/* ---- memory */

static struct slot *find_slot(struct swb_opened *opened, uint32_t piece)
{
        for (size_t i = 0; i < SLOTS; i++)
                if (opened->slots[i].data && opened->slots[i].piece == piece)
                        return &opened->slots[i];
        return NULL;
}

static void release(struct swb_opened *opened, struct slot *slot)
{
        opened->n_cached -= opened->recipe->pieces[slot->piece].n_opened;
        free(slot->data);
        slot->data = NULL;
}

/* The slot to use next: a free one, or else the one that was used longest ago. */
static struct slot *oldest(struct swb_opened *opened, bool only_full)
{
        struct slot *best = NULL;

        for (size_t i = 0; i < SLOTS; i++) {
                struct slot *slot = &opened->slots[i];

                if (!slot->data && !only_full)
                        return slot;
                if (slot->data && (!best || slot->last_use < best->last_use))
                        best = slot;
        }
        return best;
}

/* Room for a piece; what was used longest ago goes. */
static struct slot *make_room(struct swb_opened *opened, uint32_t piece)
{
        uint64_t n = opened->recipe->pieces[piece].n_opened;
        struct slot *slot;

        while (opened->n_cached > 0 && n > opened->max_cached - opened->n_cached)
                release(opened, oldest(opened, true));
        slot = oldest(opened, false);
        if (slot->data)
                release(opened, slot);
        slot->data = malloc((size_t)n);
        if (!slot->data)
                return NULL;
        slot->piece = piece;
        opened->n_cached += n;
        return slot;
}

/* ---- decoding */

/* Bytes of what a node opens to, which lies in scratch space; NO_PARENT: of the content. */
static int read_opened_to(struct swb_opened *opened, uint32_t node, uint64_t offset, uint8_t *data,
                          size_t n)
{
        const struct swb_open_scratch *scratch = opened->limits->scratch;

        if (node == NO_PARENT)
                return opened->read(opened->context, offset, data, n);
        return scratch->read(scratch->context, opened->nodes[node].scratch_plus_1 - 1 + offset,
                             data, n);
}

static int decode_whole(struct swb_opened *opened, uint32_t i, uint8_t *out)
{
        const struct swb_piece *piece = &opened->recipe->pieces[i];
        const struct node *node = &opened->nodes[i];
        _cleanup_free_ uint8_t *in = malloc((size_t)piece->n_encoded);
        int r;

        if (!in)
                return -ENOMEM;
        r = read_opened_to(opened, node->parent, node->at, in, (size_t)piece->n_encoded);
        if (r < 0)
                return r;
        return swb_unpack_whole(swb_recipe_setting(opened->recipe, piece)->packing, in,
                                (size_t)piece->n_encoded, out, (size_t)piece->n_opened);
}

/* A stream's bytes on their way out: to memory, or through a buffer to scratch space. */
struct outlet {
        uint8_t *memory;  /* all of it; or NULL */
        uint8_t *buffer;  /* CHUNK_BYTES, for scratch space */
        uint64_t at;      /* there */
        uint64_t n, done; /* bytes wanted, and made */
};

struct inlet {
        uint8_t *buffer;
        const uint8_t *next;
        size_t n;
        uint64_t taken; /* of the piece's encoded bytes */
};

static int refill(struct swb_opened *opened, uint32_t i, struct inlet *in)
{
        const struct swb_piece *piece = &opened->recipe->pieces[i];
        const struct node *node = &opened->nodes[i];
        size_t n = (size_t)SWB_MIN((uint64_t)CHUNK_BYTES, piece->n_encoded - in->taken);
        int r;

        if (in->n > 0 || n == 0)
                return 0;
        r = read_opened_to(opened, node->parent, node->at + in->taken, in->buffer, n);
        if (r < 0)
                return r;
        in->next = in->buffer;
        in->n = n;
        in->taken += n;
        return 0;
}

static int store(struct swb_opened *opened, const struct outlet *out, const uint8_t *data, size_t n)
{
        const struct swb_open_scratch *scratch = opened->limits->scratch;

        if (out->memory)
                return 0;
        return scratch->write(scratch->context, out->at + out->done, data, n);
}

static int decode_step(struct swb_opened *opened, uint32_t i, struct swb_unpacker *unpacker,
                       struct inlet *in, struct outlet *out)
{
        size_t n_room = (size_t)SWB_MIN((uint64_t)CHUNK_BYTES, out->n - out->done);
        uint8_t *begin = out->memory ? out->memory + out->done : out->buffer, *next = begin, spare;
        size_t had_in, n_left;
        int r = refill(opened, i, in), stored;

        if (r < 0)
                return r;
        if (n_room == 0) { /* all is there, but for the stream's end */
                begin = next = &spare;
                n_room = 1;
        }
        had_in = in->n;
        n_left = n_room;
        r = swb_unpacker_step(unpacker, &in->next, &in->n, &next, &n_left);
        if (r < 0)
                return r;
        if (begin == &spare && n_left == 0)
                return -EBADMSG;
        if (r == SWB_UNPACK_MORE && had_in == in->n && n_left == n_room)
                return -EBADMSG;
        stored = store(opened, out, begin, n_room - n_left);
        out->done += n_room - n_left;
        return stored < 0 ? stored : r;
}

static int decode_stream(struct swb_opened *opened, uint32_t i, struct outlet *out)
{
        const struct swb_piece *piece = &opened->recipe->pieces[i];
        const struct swb_setting *setting = swb_recipe_setting(opened->recipe, piece);
        _cleanup_(swb_unpacker_freep) struct swb_unpacker *unpacker = NULL;
        _cleanup_free_ uint8_t *in_buffer = malloc(CHUNK_BYTES), *out_buffer = malloc(CHUNK_BYTES);
        struct inlet in = {.buffer = in_buffer};
        int r;

        if (!in_buffer || !out_buffer)
                return -ENOMEM;
        out->buffer = out_buffer;
        out->n = piece->n_opened;
        r = swb_unpacker_new(setting->packing, swb_unpack_memory(setting), &unpacker);
        if (r < 0)
                return r;
        do
                r = decode_step(opened, i, unpacker, &in, out);
        while (r == SWB_UNPACK_MORE);
        if (r < 0)
                return r;
        return out->done == out->n && in.n == 0 && in.taken == piece->n_encoded ? 0 : -EBADMSG;
}

static bool is_whole(const struct swb_opened *opened, uint32_t i)
{
        const struct swb_piece *piece = &opened->recipe->pieces[i];

        return swb_packing_is_whole(swb_recipe_setting(opened->recipe, piece)->packing);
}

static int decode_to_memory(struct swb_opened *opened, uint32_t i, uint8_t *data)
{
        struct outlet out = {.memory = data};

        return is_whole(opened, i) ? decode_whole(opened, i, data) : decode_stream(opened, i, &out);
}

/* ---- scratch space */

static int put_scratch(struct swb_opened *opened, uint32_t i, const uint8_t *data)
{
        const struct swb_open_scratch *scratch = opened->limits->scratch;
        uint64_t n = opened->recipe->pieces[i].n_opened;
        int r = scratch->write(scratch->context, opened->n_scratch, data, (size_t)n);

        if (r < 0)
                return r;
        opened->nodes[i].scratch_plus_1 = opened->n_scratch + 1;
        opened->n_scratch += n;
        return 0;
}

/* A piece that must lie there: its parents do already. */
static int open_to_scratch(struct swb_opened *opened, uint32_t i)
{
        struct outlet out = {.at = opened->n_scratch};
        int r;

        if (is_whole(opened, i)) {
                _cleanup_free_ uint8_t *data = malloc((size_t)opened->recipe->pieces[i].n_opened);

                r = data ? decode_whole(opened, i, data) : -ENOMEM;
                return r < 0 ? r : put_scratch(opened, i, data);
        }
        r = decode_stream(opened, i, &out);
        if (r < 0)
                return r;
        opened->nodes[i].scratch_plus_1 = opened->n_scratch + 1;
        opened->n_scratch += out.n;
        return 0;
}

/* Space that pieces which need it have still to take is not given to others. */
static bool may_take_scratch(const struct swb_opened *opened, uint64_t n)
{
        const struct swb_open_scratch *scratch = opened->limits->scratch;
        uint64_t needed = swb_opened_scratch_bytes(opened->recipe);

        return scratch && scratch->max_bytes - needed >= n &&
               opened->n_scratch <= scratch->max_bytes - needed - n;
}

/* ---- reading */

static int load(struct swb_opened *opened, uint32_t i, struct slot **ret)
{
        struct node *node = &opened->nodes[i];
        struct slot *slot = find_slot(opened, i);
        int r;

        if (!slot) {
                slot = make_room(opened, i);
                if (!slot)
                        return -ENOMEM;
                r = decode_to_memory(opened, i, slot->data);
                if (r >= 0 && ++node->n_decoded == RESTLESS &&
                    may_take_scratch(opened, opened->recipe->pieces[i].n_opened))
                        r = put_scratch(opened, i, slot->data);
                if (r < 0) {
                        release(opened, slot);
                        return r;
                }
        }
        slot->last_use = ++opened->n_uses;
        *ret = slot;
        return 0;
}

/* The pieces around this one, the outermost first, and itself if it must. */
static int open_around(struct swb_opened *opened, uint32_t i)
{
        uint32_t chain[SWB_RECIPE_DEPTH_MAX + 1];
        size_t n = 0;

        for (uint32_t node = i; node != NO_PARENT; node = opened->nodes[node].parent)
                if (needs_scratch(opened->recipe, node) && opened->nodes[node].scratch_plus_1 == 0)
                        chain[n++] = node;
        while (n > 0) {
                int r = open_to_scratch(opened, chain[--n]);

                if (r < 0)
                        return r;
        }
        return 0;
}

int swb_opened_prepare(struct swb_opened *opened)
{
        const struct swb_open_scratch *scratch = opened->limits->scratch;
        int r = 0;

        if (swb_opened_all_scratch_bytes(opened->recipe) > (scratch ? scratch->max_bytes : 0))
                return -E2BIG;
        for (uint32_t i = 0; i < opened->recipe->n_pieces && r >= 0; i++)
                if (opened->recipe->pieces[i].setting > 0 && opened->nodes[i].scratch_plus_1 == 0)
                        r = open_to_scratch(opened, i); /* its parents came before it */
        return r;
}

/* n bytes from `offset` of what piece i opens to. */
static int read_piece(struct swb_opened *opened, uint32_t i, uint64_t offset, uint8_t *data,
                      size_t n)
{
        const struct node *node = &opened->nodes[i];
        struct slot *slot;
        int r = open_around(opened, i);

        if (r < 0)
                return r;
        if (opened->recipe->pieces[i].setting == 0)
                return read_opened_to(opened, node->parent, node->at + offset, data, n);
        if (node->scratch_plus_1 > 0)
                return read_opened_to(opened, i, offset, data, n);
        r = load(opened, i, &slot);
        if (r < 0)
                return r;
        memcpy(data, slot->data + offset, n);
        return 0;
}

/* The last piece that begins at or before an offset is the innermost that holds it. */
static uint32_t find_piece(const struct swb_opened *opened, uint64_t offset)
{
        uint32_t low = 0, high = (uint32_t)opened->recipe->n_pieces - 1;

        while (low < high) {
                uint32_t middle = low + (high - low + 1) / 2;

                if (opened->nodes[middle].opened_at <= offset)
                        low = middle;
                else
                        high = middle - 1;
        }
        return low;
}

int swb_opened_read(void *context, uint64_t offset, uint8_t *data, size_t n)
{
        struct swb_opened *opened = context;

        if (offset > opened->recipe->n_opened || n > opened->recipe->n_opened - offset)
                return -EBADMSG;
        while (n > 0) {
                uint32_t i = find_piece(opened, offset);
                uint64_t within = offset - opened->nodes[i].opened_at;
                size_t piece =
                        (size_t)SWB_MIN((uint64_t)n, opened->recipe->pieces[i].n_opened - within);
                int r = read_piece(opened, i, within, data, piece);

                if (r < 0)
                        return r;
                data += piece;
                offset += piece;
                n -= piece;
        }
        return 0;
}
