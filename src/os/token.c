/* SPDX-License-Identifier: Apache-2.0 */
#include "os/token.h"

#include <p11-kit/p11-kit.h>
#include <p11-kit/uri.h>

#include "base/text.h"
#include "os/file.h"

#define PIN_MAX_BYTES ((size_t)256)
#define SLOTS_MAX 64
#define ID_MAX_BYTES 256
#define ATTRIBUTE_MAX_BYTES ((size_t)4096)

struct swb_token_key {
        char *name; /* for messages: the URI without its query, where a PIN could stand */
        P11KitUri *uri;
        char pin[PIN_MAX_BYTES + 1];
        bool has_pin;
        CK_FUNCTION_LIST **modules; /* all that are registered; or NULL and one: */
        CK_FUNCTION_LIST *own;
        CK_FUNCTION_LIST *module; /* the token's */
        CK_SLOT_ID slot;
        CK_TOKEN_INFO info;
        CK_SESSION_HANDLE session;
        bool has_session;
        CK_OBJECT_HANDLE private;
        bool asks_always; /* the PIN is wanted again for each signature */
};

static int fail_token(const struct swb_token_key *key, CK_RV rv, const char *what,
                      struct swb_error *err)
{
        const char *why = p11_kit_strerror(rv);
        bool is_denied = rv == CKR_PIN_INCORRECT || rv == CKR_PIN_LOCKED || rv == CKR_PIN_INVALID ||
                         rv == CKR_PIN_LEN_RANGE || rv == CKR_PIN_EXPIRED;

        return swb_fail(err, is_denied ? -EACCES : -EIO,
                        is_denied ? SWB_FAULT_DENIED : SWB_FAULT_IO, "%s: %s: %s", key->name, what,
                        why ? why : "no reason given");
}

struct swb_token_key *swb_token_key_free(struct swb_token_key *key)
{
        if (!key)
                return NULL;
        if (key->has_session)
                (void)key->module->C_CloseSession(key->session); /* logs out, too */
        if (key->modules)
                p11_kit_modules_finalize_and_release(key->modules);
        if (key->own) {
                (void)p11_kit_module_finalize(key->own);
                p11_kit_module_release(key->own);
        }
        p11_kit_uri_free(key->uri);
        explicit_bzero(key->pin, sizeof(key->pin));
        free(key->name);
        free(key);
        return NULL;
}

/* ---- the URI and the PIN ---- */

static int parse_uri(struct swb_token_key *key, const char *text, struct swb_error *err)
{
        CK_ATTRIBUTE *class;
        int r;

        key->name = strndup(text, strcspn(text, "?"));
        key->uri = p11_kit_uri_new();
        if (!key->name || !key->uri)
                return swb_oom(err);
        r = p11_kit_uri_parse(text, P11_KIT_URI_FOR_ANY, key->uri);
        if (r != P11_KIT_URI_OK)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE, "%s: %s", key->name,
                                p11_kit_uri_message(r));
        if (p11_kit_uri_any_unrecognized(key->uri))
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "%s: the URI has an attribute that is not of RFC 7512", key->name);
        class = p11_kit_uri_get_attribute(key->uri, CKA_CLASS);
        if (class && *(const CK_OBJECT_CLASS *)class->pValue != CKO_PRIVATE_KEY)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE, "%s: not a type=private URI",
                                key->name);
        if (p11_kit_uri_get_pin_value(key->uri))
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "%s: a pin-value on the command line can be read by every process: "
                                "use pin-source=file:FILE or the environment",
                                key->name);
        return 0;
}

static void wipe(struct swb_buf *buf)
{
        if (buf->data)
                explicit_bzero(buf->data, buf->cap);
        swb_buf_done(buf);
}

/* The first line, or what there is. */
static int take_pin(struct swb_token_key *key, const char *pin, size_t n, struct swb_error *err)
{
        const char *end = n > 0 ? memchr(pin, '\n', n) : NULL;

        n = end ? (size_t)(end - pin) : n;
        if (n == 0 || n > PIN_MAX_BYTES)
                return swb_fail(err, -EACCES, SWB_FAULT_DENIED,
                                "%s: a PIN has 1 to %zu bytes, this one has %zu", key->name,
                                PIN_MAX_BYTES, n);
        memcpy(key->pin, pin, n);
        key->has_pin = true;
        return 0;
}

