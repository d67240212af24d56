/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * os/password.h - hashes of passwords, made to be slow (wraps libcrypt: yescrypt)
 *
 * One call takes tens of milliseconds of CPU time and 16 MiB of memory: not for a thread that
 * serves.
 */
#include "base/error.h"

#define SWB_PASSWORD_MIN 8
#define SWB_PASSWORD_MAX 256
/* Text of a hash with its parameters and salt. */
#define SWB_PASSWORD_HASH_SIZE 384

/* USAGE: too short or too long. */
int swb_password_hash(const char *password, char *ret_hash, struct swb_error *err) _warn_unused_;
/* Return: 1 it is the one, 0 it is not (also for a hash that can't be one: then it takes as long).
 */
int swb_password_check(const char *password, const char *hash, struct swb_error *err) _warn_unused_;
