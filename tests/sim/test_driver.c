/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bring-up, queues, commands, events and reset of the driver, on a controller that answers as the specification says.
 */
#include "sim_test.h"

struct done {
	int calls;
	uint16_t status;
	uint32_t dw0;
};

static void
on_done(void *arg, const struct nvme_cqe *cqe)
{
	struct done *d = arg;

	d->calls++;
	d->status = status_of(cqe);
	d->dw0 = le32_get(cqe->dw0);
}

static void
bring_up(void **state)
{
	struct nvp_ctrlr *c = sim_ctrlr("sim:?size=64M&ns=2&lba=4096", NULL);
	struct nvp_ns ns;
	uint32_t v;

	(void)state;
	assert_int_equal(nvp_reg_read32(c, NVME_REG_CSTS, &v), 0);
	assert_true(nvme_get(v, NVME_CSTS_RDY));
	assert_int_equal(nvp_reg_read32(c, NVME_REG_CC, &v), 0);
	assert_int_equal(v, 0x00460001);
	assert_int_equal(nvp_reg_read32(c, 2, &v), -EINVAL);
	assert_int_equal(le32_get(nvp_ctrlr_id(c)->nn) >= 2, 1);
	assert_true(nvp_ctrlr_mdts_bytes(c) >= 4096);
	assert_int_equal(nvp_qpair_outstanding(nvp_ctrlr_adminq(c)), 1); /* the AER */
	assert_int_equal(nvp_ns_open(c, 2, &ns, NULL), 0);
	assert_int_equal(ns.lba_size, 4096);
	assert_int_equal(ns.nsze, (64u << 20) / 4096);
	assert_int_equal(nvp_ns_open(c, 3, &ns, NULL), -ENODEV);
	assert_non_null(strstr(nvp_error(), "namespace 3"));
	nvp_ctrlr_close(c);
}

static void
bad_addresses(void **state)
{
	static const char *const bad[] = { "sim:floppy", "sim:?lba=513",       "sim:?size=x", "sim:?size=1G&color=red",
					   "sim:?ns=0",	 "sim:?ns=-1",	       "sim:?size",   "nosuch:thing",
					   "/dev/null",	 "sim:?size=99999999T" };
	struct nvp_ctrlr *c;

	(void)state;
	nvp_sim_register();
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(nvp_ctrlr_open(bad[i], NULL, &c), -EINVAL);
		assert_true(strlen(nvp_error()) > 20);
	}
	assert_int_equal(nvp_ctrlr_open("sim:", &(struct nvp_ctrlr_opts){ .admin_depth = 1 }, &c), -EINVAL);
	assert_int_equal(nvp_ctrlr_open("sim:", &(struct nvp_ctrlr_opts){ .admin_depth = 4097 }, &c), -EINVAL);
}

static void
registers_only(void **state)
{
	struct nvp_ctrlr *c = sim_ctrlr("sim:", &(struct nvp_ctrlr_opts){ .no_init = true });
	struct nvme_sqe sqe = { .opc = NVME_ADM_IDENTIFY };
	struct nvme_cqe cqe;
	uint32_t v;

	(void)state;
	assert_int_equal(nvp_reg_read32(c, NVME_REG_CC, &v), 0);
	assert_int_equal(v, 0);
	assert_int_equal(nvp_admin(c, &sqe, NULL, 0, &cqe), -ENODEV);
	assert_int_equal(nvp_ctrlr_reset(c), 0);
	nvme_prep_get_features(&sqe, NVME_FEAT_NUM_QUEUES, NVME_FEAT_SEL_CURRENT, 0);
	must(nvp_admin(c, &sqe, NULL, 0, &cqe), &cqe);
	nvp_ctrlr_close(c);
}

static void
queues_are_checked(void **state)
{
	struct nvp_ctrlr *c = sim_ctrlr("sim:?mqes=63&queues=2", NULL);
	struct nvp_qpair *a, *b, *none;
	struct nvp_qpair_opts opts = { .depth = 65 };
	struct nvme_cqe cqe;

	(void)state;
	assert_int_equal(nvp_qpair_create(c, &opts, &none, NULL), -EINVAL);
	opts.depth = 1;
	assert_int_equal(nvp_qpair_create(c, &opts, &none, NULL), -EINVAL);
	a = sim_qpair(c, 64);
	b = sim_qpair(c, 2);
	assert_int_equal(nvp_qpair_id(a), 1);
	assert_int_equal(nvp_qpair_id(b), 2);
	opts.depth = 8;
	assert_int_equal(nvp_qpair_create(c, &opts, &none, NULL), -ENOSPC);
	opts.qid = 1;
	assert_int_equal(nvp_qpair_create(c, &opts, &none, NULL), -EINVAL);
	opts.qid = 3; /* the device's own answer: NVMe Base, "Create I/O Completion Queue command" */
	assert_int_equal(nvp_qpair_create(c, &opts, &none, &cqe), -EIO);
	assert_int_equal(status_of(&cqe), NVME_SC_INVALID_QID);
	assert_int_equal(nvp_qpair_delete(a, &cqe), 0);
	assert_int_equal(nvp_qpair_id(sim_qpair(c, 16)), 1);
	nvp_ctrlr_close(c); /* deletes what is left */
	(void)b;
}