static int read_pin(struct swb_token_key *key, const char *pin, struct swb_error *err)
{
        _cleanup_(wipe) struct swb_buf text = SWB_BUF_INIT(PIN_MAX_BYTES + 2);
        const char *source = p11_kit_uri_get_pin_source(key->uri);
        int r;

        if (!source)
                return pin ? take_pin(key, pin, strlen(pin), err) : 0;
        if (*source == '|')
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "%s: pin-source is a command, only files are read", key->name);
        if (swb_starts_with(source, "file:"))
                source += strlen("file:");
        r = swb_read_file(source, &text, err);
        if (r == 0)
                r = take_pin(key, (const char *)text.data, text.n_bytes, err);
        return r < 0 ? swb_wrap(err, r, "PIN") : 0;
}

/* ---- the token ---- */

static int load_modules(struct swb_token_key *key, struct swb_error *err)
{
        const char *path = p11_kit_uri_get_module_path(key->uri);
        CK_FUNCTION_LIST *own;
        CK_RV rv;

        if (!path) {
                key->modules = p11_kit_modules_load_and_initialize(0);
                if (!key->modules)
                        return swb_fail(err, -EIO, SWB_FAULT_IO, "p11-kit: %s", p11_kit_message());
                return 0;
        }
        own = p11_kit_module_load(path, 0);
        if (!own)
                return swb_fail(err, -ENOENT, SWB_FAULT_NOT_FOUND, "PKCS#11 module '%s': %s", path,
                                p11_kit_message());
        rv = p11_kit_module_initialize(own);
        if (rv != CKR_OK) {
                p11_kit_module_release(own);
                return fail_token(key, rv, "start the PKCS#11 module", err);
        }
        key->own = own;
        return 0;
}

/* Counts the tokens of a module that the URI means, and keeps the last of them. */
static int match_tokens(struct swb_token_key *key, CK_FUNCTION_LIST *module, size_t *n_found,
                        struct swb_error *err)
{
        CK_SLOT_ID slots[SLOTS_MAX];
        CK_ULONG n = SLOTS_MAX;
        CK_RV rv = module->C_GetSlotList(CK_TRUE, slots, &n);

        if (rv != CKR_OK)
                return fail_token(key, rv, "list the tokens", err);
        for (CK_ULONG i = 0; i < n; i++) {
                CK_TOKEN_INFO info;

                /* One that does not answer, or was pulled just now, is not the one. */
                if (module->C_GetTokenInfo(slots[i], &info) != CKR_OK ||
                    !p11_kit_uri_match_token_info(key->uri, &info))
                        continue;
                key->module = module;
                key->slot = slots[i];
                key->info = info;
                ++*n_found;
        }
        return 0;
}

static int find_token(struct swb_token_key *key, struct swb_error *err)
{
        CK_FUNCTION_LIST *one[] = {key->own, NULL};
        size_t n = 0;

        for (CK_FUNCTION_LIST **m = key->modules ? key->modules : one; *m; m++) {
                int r = match_tokens(key, *m, &n, err);

                if (r < 0)
                        return r;
        }
        if (n == 0)
                return swb_fail(err, -ENOENT, SWB_FAULT_NOT_FOUND,
                                "%s: no such token is there (without module-path only modules "
                                "registered with p11-kit are asked)",
                                key->name);
        if (n > 1)
                return swb_fail(err, -EINVAL, SWB_FAULT_CONFIG,
                                "%s: %zu tokens match: add token= or serial=", key->name, n);
        return 0;
}

static CK_RV login_as(const struct swb_token_key *key, CK_USER_TYPE user)
{
        /* With a keypad of its own the token asks by itself. */
        if (key->info.flags & CKF_PROTECTED_AUTHENTICATION_PATH && !key->has_pin)
                return key->module->C_Login(key->session, user, NULL, 0);
        return key->module->C_Login(key->session, user, (CK_UTF8CHAR *)key->pin, strlen(key->pin));
}

