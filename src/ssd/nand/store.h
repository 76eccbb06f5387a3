/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Flash in an image file: see struct nand_store.  Every store into the mapping survives the process, in the order of the program, so
 * that what matters is that order: a page's data, its checksum, the mark that its program has begun, and, when that ends, its sequence
 * number.
 */
#pragma once
#include "ssd/nand/nand.h"

bool store_open(struct nand *n);
void store_close(struct nand *n);
/* Programs that were under way when the process ended. */
void store_power_lost(struct nand *n);
/* The page is filled, and its program begins. */
void store_program(struct nand *n, uint32_t page, uint64_t seq);
void store_tear(struct nand *n, uint32_t page, uint32_t pages);
/* The block that begins with this page. */
void store_erase(struct nand *n, uint32_t page);
