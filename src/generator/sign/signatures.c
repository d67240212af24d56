/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/sign/signatures.h"

#include <inttypes.h>

#include "payload/writer.h"

void swb_signing_done(struct swb_signing *signing)
{
        for (size_t i = 0; i < signing->n; i++)
                signing->signers[i] = swb_signer_free(signing->signers[i]);
        signing->n = 0;
}

static int check_room(const struct swb_signing *signing, struct swb_error *err)
{
        if (signing->n == SWB_SIGNATURES_MAX)
                return swb_fail(err, -E2BIG, SWB_FAULT_LIMIT, "more than %d signatures",
                                SWB_SIGNATURES_MAX);
        return 0;
}

int swb_signing_add_key(struct swb_signing *signing, const char *key, const char *pin,
                        struct swb_error *err)
{
        _cleanup_(swb_signer_freep) struct swb_signer *signer = NULL;
        int r = check_room(signing, err);

        if (r == 0)
                r = swb_signer_load(key, pin, &signer, err);
        if (r < 0)
                return r;
        for (size_t i = 0; i < signing->n; i++)
                if (strcmp(swb_signer_id(signing->signers[i]), swb_signer_id(signer)) == 0)
                        return swb_fail(err, -EINVAL, SWB_FAULT_CONFIG,
                                        "key '%s' (%s) is given twice", key, swb_signer_id(signer));
        signing->sizes[signing->n] = swb_signer_size(signer);
        signing->signers[signing->n++] = SWB_TAKE_PTR(signer);
        return 0;
}

int swb_signing_add_room(struct swb_signing *signing, uint64_t n_bytes, struct swb_error *err)
{
        int r = check_room(signing, err);

        if (r < 0)
                return r;
        if (n_bytes != 72 && n_bytes != 256 && n_bytes != 384 && n_bytes != 512)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "no key makes signatures of %" PRIu64
                                " bytes: 256, 384, 512 (RSA) or 72 (P-256)",
                                n_bytes);
        signing->sizes[signing->n] = (size_t)n_bytes;
        signing->signers[signing->n++] = NULL;
        return 0;
}

bool swb_signing_is_room(const struct swb_signing *signing)
{
        return signing->n > 0 && !signing->signers[0];
}

int swb_signing_message_bytes(const struct swb_signing *signing, uint32_t *ret,
                              struct swb_error *err)
{
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(SWB_SIGNATURES_MAX_BYTES);
        static const uint8_t zeros[SWB_SIGNATURE_BYTES_MAX];
        struct swb_signature signatures[SWB_SIGNATURES_MAX];
        int r;

        if (signing->n == 0) {
                *ret = 0;
                return 0;
        }
        for (size_t i = 0; i < signing->n; i++)
                signatures[i] = (struct swb_signature){.data = zeros, .n_bytes = signing->sizes[i]};
        r = swb_signatures_write(signatures, signing->sizes, signing->n, &buf, err);
        if (r == 0)
                *ret = (uint32_t)buf.n_bytes;
        return r;
}

int swb_signing_write(const struct swb_signing *signing, const uint8_t *digest, struct swb_buf *buf,
                      struct swb_error *err)
{
        uint8_t data[SWB_SIGNATURES_MAX][SWB_SIGNATURE_BYTES_MAX] = {0};
        struct swb_signature signatures[SWB_SIGNATURES_MAX];

        if (signing->n == 0)
                return 0;
        for (size_t i = 0; i < signing->n; i++) {
                size_t n = signing->sizes[i];
                int r = 0;

                if (signing->signers[i])
                        r = swb_signer_sign(signing->signers[i], digest, data[i], &n, err);
                if (r < 0)
                        return r;
                signatures[i] = (struct swb_signature){.data = data[i], .n_bytes = n};
        }
        return swb_signatures_write(signatures, signing->sizes, signing->n, buf, err);
}

int swb_signing_first(const struct swb_signing *signing, const uint8_t *digest, uint8_t *ret_data,
                      size_t *ret_n, struct swb_error *err)
{
        swb_assert(signing->n > 0 && signing->signers[0]);
        return swb_signer_sign(signing->signers[0], digest, ret_data, ret_n, err);
}
