/* SPDX-License-Identifier: Apache-2.0 */
#include "open/deflate_code.h"

#include <stdlib.h>
#include <string.h>

#define SYMBOLS SWB_DEFLATE_LITERALS
#define NODES (2 * SYMBOLS)

/* The last base that is not above the value. */
static unsigned symbol_of(const uint16_t *bases, unsigned n, unsigned value)
{
        unsigned low = 0, high = n - 1;

        while (low < high) {
                unsigned middle = (low + high + 1) / 2;

                if (bases[middle] <= value)
                        low = middle;
                else
                        high = middle - 1;
        }
        return low;
}

unsigned swb_length_symbol(unsigned length)
{
        return symbol_of(swb_deflate_length_bases, SWB_ELEMENTS(swb_deflate_length_bases), length);
}

unsigned swb_distance_symbol(unsigned distance)
{
        return symbol_of(swb_deflate_distance_bases, SWB_DEFLATE_DISTANCES, distance);
}

/* ---- a heap */

struct heap {
        int nodes[NODES + 1];
        int n;     /* in the heap, from nodes[1] on */
        int first; /* those taken out, from the end down, in the order of their weight */
        uint32_t weights[NODES];
        uint16_t parents[NODES];
        uint8_t depths[NODES];
        int last; /* symbol that is used */
};

static bool is_lighter(const struct heap *heap, int a, int b)
{
        return heap->weights[a] < heap->weights[b] ||
               (heap->weights[a] == heap->weights[b] && heap->depths[a] <= heap->depths[b]);
}

static void sink(struct heap *heap, int at)
{
        int node = heap->nodes[at];

        for (int child = 2 * at; child <= heap->n; child = 2 * at) {
                if (child < heap->n && is_lighter(heap, heap->nodes[child + 1], heap->nodes[child]))
                        child++;
                if (is_lighter(heap, node, heap->nodes[child]))
                        break;
                heap->nodes[at] = heap->nodes[child];
                at = child;
        }
        heap->nodes[at] = node;
}

/* A code has two words at least: symbols that are not there count once. */
static void fill_heap(struct heap *heap, const uint32_t *counts, unsigned n)
{
        heap->last = -1;
        for (unsigned i = 0; i < n; i++) {
                heap->weights[i] = counts[i];
                if (counts[i] > 0)
                        heap->nodes[++heap->n] = heap->last = (int)i;
        }
        while (heap->n < 2) {
                int symbol = heap->last < 2 ? ++heap->last : 0;

                heap->nodes[++heap->n] = symbol;
                heap->weights[symbol] = 1;
        }
        for (int i = heap->n / 2; i >= 1; i--)
                sink(heap, i);
}

static void join_nodes(struct heap *heap, unsigned n)
{
        int node = (int)n;

        heap->first = NODES + 1;
        do {
                int a = heap->nodes[1], b;

                heap->nodes[1] = heap->nodes[heap->n--];
                sink(heap, 1);
                b = heap->nodes[1];
                heap->nodes[--heap->first] = a;
                heap->nodes[--heap->first] = b;
                heap->weights[node] = heap->weights[a] + heap->weights[b];
                heap->depths[node] = (uint8_t)(SWB_MAX(heap->depths[a], heap->depths[b]) + 1);
                heap->parents[a] = heap->parents[b] = (uint16_t)node;
                heap->nodes[1] = node++;
                sink(heap, 1);
        } while (heap->n >= 2);
        heap->nodes[--heap->first] = heap->nodes[1];
}

/* Words that are too long are cut, and shorter ones made longer to pay for that; then the lengths
 * are given out again, the longest to the lightest. */
static void repair_lengths(const struct heap *heap, unsigned max_length,
                           unsigned counts[SWB_HUFFMAN_BITS + 1], int overflow, uint8_t *lengths)
{
        int at = NODES + 1;

        for (; overflow > 0; overflow -= 2) {
                unsigned bits = max_length - 1;

                while (counts[bits] == 0)
                        bits--;
                counts[bits]--;
                counts[bits + 1] += 2;
                counts[max_length]--;
        }
        for (unsigned bits = max_length; bits > 0; bits--)
                for (unsigned left = counts[bits]; left > 0;) {
                        int node = heap->nodes[--at];

                        if (node > heap->last)
                                continue;
                        lengths[node] = (uint8_t)bits;
                        left--;
                }
}

static void by_heap(const uint32_t *symbol_counts, unsigned n, unsigned max_length,
                    uint8_t *lengths)
{
        struct heap heap = {0};
        unsigned counts[SWB_HUFFMAN_BITS + 1] = {0};
        uint8_t depths[NODES];
        int overflow = 0;

        fill_heap(&heap, symbol_counts, n);
        join_nodes(&heap, n);
        depths[heap.nodes[heap.first]] = 0;
        for (int i = heap.first + 1; i <= NODES; i++) {
                int node = heap.nodes[i];
                unsigned bits = depths[heap.parents[node]] + 1u;

                if (bits > max_length) {
                        bits = max_length;
                        overflow++;
                }
                depths[node] = (uint8_t)bits;
                if (node > heap.last)
                        continue;
                lengths[node] = (uint8_t)bits;
                counts[bits]++;
        }
        if (overflow > 0)
                repair_lengths(&heap, max_length, counts, overflow, lengths);
}

