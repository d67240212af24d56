/* SPDX-License-Identifier: Apache-2.0 */
#include "server/catalog/load.h"

void *swb_load_append(struct swb_load *load, size_t element_bytes)
{
        /* Capacity is the next power of two. */
        if ((load->n & (load->n - 1)) == 0) {
                void *grown = reallocarray(load->array, load->n ? 2 * load->n : 1, element_bytes);

                if (!grown)
                        return NULL;
                load->array = grown;
        }
        return memset((char *)load->array + load->n++ * element_bytes, 0, element_bytes);
}

void swb_load_done(struct swb_load *load)
{
        free(load->array);
}

/* Moves the list into the pool. */
int swb_load_settle(struct swb_load *load, size_t element_bytes, void *ret_array, size_t *ret_n,
                    struct swb_error *err)
{
        void *array = swb_pool_alloc(load->pool, load->n, element_bytes);

        if (!array)
                return swb_oom(err);
        if (load->n > 0)
                memcpy(array, load->array, load->n * element_bytes);
        *(void **)ret_array = array;
        *ret_n = load->n;
        return 0;
}

int swb_load_keep(struct swb_load *load, const struct swb_load_text *texts, size_t n,
                  struct swb_error *err)
{
        for (size_t i = 0; i < n; i++) {
                *texts[i].to = swb_pool_text(load->pool, texts[i].from);
                if (!*texts[i].to)
                        return swb_oom(err);
        }
        return 0;
}
