/* SPDX-License-Identifier: Apache-2.0 */
#include "open/libraries.h"

const struct swb_encoder_ops *swb_lzo_encoder(void)
{
        return NULL;
}

const struct swb_unpacker_ops *swb_lzop_unpacker(void)
{
        return NULL;
}

int swb_lzo_unpack(const uint8_t *in, size_t n_in, uint8_t *out, size_t n_room, size_t *ret_n)
{
        (void)in, (void)n_in, (void)out, (void)n_room, (void)ret_n;
        return -EPROTONOSUPPORT;
}