/* ---- symbols in their order */

struct leaf {
        uint32_t weight;
        uint16_t symbol;
};

static int compare_leaves(const void *a, const void *b)
{
        const struct leaf *x = a, *y = b;

        if (x->weight != y->weight)
                return x->weight < y->weight ? -1 : 1;
        return x->symbol < y->symbol ? -1 : 1;
}

/* Return: how many. */
static unsigned sort_leaves(const uint32_t *counts, unsigned n, struct leaf *leaves)
{
        unsigned n_leaves = 0;

        for (unsigned i = 0; i < n; i++)
                if (counts[i] > 0)
                        leaves[n_leaves++] = (struct leaf){counts[i], (uint16_t)i};
        qsort(leaves, n_leaves, sizeof(*leaves), compare_leaves);
        return n_leaves;
}

/* Two queues: leaves, and what was joined. Of equals the leaf goes first. Return: nodes joined. */
static unsigned join_leaves(const struct leaf *leaves, unsigned n, uint16_t *parents)
{
        uint32_t weights[SYMBOLS];
        unsigned leaf = 0, joined = 0, made = 0;

        for (; made + 1 < n; made++) {
                weights[made] = 0;
                for (unsigned i = 0; i < 2; i++)
                        if (leaf < n &&
                            (joined == made || leaves[leaf].weight <= weights[joined])) {
                                weights[made] += leaves[leaf++].weight;
                        } else {
                                weights[made] += weights[joined];
                                parents[joined++] = (uint16_t)made;
                        }
        }
        return made;
}

static void by_order(const struct leaf *leaves, unsigned n, unsigned max_length, uint8_t *lengths)
{
        unsigned counts[SWB_HUFFMAN_BITS + 2] = {0, 2};
        uint16_t parents[SYMBOLS], depths[SYMBOLS];
        unsigned at = join_leaves(leaves, n, parents), leaf = 0;

        depths[--at] = 0;
        while (at-- > 0) {
                unsigned bits = depths[at] = (uint16_t)(depths[parents[at]] + 1);

                if (bits >= max_length)
                        for (bits = max_length - 1; counts[bits] == 0;)
                                bits--;
                counts[bits]--;
                counts[bits + 1] += 2;
        }
        for (unsigned bits = max_length; bits > 0; bits--)
                for (unsigned i = 0; i < counts[bits]; i++)
                        lengths[leaves[leaf++].symbol] = (uint8_t)bits;
}

/* ---- packages */

/* For each length from the longest on, leaves and pairs of what came before, in their order. Of
 * equals the pair goes first. */
static void by_packages(const struct leaf *leaves, unsigned n, unsigned max_length,
                        uint8_t *lengths)
{
        bool is_leaf[SWB_HUFFMAN_BITS][2 * SYMBOLS] = {{0}};
        uint32_t weights[2][2 * SYMBOLS];
        unsigned n_items = 0, take = 2 * n - 2;

        for (unsigned i = 0; i < max_length; i++) {
                const uint32_t *before = weights[i % 2];
                uint32_t *items = weights[1 - i % 2];
                unsigned n_pairs = n_items / 2, pair = 0, leaf = 0;

                for (n_items = 0; leaf < n || pair < n_pairs; n_items++) {
                        uint32_t both = pair < n_pairs ? before[2 * pair] + before[2 * pair + 1]
                                                       : UINT32_MAX;

                        is_leaf[i][n_items] = leaf < n && both > leaves[leaf].weight;
                        if (is_leaf[i][n_items])
                                items[n_items] = leaves[leaf++].weight;
                        else {
                                items[n_items] = both;
                                pair++;
                        }
                }
        }
        for (unsigned i = max_length; i-- > 0;) {
                unsigned leaf = 0;

                for (unsigned item = 0; item < take; item++)
                        if (is_leaf[i][item])
                                lengths[leaves[leaf++].symbol]++;
                take = 2 * (take - leaf);
        }
}

/* Of a code with one symbol or none, which gets two words. */
static void set_two(const struct leaf *leaves, unsigned n, uint8_t *lengths)
{
        unsigned symbol = n > 0 ? leaves[0].symbol : 0;

        lengths[0] = lengths[SWB_MAX(symbol, 1u)] = 1;
}

void swb_code_lengths(enum swb_code_way way, const uint32_t *counts, unsigned n,
                      unsigned max_length, uint8_t *ret_lengths)
{
        struct leaf leaves[SYMBOLS];
        unsigned n_leaves;

        memset(ret_lengths, 0, n);
        n_leaves = sort_leaves(counts, n, leaves);
        if (n_leaves > 1u << max_length)
                for (unsigned i = 0; i < n_leaves; i++)
                        ret_lengths[leaves[i].symbol] = (uint8_t)max_length;
        else if (way == SWB_CODE_HEAP)
                by_heap(counts, n, max_length, ret_lengths);
        else if (n_leaves < 2)
                set_two(leaves, n_leaves, ret_lengths);
        else if (way == SWB_CODE_SORTED)
                by_order(leaves, n_leaves, max_length, ret_lengths);
        else
                by_packages(leaves, n_leaves, max_length, ret_lengths);
}
