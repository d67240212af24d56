/* SPDX-License-Identifier: Apache-2.0 */
#include "open/libraries.h"

const struct swb_unpacker_ops *swb_deflate_unpacker(void)
{
        return NULL;
}

const struct swb_unpacker_ops *swb_zlib_unpacker(void)
{
        return NULL;
}

const struct swb_encoder_ops *swb_zlib_encoder(void)
{
        return NULL;
}

const struct swb_encoder_ops *swb_pigz_encoder(void)
{
        return NULL;
}