static void
full_queue_is_full(void **state)
{
	struct nvp_ctrlr *c = sim_ctrlr("sim:", NULL);
	struct nvp_qpair *q = sim_qpair(c, 4);
	struct done d = { 0 };
	struct nvp_req *r;

	(void)state;
	for (int i = 0; i < 3; i++) {
		r = nvp_req_get(q);
		assert_non_null(r);
		nvme_prep_flush(nvp_req_sqe(r), 1);
		nvp_req_submit(r, on_done, &d);
	}
	assert_null(nvp_req_get(q));
	assert_int_equal(nvp_qpair_wait(q, 3), 3);
	assert_int_equal(d.calls, 3);
	assert_int_equal(d.status, 0);
	nvp_qpair_delete(q, NULL);
	nvp_ctrlr_close(c);
}

static void
count_done(void *arg, const struct nvme_cqe *cqe)
{
	*(uint32_t *)arg += status_of(cqe) == 0;
}

/* NVMe Base, "Maximum Queue Entries Supported": 65,536 entries hold 65,535 commands, CIDs 0 to FFFEh. */
static void
the_deepest_queue(void **state)
{
	struct nvp_ctrlr *c = sim_ctrlr("sim:null?mqes=65535", NULL);
	struct nvp_qpair *q = sim_qpair(c, 65536);
	uint32_t done = 0, sent;
	struct nvp_event ev;
	struct nvp_req *r;

	(void)state;
	for (int round = 0; round < 2; round++) {
		for (sent = 0; (r = nvp_req_get(q)); sent++) {
			nvme_prep_flush(nvp_req_sqe(r), 1);
			nvp_req_submit(r, count_done, &done);
		}
		assert_int_equal(sent, 65535);
		assert_int_equal(nvp_qpair_wait(q, UINT32_MAX), 65535);
	}
	assert_int_equal(done, 2 * 65535);
	assert_int_equal(nvp_ctrlr_events(c, &ev, 1), 0);
	assert_int_equal(nvp_qpair_delete(q, NULL), 0);
	nvp_ctrlr_close(c);
}

static void
admin_data_and_status(void **state)
{
	struct nvp_ctrlr *c = sim_ctrlr("sim:", NULL);
	struct nvp_buf buf;
	struct nvme_sqe sqe;
	struct nvme_cqe cqe;
	const struct nvme_id_ctrl *id;

	(void)state;
	assert_int_equal(nvp_buf_alloc(4096, 0, &buf), 0);
	nvme_prep_identify(&sqe, 1, 0, 0);
	must(nvp_admin(c, &sqe, &buf, 4096, &cqe), &cqe);
	id = buf.va;
	assert_memory_equal(id->sn, nvp_ctrlr_id(c)->sn, 20);
	assert_int_equal(nvp_admin(c, &sqe, &buf, 4097, &cqe), -EINVAL);
	sqe = (struct nvme_sqe){ .opc = 0xff };
	assert_int_equal(nvp_admin(c, &sqe, NULL, 0, &cqe), 0);
	assert_int_equal(status_of(&cqe), NVME_SC_INVALID_OPCODE);
	nvp_buf_free(&buf);
	nvp_ctrlr_close(c);
}

/* Temperature over a threshold: SMART event, again after its log was read. */
static void
get_smart_log(struct nvp_ctrlr *c, const struct nvp_buf *buf)
{
	struct nvme_sqe sqe = { .opc = NVME_ADM_GET_LOG_PAGE, .nsid = le32_from(NVME_NSID_ALL) };
	struct nvme_cqe cqe;

	sqe.cdw10 = le32_from(0x02 | (512 / 4 - 1) << 16);
	must(nvp_admin(c, &sqe, buf, 512, &cqe), &cqe);
}

