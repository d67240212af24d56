# SPDX-License-Identifier: Apache-2.0
"""code_lengths - PF-144: which code compressors give to symbols that occur so often"""

import heapq


def leaves_of(counts):
    return sorted((count, symbol) for symbol, count in enumerate(counts) if count)


def given(n, order, lengths):
    """Lengths, the longest first, to symbols in this order."""
    result = [0] * n
    for symbol, length in zip(order, lengths):
        result[symbol] = length
    return result


def plain(counts, limit):
    """Codes that leave no choice, or None."""
    leaves = leaves_of(counts)
    if len(leaves) > 1 << limit:
        return [limit * (count > 0) for count in counts]
    if len(leaves) > 1:
        return None
    two = [0] * len(counts)
    two[0] = two[max([1] + [symbol for _, symbol in leaves])] = 1
    return two


def by_order(counts, limit):
    two = plain(counts, limit)
    if two:
        return two
    leaves = leaves_of(counts)
    joined, parents, leaf, first = [], {}, 0, 0
    while len(joined) + 1 < len(leaves):
        weight = 0
        for _ in range(2):
            if leaf < len(leaves) and (first == len(joined) or leaves[leaf][0] <= joined[first]):
                weight += leaves[leaf][0]
                leaf += 1
            else:
                weight += joined[first]
                parents[first] = len(joined)
                first += 1
        joined.append(weight)
    numbers, depths = [0, 2] + [0] * 15, {len(joined) - 1: 0}
    for node in range(len(joined) - 2, -1, -1):
        length = depths[node] = depths[parents[node]] + 1
        if length >= limit:
            length = max(i for i in range(1, limit) if numbers[i])
        numbers[length] -= 1
        numbers[length + 1] += 2
    lengths = [length for length in range(limit, 0, -1) for _ in range(numbers[length])]
    return given(len(counts), [symbol for _, symbol in leaves], lengths)


class Heap:
    """The lightest first; of equals the one whose tree is flatter, else as they come to stand."""

    def __init__(self, nodes):
        self.nodes = nodes
        for at in range(len(nodes) // 2 - 1, -1, -1):
            self.sink(at)

    def sink(self, at):
        nodes, node = self.nodes, self.nodes[at]
        while 2 * at + 1 < len(nodes):
            child = 2 * at + 1
            if child + 1 < len(nodes) and nodes[child + 1][:2] <= nodes[child][:2]:
                child += 1
            if node[:2] <= nodes[child][:2]:
                break
            nodes[at], at = nodes[child], child
        nodes[at] = node

    def take(self):
        node, last = self.nodes[0], self.nodes.pop()
        if self.nodes:
            self.nodes[0] = last
            self.sink(0)
        return node


def by_heap(counts, limit):
    if sum(count > 0 for count in counts) > 1 << limit:
        return plain(counts, limit)
    weights = {symbol: count for symbol, count in enumerate(counts) if count}
    last = max(weights, default=-1)
    while len(weights) < 2:  # as many as a code must have
        last, symbol = (last + 1, last + 1) if last < 2 else (last, 0)
        weights[symbol] = 1
    heap = Heap([(weights[i], 0, i) for i in sorted(weights)])
    taken, parents, node = [], {}, len(counts)
    while len(heap.nodes) > 1:
        a = heap.take()
        b = heap.nodes[0]
        taken += [a[2], b[2]]
        parents[a[2]] = parents[b[2]] = node
        heap.nodes[0] = (a[0] + b[0], max(a[1], b[1]) + 1, node)
        heap.sink(0)
        node += 1
    depths, numbers, overflow = {node - 1: 0}, [0] * 16, 0
    for at in reversed(taken):
        depths[at] = depths[parents[at]] + 1
        if depths[at] > limit:
            depths[at] = limit
            overflow += 1
        if at < len(counts):
            numbers[depths[at]] += 1
    for _ in range(overflow // 2):
        length = max(i for i in range(1, limit) if numbers[i])
        numbers[length] -= 1
        numbers[length + 1] += 2
        numbers[limit] -= 1
    if not overflow:
        return [depths.get(symbol, 0) for symbol in range(len(counts))]
    lengths = [length for length in range(limit, 0, -1) for _ in range(numbers[length])]
    return given(len(counts), [symbol for symbol in taken if symbol < len(counts)], lengths)


def by_packages(counts, limit):
    two = plain(counts, limit)
    if two:
        return two
    leaves = leaves_of(counts)
    items, lists = [], []
    for _ in range(limit):
        pairs = [(a[0] + b[0], 0, -1) for a, b in zip(items[::2], items[1::2])]
        # Of equals the pair goes first; both are in their order already.
        items = list(heapq.merge(pairs, [(count, 1, symbol) for count, symbol in leaves],
                                 key=lambda item: item[:2]))
        lists.append(items)
    lengths, take = [0] * len(counts), 2 * len(leaves) - 2
    for items in reversed(lists):
        found = [symbol for _, is_leaf, symbol in items[:take] if is_leaf]
        for symbol in found:
            lengths[symbol] += 1
        take = 2 * (take - len(found))
    return lengths


WAYS = [by_order, by_heap, by_packages]
