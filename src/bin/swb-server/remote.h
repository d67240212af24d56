/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* bin/swb-server/remote.h - one request to a running server's API (--server, --token-file) */
#include "base/buf.h"
#include "bin/swb-server/client.h"

struct client_reply {
        unsigned status;
        char next[24], etag[40];
        struct swb_buf body;
};

#define CLIENT_REPLY_INIT ((struct client_reply){.body = SWB_BUF_INIT(64u << 20)})

void client_reply_done(struct client_reply *reply);

/* "Authorization: Bearer …" of --token-file, which the caller frees; NULL without one. CONFIG. */
int remote_token_header(char **ret, struct swb_error *err) _warn_unused_;

/* CONFIG: the token's file; else as os/http.h. A status that is not 2xx is a reply, no error. */
int remote_call(const struct client_request *request, const char *body, struct client_reply *ret,
                struct swb_error *err) _warn_unused_;
