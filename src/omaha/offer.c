/* SPDX-License-Identifier: Apache-2.0 */
/* What an answer is worth to the device that asked (OM-18). */
#include "base/text.h"
#include "omaha/response.h"

#define SHA256_BYTES 32

/* Servers disagree on the form of hash_sha256: hex as the protocol says, or base64. */
static int decode_sha256(const char *text, uint8_t *digest)
{
        size_t n;

        if (strlen(text) == 2 * SHA256_BYTES)
                return swb_hex_decode(text, digest, SHA256_BYTES);
        if (swb_base64_decode(text, digest, SHA256_BYTES, &n) < 0 || n != SHA256_BYTES)
                return -EINVAL;
        return 0;
}

static int read_sha256(struct swb_omaha_offer *offer, struct swb_error *err)
{
        const char *texts[] = {offer->package.hash_sha256, offer->postinstall.sha256};
        uint8_t digests[SWB_ELEMENTS(texts)][SHA256_BYTES];
        size_t n = 0;

        for (size_t i = 0; i < SWB_ELEMENTS(texts); i++) {
                if (!*texts[i])
                        continue;
                if (decode_sha256(texts[i], digests[n]) < 0)
                        return swb_fail(err, -EPROTO, SWB_FAULT_PROTOCOL,
                                        "'%.80s' is not a SHA-256 of the payload", texts[i]);
                n++;
        }
        if (n == 0)
                return swb_fail(err, -EPROTO, SWB_FAULT_PROTOCOL,
                                "the answer has no SHA-256 of the payload");
        if (n == 2 && memcmp(digests[0], digests[1], SHA256_BYTES) != 0)
                return swb_fail(err, -EPROTO, SWB_FAULT_PROTOCOL,
                                "hash_sha256 '%.80s' and the postinstall action's sha256 '%.80s' "
                                "contradict each other",
                                texts[0], texts[1]);
        memcpy(offer->sha256, digests[0], SHA256_BYTES);
        return 0;
}

static bool is_graphic(const char *text)
{
        for (; *text; text++)
                if (*text <= 0x20 || *text >= 0x7f)
                        return false;
        return true;
}

static int check_urls(const struct swb_omaha_offer *offer, struct swb_error *err)
{
        if (offer->n_codebases == 0)
                return swb_fail(err, -EPROTO, SWB_FAULT_PROTOCOL, "the answer has no URL");
        for (size_t i = 0; i < offer->n_codebases; i++) {
                const char *codebase = offer->codebases[i];

                if ((!swb_starts_with(codebase, "http://") &&
                     !swb_starts_with(codebase, "https://")) ||
                    !is_graphic(codebase))
                        return swb_fail(err, -EPROTO, SWB_FAULT_PROTOCOL,
                                        "codebase '%.128s' is not an http or https URL", codebase);
        }
        if (!is_graphic(offer->package.name))
                return swb_fail(err, -EPROTO, SWB_FAULT_PROTOCOL,
                                "package name '%.128s' can't be part of a URL",
                                offer->package.name);
        return 0;
}

static int check_update(struct swb_omaha_offer *offer, struct swb_error *err)
{
        int r;

        if (!*offer->version)
                return swb_fail(err, -EPROTO, SWB_FAULT_PROTOCOL, "the answer has no version");
        if (!offer->has_package || offer->package.size == 0)
                return swb_fail(err, -EPROTO, SWB_FAULT_PROTOCOL,
                                "the answer has no package with a size");
        if (!offer->has_postinstall)
                return swb_fail(err, -EPROTO, SWB_FAULT_PROTOCOL,
                                "the answer has no postinstall action");
        r = check_urls(offer, err);
        if (r < 0)
                return r;
        return read_sha256(offer, err);
}

static int check_offer(struct swb_omaha_offer *offer, struct swb_error *err)
{
        if (strcmp(offer->status, SWB_OMAHA_STATUS_NOUPDATE) == 0)
                return 0;
        if (strcmp(offer->status, SWB_OMAHA_STATUS_OK) == 0)
                return check_update(offer, err);
        return swb_fail(err, -EPROTO, SWB_FAULT_PROTOCOL,
                        "update check failed with status '%.64s'%s%.128s", offer->status,
                        *offer->info ? ": " : "", offer->info);
}

static struct swb_omaha_app_answer *find_app(struct swb_omaha_response *response, const char *appid)
{
        for (size_t i = 0; i < response->n_apps; i++)
                if (strcmp(response->apps[i].appid, appid) == 0)
                        return &response->apps[i];
        return NULL;
}

int swb_omaha_response_app(struct swb_omaha_response *response, const char *appid, bool want_offer,
                           const struct swb_omaha_app_answer **ret, struct swb_error *err)
{
        struct swb_omaha_app_answer *app = find_app(response, appid);
        int r;

        if (!app)
                return swb_fail(err, -EPROTO, SWB_FAULT_PROTOCOL, "no answer for app '%s'", appid);
        if (strcmp(app->status, SWB_OMAHA_STATUS_OK) != 0)
                return swb_fail(err, -EPROTO, SWB_FAULT_PROTOCOL,
                                "the server refuses app '%s' with status '%.64s'", appid,
                                app->status);
        if (want_offer && !app->has_offer)
                return swb_fail(err, -EPROTO, SWB_FAULT_PROTOCOL,
                                "the update check for app '%s' was not answered", appid);
        if (app->has_offer) {
                r = check_offer(&app->offer, err);
                if (r < 0)
                        return r;
        }
        *ret = app;
        return 0;
}

int swb_omaha_offer_url(const struct swb_omaha_offer *offer, size_t index, struct swb_buf *buf)
{
        const char *codebase = offer->codebases[index];

        return swb_buf_printf(buf, "%s%s%s", codebase, swb_ends_with(codebase, "/") ? "" : "/",
                              offer->package.name);
}
