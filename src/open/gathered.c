/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "open/libraries.h"

int swb_gathered_open(const struct swb_encoder_job *job, void **ret_state)
{
        _cleanup_free_ struct swb_gathered *gathered = calloc(1, sizeof(*gathered));

        if (job->n_opened > SWB_WHOLE_MAX_BYTES || job->n_encoded > 2 * SWB_WHOLE_MAX_BYTES)
                return -E2BIG;
        if (!gathered)
                return -ENOMEM;
        gathered->job = *job;
        gathered->data = malloc((size_t)job->n_opened + 1);
        if (!gathered->data)
                return -ENOMEM;
        *ret_state = SWB_TAKE_PTR(gathered);
        return 0;
}

int swb_gathered_put(void *state, const uint8_t *data, size_t n)
{
        struct swb_gathered *gathered = state;

        if (n > gathered->job.n_opened - gathered->n)
                return -EBADMSG;
        memcpy(gathered->data + gathered->n, data, n);
        gathered->n += n;
        return 0;
}

void swb_gathered_close(void *state)
{
        struct swb_gathered *gathered = state;

        free(gathered->data);
        free(gathered);
}

uint8_t *swb_gathered_room(const struct swb_gathered *gathered, size_t *ret_n_room)
{
        *ret_n_room = (size_t)gathered->job.n_encoded + SWB_GATHERED_MARGIN;
        return malloc(*ret_n_room);
}