static void
events_come_again_and_again(void **state)
{
	struct nvp_ctrlr *c = sim_ctrlr("sim:", NULL);
	struct ssd_subsys *sub = nvp_sim_subsys(nvp_ctrlr_bus(c));
	struct done first = { 0 }, second = { 0 };
	struct nvp_buf buf;
	struct nvme_sqe sqe;
	struct nvme_cqe cqe;

	(void)state;
	assert_int_equal(nvp_buf_alloc(512, 0, &buf), 0);
	nvp_ctrlr_on_aer(c, on_done, &first);
	nvme_prep_set_features(&sqe, NVME_FEAT_ASYNC_EVENT, 0, 0xff, 0);
	must(nvp_admin(c, &sqe, NULL, 0, &cqe), &cqe);
	for (int i = 1; i <= 3; i++) {
		ssd_set_temperature(sub, 400);
		nvp_sim_run(nvp_ctrlr_bus(c), 1000000);
		assert_int_equal(nvp_qpair_poll(nvp_ctrlr_adminq(c), 8), 0); /* it does not count */
		assert_int_equal(first.calls, i);
		assert_int_equal(first.dw0 & 7, NVME_AER_SMART);
		ssd_set_temperature(sub, 300);
		get_smart_log(c, &buf);
	}
	assert_int_equal(nvp_ctrlr_aer(c, on_done, &second, false), 0);
	assert_int_equal(nvp_qpair_outstanding(nvp_ctrlr_adminq(c)), 2);
	assert_int_equal(nvp_qpair_wait(nvp_ctrlr_adminq(c), 1), 0); /* an AER alone is nothing to wait for */
	nvp_buf_free(&buf);
	nvp_ctrlr_close(c);
	assert_int_equal(second.calls, 0); /* silent */
}

/* More than AERL + 1: the one too many is told to its owner.  NVMe Base, "Asynchronous Event Request command". */
static void
too_many_events_requested(void **state)
{
	struct nvp_ctrlr *c = sim_ctrlr("sim:", NULL);
	struct done d = { 0 };
	int limit = nvp_ctrlr_id(c)->aerl + 1;

	(void)state;
	for (int i = 0; i < limit; i++)
		assert_int_equal(nvp_ctrlr_aer(c, on_done, &d, true), 0);
	nvp_sim_run(nvp_ctrlr_bus(c), 10000000);
	nvp_qpair_poll(nvp_ctrlr_adminq(c), 64);
	assert_int_equal(d.calls, 1);
	assert_int_equal(d.status, NVME_SC_AER_LIMIT);
	nvp_ctrlr_close(c);
}

static void
reset_during_io(void **state)
{
	struct nvp_ctrlr *c = sim_ctrlr("sim:", NULL);
	struct nvp_qpair *q[2] = { sim_qpair(c, 32), sim_qpair(c, 7) };
	struct done d[2] = { 0 }, admin = { 0 };
	struct nvme_sqe sqe;
	struct nvme_cqe cqe;
	struct nvp_req *r;

	(void)state;
	for (int round = 1; round <= 3; round++) {
		for (int i = 0; i < 2; i++)
			while ((r = nvp_req_get(q[i]))) {
				nvme_prep_flush(nvp_req_sqe(r), 1);
				nvp_req_submit(r, on_done, &d[i]);
			}
		r = nvp_req_get(nvp_ctrlr_adminq(c));
		nvme_prep_get_features(nvp_req_sqe(r), NVME_FEAT_ARBITRATION, NVME_FEAT_SEL_CURRENT, 0);
		nvp_req_submit(r, on_done, &admin);
		assert_int_equal(nvp_ctrlr_reset(c), 0);
		assert_int_equal(d[0].calls, 31 * round);
		assert_int_equal(d[1].calls, 6 * round);
		assert_int_equal(d[0].status, NVME_SC_ABORT_SQ_DELETION);
		assert_int_equal(admin.calls, round);
		assert_int_equal(admin.status, NVME_SC_ABORT_SQ_DELETION);
		assert_int_equal(nvp_qpair_outstanding(q[0]), 0);
		nvme_prep_flush(&sqe, 1); /* the same queue pairs work again */
		must(nvp_io(q[0], &sqe, NULL, 0, &cqe), &cqe);
		must(nvp_io(q[1], &sqe, NULL, 0, &cqe), &cqe);
	}
	nvp_qpair_delete(q[0], NULL);
	nvp_qpair_delete(q[1], NULL);
	nvp_ctrlr_close(c);
}

/* A callback that always sends again: reset, deletion and close end all the same. */
struct loop {
	struct nvp_qpair *q;
	int calls;
};

static void
send_again(void *arg, const struct nvme_cqe *cqe)
{
	struct loop *l = arg;
	struct nvp_req *r = nvp_req_get(l->q);

	(void)cqe;
	l->calls++;
	if (!r)
		return;
	nvme_prep_flush(nvp_req_sqe(r), 1);
	nvp_req_submit(r, send_again, l);
}

static void
endless_resubmission_ends(void **state)
{
	struct nvp_ctrlr *c = sim_ctrlr("sim:", NULL);
	struct nvme_cqe none = { 0 };
	struct loop l = { .q = sim_qpair(c, 8) };

	(void)state;
	for (int i = 0; i < 7; i++)
		send_again(&l, &none);
	assert_int_equal(nvp_ctrlr_reset(c), 0);
	assert_int_equal(l.calls, 14);
	assert_int_equal(nvp_qpair_outstanding(l.q), 7); /* sent again, to the new queue */
	assert_int_equal(nvp_qpair_wait(l.q, 100), 100);
	assert_int_equal(nvp_qpair_delete(l.q, NULL), 0);
	nvp_ctrlr_close(c);
}

