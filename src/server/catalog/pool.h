/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/catalog/pool.h - many small pieces of memory that live and go together
 */
#include "base/error.h"

struct swb_pool;

struct swb_pool *swb_pool_new(void); /* NULL: out of memory */
struct swb_pool *swb_pool_free(struct swb_pool *pool);
SWB_DEFINE_CLEANUP(struct swb_pool *, swb_pool_free)

/* n * size zero bytes, aligned for any type, never NULL for n 0. NULL: out of memory. */
void *swb_pool_alloc(struct swb_pool *pool, size_t n, size_t size);
const char *swb_pool_text(struct swb_pool *pool, const char *text);
