/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/fetch/local.h - payloads on a stick: file:// URLs
 */
#include "os/http.h"

#define SWB_LOCAL_SCHEME "file://"

/* The path that the URL names, absolute. Return: 0, PROTOCOL for a URL that is none of a file. */
int swb_local_path(const char *url, struct swb_buf *ret_path, struct swb_error *err) _warn_unused_;

/* As swb_http_get(). PROTOCOL when it is no file or has another size; NOT_FOUND, IO as it comes. */
int swb_local_get(const char *url, uint64_t offset, uint64_t total, swb_http_sink sink,
                  void *context, struct swb_error *err) _warn_unused_;