static int log_in(struct swb_token_key *key, struct swb_error *err)
{
        CK_RV rv = key->module->C_OpenSession(key->slot, CKF_SERIAL_SESSION, NULL, NULL,
                                              &key->session);

        if (rv != CKR_OK)
                return fail_token(key, rv, "open a session", err);
        key->has_session = true;
        if (!(key->info.flags & CKF_LOGIN_REQUIRED))
                return 0;
        if (!key->has_pin && !(key->info.flags & CKF_PROTECTED_AUTHENTICATION_PATH))
                return swb_fail(err, -EACCES, SWB_FAULT_DENIED,
                                "%s: the token wants a PIN: give pin-source=file:FILE in the URI, "
                                "or SWB_PIN in the environment",
                                key->name);
        rv = login_as(key, CKU_USER);
        if (rv != CKR_OK && rv != CKR_USER_ALREADY_LOGGED_IN)
                return fail_token(key, rv, "log in (not tried again: tokens lock themselves)", err);
        return 0;
}

/* ---- objects ---- */

/* Return: how many match, 2 for more than one; the first of them in *ret. */
static int find_objects(const struct swb_token_key *key, CK_ATTRIBUTE *template, CK_ULONG n,
                        CK_OBJECT_HANDLE *ret, struct swb_error *err)
{
        CK_OBJECT_HANDLE found[2];
        CK_ULONG n_found = 0;
        CK_RV rv = key->module->C_FindObjectsInit(key->session, template, n);

        if (rv == CKR_OK) {
                rv = key->module->C_FindObjects(key->session, found, 2, &n_found);
                (void)key->module->C_FindObjectsFinal(key->session);
        }
        if (rv != CKR_OK)
                return fail_token(key, rv, "look for the key", err);
        if (n_found > 0)
                *ret = found[0];
        return (int)SWB_MIN(n_found, (CK_ULONG)2);
}

static int find_private(struct swb_token_key *key, struct swb_error *err)
{
        CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
        CK_ATTRIBUTE template[8] = {{CKA_CLASS, &class, sizeof(class)}};
        CK_BBOOL always = CK_FALSE;
        CK_ATTRIBUTE ask = {CKA_ALWAYS_AUTHENTICATE, &always, sizeof(always)};
        CK_ULONG n_given, n = 1;
        const CK_ATTRIBUTE *given = p11_kit_uri_get_attributes(key->uri, &n_given);
        int r;

        for (CK_ULONG i = 0; i < n_given && n < SWB_ELEMENTS(template); i++)
                if (given[i].type != CKA_CLASS)
                        template[n++] = given[i];
        r = find_objects(key, template, n, &key->private, err);
        if (r < 0)
                return r;
        if (r == 0)
                return swb_fail(err, -ENOENT, SWB_FAULT_NOT_FOUND,
                                "%s: the token has no such private key", key->name);
        if (r > 1)
                return swb_fail(err, -EINVAL, SWB_FAULT_CONFIG,
                                "%s: several private keys match: add object= or id=", key->name);
        /* Older modules don't know the attribute. */
        if (key->module->C_GetAttributeValue(key->session, key->private, &ask, 1) == CKR_OK)
                key->asks_always = always == CK_TRUE;
        return 0;
}

/* Appends an attribute's value. Return: 0; 1 the object has none; < 0. */
static int read_attribute(const struct swb_token_key *key, CK_OBJECT_HANDLE object,
                          CK_ATTRIBUTE_TYPE type, struct swb_buf *buf, struct swb_error *err)
{
        uint8_t value[ATTRIBUTE_MAX_BYTES];
        CK_ATTRIBUTE attribute = {type, value, sizeof(value)};

        if (key->module->C_GetAttributeValue(key->session, object, &attribute, 1) != CKR_OK ||
            attribute.ulValueLen == 0 || attribute.ulValueLen > sizeof(value))
                return 1;
        return swb_buf_append(buf, value, attribute.ulValueLen) < 0 ? swb_oom(err) : 0;
}

/* The object with the public half: that of the same id, or the private one itself, which for RSA
 * has all that is needed. */
static int find_public(const struct swb_token_key *key, CK_OBJECT_HANDLE *ret,
                       struct swb_error *err)
{
        CK_OBJECT_CLASS class = CKO_PUBLIC_KEY;
        uint8_t id[ID_MAX_BYTES];
        CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof(class)}, {CKA_ID, id, sizeof(id)}};
        int r = 0;

        if (key->module->C_GetAttributeValue(key->session, key->private, &template[1], 1) ==
                    CKR_OK &&
            template[1].ulValueLen > 0 && template[1].ulValueLen <= sizeof(id))
                r = find_objects(key, template, 2, ret, err);
        if (r == 0)
                *ret = key->private;
        return r < 0 ? r : 0;
}

