/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * generator/diff/opened_spans.h - large opened contents, cut into what is compared with each other
 */
#include "generator/diff/opened_content.h"
#include "generator/diff/span_list.h"

/*
 * Appends what these spans become: programs against programs where addresses are predicted, equal
 * runs, and what lies between against what lies between. A span that is itself a pair of programs
 * stays as it is. None, but of equal runs, is larger on either side than max_bytes; where one had
 * to be cut for that, the next begins in `old` before its end. Return: 0, -ENOMEM.
 */
int swb_opened_spans_cut(const struct swb_opened_content *old, const struct swb_opened_content *new,
                         const struct swb_span_list *spans, bool predicted, uint64_t max_bytes,
                         struct swb_span_list *ret) _warn_unused_;
