/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * tests/fuzz/fuzz.h - the one function of a fuzz target
 *
 * A target must not leak, crash, hang or write anywhere, whatever the input. What it checks beyond
 * that, it checks with swb_assert(). With -Dfuzz=true libFuzzer calls it; in every other build
 * driver.c replays the corpus.
 */
#include <stddef.h>
#include <stdint.h>

/* Return: always 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);