void swb_token_public_done(struct swb_token_public *public)
{
        swb_buf_done(&public->modulus);
        swb_buf_done(&public->exponent);
        swb_buf_done(&public->group);
        swb_buf_done(&public->point);
}

int swb_token_key_public(const struct swb_token_key *key, struct swb_token_public *ret,
                         struct swb_error *err)
{
        CK_KEY_TYPE type;
        CK_ATTRIBUTE ask = {CKA_KEY_TYPE, &type, sizeof(type)};
        CK_OBJECT_HANDLE object;
        bool is_rsa;
        CK_RV rv = key->module->C_GetAttributeValue(key->session, key->private, &ask, 1);
        int r;

        *ret = (struct swb_token_public){.modulus = SWB_BUF_INIT(ATTRIBUTE_MAX_BYTES),
                                         .exponent = SWB_BUF_INIT(ATTRIBUTE_MAX_BYTES),
                                         .group = SWB_BUF_INIT(ATTRIBUTE_MAX_BYTES),
                                         .point = SWB_BUF_INIT(ATTRIBUTE_MAX_BYTES)};
        if (rv != CKR_OK)
                return fail_token(key, rv, "read the key's type", err);
        if (type != CKK_RSA && type != CKK_EC)
                return swb_fail(err, -EINVAL, SWB_FAULT_CONFIG,
                                "%s: only RSA and ECDSA on P-256 are accepted", key->name);
        is_rsa = type == CKK_RSA;
        ret->kind = is_rsa ? SWB_TOKEN_RSA : SWB_TOKEN_EC;
        r = find_public(key, &object, err);
        if (r == 0)
                r = is_rsa ? read_attribute(key, object, CKA_MODULUS, &ret->modulus, err)
                           : read_attribute(key, object, CKA_EC_PARAMS, &ret->group, err);
        if (r == 0)
                r = is_rsa ? read_attribute(key, object, CKA_PUBLIC_EXPONENT, &ret->exponent, err)
                           : read_attribute(key, object, CKA_EC_POINT, &ret->point, err);
        if (r > 0)
                return swb_fail(err, -ENOENT, SWB_FAULT_CONFIG,
                                "%s: the token does not tell the public key: store it there with "
                                "the private one's CKA_ID",
                                key->name);
        return r;
}

int swb_token_key_sign(const struct swb_token_key *key, enum swb_token_kind kind,
                       const uint8_t *data, size_t n, uint8_t *ret_signature, size_t *ret_n,
                       struct swb_error *err)
{
        CK_MECHANISM mechanism = {kind == SWB_TOKEN_RSA ? CKM_RSA_PKCS : CKM_ECDSA, NULL, 0};
        CK_ULONG n_signature = *ret_n;
        CK_RV rv = key->module->C_SignInit(key->session, &mechanism, key->private);

        if (rv == CKR_OK && key->asks_always)
                rv = login_as(key, CKU_CONTEXT_SPECIFIC);
        if (rv == CKR_OK)
                rv = key->module->C_Sign(key->session, (CK_BYTE *)data, n, ret_signature,
                                         &n_signature);
        if (rv != CKR_OK)
                return fail_token(key, rv, "sign", err);
        *ret_n = n_signature;
        return 0;
}

int swb_token_key_open(const char *uri, const char *pin, struct swb_token_key **ret,
                       struct swb_error *err)
{
        _cleanup_(swb_token_key_freep) struct swb_token_key *key = calloc(1, sizeof(*key));
        int r;

        if (!key)
                return swb_oom(err);
        p11_kit_be_quiet();
        r = parse_uri(key, uri, err);
        if (r == 0)
                r = read_pin(key, pin, err);
        if (r == 0)
                r = load_modules(key, err);
        if (r == 0)
                r = find_token(key, err);
        if (r == 0)
                r = log_in(key, err);
        if (r == 0)
                r = find_private(key, err);
        if (r < 0)
                return r;
        *ret = SWB_TAKE_PTR(key);
        return 0;
}
