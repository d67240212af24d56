/* SPDX-License-Identifier: Apache-2.0 */
#include "open/erofs.h"

int swb_erofs_unpack_cluster(const uint8_t *block, uint8_t *out, size_t n_room, size_t *ret_n)
{
        (void)block, (void)out, (void)n_room, (void)ret_n;
        return -EPROTONOSUPPORT;
}

int swb_erofs_unpack(const uint8_t *in, size_t n_in, uint8_t *out, size_t n_room, size_t *ret_n)
{
        (void)in, (void)n_in, (void)out, (void)n_room, (void)ret_n;
        return -EPROTONOSUPPORT;
}

const struct swb_encoder_ops *swb_erofs_encoder(void)
{
        return NULL;
}
