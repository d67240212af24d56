/* SPDX-License-Identifier: Apache-2.0 */
#include "os/password.h"

#include <crypt.h>
#include <string.h>

#include "base/text.h"

#define METHOD "$y$"

/* Parameters and salt for a user that there is not, so that the time tells nothing. */
#define NOBODY "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$"

_Static_assert(SWB_PASSWORD_HASH_SIZE >= CRYPT_OUTPUT_SIZE, "a hash has room");

/* libcrypt wipes nothing by itself. */
static void free_data(struct crypt_data **data)
{
        if (*data)
                explicit_bzero(*data, sizeof(**data));
        free(*data);
}

/* NULL: `setting` is none of libcrypt's. */
static const char *run(const char *password, const char *setting, struct crypt_data *data)
{
        const char *hash = crypt_r(password, setting, data);

        return hash && *hash != '*' ? hash : NULL;
}

int swb_password_hash(const char *password, char *ret_hash, struct swb_error *err)
{
        _cleanup_(free_data) struct crypt_data *data = calloc(1, sizeof(*data));
        char setting[CRYPT_GENSALT_OUTPUT_SIZE];
        size_t n = strlen(password);
        const char *hash;

        if (!data)
                return swb_oom(err);
        if (n < SWB_PASSWORD_MIN || n > SWB_PASSWORD_MAX)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE, "a password has %d to %d bytes",
                                SWB_PASSWORD_MIN, SWB_PASSWORD_MAX);
        if (!crypt_gensalt_rn(METHOD, 0, NULL, 0, setting, sizeof(setting)))
                return swb_fail_errno(err, errno, "make a salt for a password");
        hash = run(password, setting, data);
        if (!hash)
                return swb_fail_errno(err, errno ?: EINVAL, "hash a password");
        (void)snprintf(ret_hash, SWB_PASSWORD_HASH_SIZE, "%s", hash);
        return 0;
}

int swb_password_check(const char *password, const char *hash, struct swb_error *err)
{
        _cleanup_(free_data) struct crypt_data *data = calloc(1, sizeof(*data));
        const char *again;

        if (!data)
                return swb_oom(err);
        if (strlen(password) > SWB_PASSWORD_MAX)
                return 0;
        again = run(password, hash, data);
        if (!again)
                (void)run(password, NOBODY, data);
        return again && swb_secret_equal(again, hash);
}
