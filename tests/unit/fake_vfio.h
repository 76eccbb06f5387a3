/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A kernel with VFIO, made of files in a folder and one function in place of ioctl(): an NVMe function 0000:01:00.0 behind
 * the port 0000:00:06.0, in IOMMU group 7.  The device's file is a plain one: its registers and BARs are what it holds.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define FV_BDF "0000:01:00.0"
#define FV_BAR0 0x100000u /* where the regions are in the device's file */
#define FV_CFG 0x200000u
#define FV_BAR0_SIZE 0x4000u
#define FV_TABLE 0x2000u /* MSI-X table in BAR 0 */
#define FV_VECTORS 8u
#define FV_IOAS 5u
#define FV_PM 0x40u /* capabilities */
#define FV_MSIX 0x50u
#define FV_EXP 0x60u

struct fake_vfio {
	char root[64];
	int dev; /* the device's file */
	bool viable, has_msi;
	unsigned long fail; /* this request fails, */
	int fail_errno; /* so; or, when it is 0, */
	int fail_value; /* returns that */
	uint32_t bound; /* to an iommufd */
	uint32_t maps, unmaps, resets, hot_groups, irq_calls;
	uint64_t last_iova, last_len;
	int irq_fd[FV_VECTORS]; /* what the kernel was given: -1 none */
	uint32_t irq_index;
	uint32_t behind_group; /* group of the second device that a hot reset hits; 0: there is none */
};

extern struct fake_vfio fv;

void fv_up(void);
void fv_down(void);
/* Registers of the device. */
uint32_t fv_get(uint32_t at);
void fv_set(uint32_t at, uint32_t val);
/* A link in the folder; the folder of a file is made.  NULL: remove it. */
void fv_link(const char *name, const char *to);
void fv_file(const char *name, const char *text);
