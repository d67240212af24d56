/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * generator/diff/program_at.h - where programs lie in bytes that do not say where files begin
 */
#include <stdbool.h>
#include <stdint.h>

struct swb_program_at {
        uint64_t at, n_bytes; /* position, size */
        bool is_guess;        /* it may end before */
};

struct swb_program_search {
        const uint8_t *data;    /* borrowed */
        uint64_t n, elf, image; /* the next ones of either kind; UINT64_MAX: none */
};

void swb_program_search_init(struct swb_program_search *search, const uint8_t *data, uint64_t n);

/*
 * The first program from `begin` on, which only grows: an ELF file of 64 bits that ends with its
 * section headers, or a raw kernel image of AArch64. Return: is there one?
 */
bool swb_program_next(struct swb_program_search *search, uint64_t begin,
                      struct swb_program_at *ret);