static void
power_off_is_noticed(void **state)
{
	struct nvp_ctrlr *c = sim_ctrlr("sim:", NULL);
	struct nvp_bus *bus = nvp_ctrlr_bus(c);
	struct nvp_qpair *q = sim_qpair(c, 8);
	struct done d = { 0 };
	struct nvp_event ev[4];
	struct nvp_req *r = nvp_req_get(q);
	uint64_t before;
	uint32_t v;

	(void)state;
	nvme_prep_flush(nvp_req_sqe(r), 1);
	ssd_power_off(nvp_sim_subsys(bus));
	nvp_req_submit(r, on_done, &d);
	before = nvp_sim_now_ns(bus);
	assert_int_equal(nvp_qpair_wait(q, 1), -ENODEV);
	assert_true(nvp_sim_now_ns(bus) - before < 1000000000); /* long before the deadline */
	assert_int_equal(nvp_reg_read32(c, NVME_REG_VS, &v), -ENODEV);
	assert_int_equal(nvp_ctrlr_events(c, ev, 4), 1); /* told once */
	assert_int_equal(ev[0].kind, NVP_EVENT_GONE);
	assert_int_equal(nvp_ctrlr_reset(c), -ENODEV);
	assert_int_equal(d.calls, 1);
	ssd_power_on(nvp_sim_subsys(bus));
	assert_int_equal(nvp_ctrlr_reset(c), 0);
	r = nvp_req_get(q);
	nvme_prep_flush(nvp_req_sqe(r), 1);
	nvp_req_submit(r, on_done, &d);
	assert_int_equal(nvp_qpair_wait(q, 1), 1);
	assert_int_equal(d.status, 0);
	nvp_qpair_delete(q, NULL);
	nvp_ctrlr_close(c);
}

static void
a_function_reset_needs_a_controller_reset(void **state)
{
	struct nvp_ctrlr *c = sim_ctrlr("sim:", &(struct nvp_ctrlr_opts){ .timeout_ms = 100 });
	struct nvp_bus *bus = nvp_ctrlr_bus(c);
	struct nvp_qpair *q = sim_qpair(c, 8);
	struct nvme_sqe sqe;
	struct nvme_cqe cqe;

	(void)state;
	assert_int_equal(bus->ops->reset(bus, NVP_RESET_FUNCTION), 0);
	nvme_prep_flush(&sqe, 1);
	assert_int_equal(nvp_io(q, &sqe, NULL, 0, &cqe), 0);
	assert_int_equal(status_of(&cqe), 0x7ff); /* nobody is there to answer */
	assert_int_equal(nvp_ctrlr_reset(c), 0);
	must(nvp_io(q, &sqe, NULL, 0, &cqe), &cqe);
	nvp_qpair_delete(q, NULL);
	nvp_ctrlr_close(c);
}

static void
interrupts(void **state)
{
	struct nvp_ctrlr *c = sim_ctrlr("sim:", NULL);
	struct nvp_qpair_opts opts = { .depth = 8, .ien = true, .iv = 0xffff };
	struct nvp_bus *bus = nvp_ctrlr_bus(c);
	struct nvme_sqe sqe;
	struct nvme_cqe cqe;
	struct nvp_qpair *q;
	uint64_t count = 0;

	(void)state;
	assert_int_equal(nvp_qpair_create(c, &opts, &q, NULL), 0);
	nvme_prep_flush(&sqe, 1);
	must(nvp_io(q, &sqe, NULL, 0, &cqe), &cqe);
	assert_int_equal(read(bus->ops->irq_fd(bus, 1), &count, sizeof(count)), sizeof(count));
	assert_int_equal(count, 1);
	nvp_qpair_delete(q, NULL);
	nvp_ctrlr_close(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bring_up),
		cmocka_unit_test(bad_addresses),
		cmocka_unit_test(registers_only),
		cmocka_unit_test(queues_are_checked),
		cmocka_unit_test(full_queue_is_full),
		cmocka_unit_test(the_deepest_queue),
		cmocka_unit_test(admin_data_and_status),
		cmocka_unit_test(events_come_again_and_again),
		cmocka_unit_test(too_many_events_requested),
		cmocka_unit_test(reset_during_io),
		cmocka_unit_test(endless_resubmission_ends),
		cmocka_unit_test(power_off_is_noticed),
		cmocka_unit_test(a_function_reset_needs_a_controller_reset),
		cmocka_unit_test(interrupts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
