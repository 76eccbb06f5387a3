# SPDX-License-Identifier: BSD-3-Clause
# The front door.  `make demo` and `make test` are complete on a fresh machine; `make help` lists the rest.

PY := .venv/bin/python
PYSOURCES := python examples tests tools/check_layers.py tools/run_tests.py tools/demo.py tools/check_types.py tools/pictures.py

.DEFAULT_GOAL := help
.PHONY: help setup build asan demo test test-unit test-api test-qemu test-vfio bench pictures soak mutants lint format install clean

help:
	@echo "make demo     install what is missing, build, and see it work on a software SSD"
	@echo "make test     install what is missing, build, and run all tests; or TESTS=path::test pciaddr=ADDRESS"
	@echo "make test-qemu  the contract on QEMU's NVMe device, which others wrote (4 minutes; part of make test)"
	@echo "make test-vfio  on PCIe functions behind an IOMMU, in a virtual machine (2 minutes; part of make test)"
	@echo "make bench    measure (ratios, instructions a command)"
	@echo "make pictures  draw those of docs/model.md again"
	@echo "make mutants  break the Python package in each way of tests/mutants/wrong.py: the contract tests have to see it"
	@echo "make soak     100,000 power losses of the flash, and 1,000 kills with an image, against a model (half an hour)"
	@echo "make lint     format, static analysis, layers, types"
	@echo "make format   rewrite the sources in the project's format"
	@echo "make install  programs and library under PREFIX (default /usr/local), through meson"
	@echo "make clean    remove what was built"

setup:
	@tools/setup

# The package, the extension and the programs, as a user gets them with pip; build/ is kept, so that only changes compile.
build: setup
	@mkdir -p build
	@$(PY) -m pip install --quiet --disable-pip-version-check --no-index --no-deps --no-build-isolation \
		--config-settings builddir=build . >build/pip.log 2>&1 || { cat build/pip.log; exit 1; }

# The same sources with the sanitizers on, for the C tests.
asan: setup
	@test -f build-asan/build.ninja || meson setup -Db_sanitize=address,undefined -Db_lundef=false \
		build-asan >build-asan.log 2>&1 || { cat build-asan.log; exit 1; }
	@rm -f build-asan.log
	@ninja -C build-asan --quiet

demo: build
	@$(PY) tools/demo.py

# TESTS=path::test: only these, with pytest; pciaddr=ADDRESS: on that device.
ifdef TESTS
test: build
	@$(PY) -m pytest $(TESTS) $(if $(pciaddr),--pciaddr=$(pciaddr))
else
test: build asan
	@$(PY) tools/run_tests.py unit sim api examples qemu vfio
endif

test-unit: asan
	@$(PY) tools/run_tests.py unit sim

# In a virtual machine with an IOMMU: real PCIe functions through the kernel's VFIO.
test-vfio: build
	@$(PY) tools/run_tests.py vfio

# On a controller that others wrote.
test-qemu: build
	@$(PY) tools/run_tests.py qemu

test-api: build
	@$(PY) tools/run_tests.py api examples

bench: build
	@$(PY) tests/bench/run.py

# On virtual time: each run draws the same.
pictures: build
	@$(PY) tools/pictures.py

# Wrong implementations, each of which has to fail the contract tests.
mutants: build
	@$(PY) tests/mutants/run.py

# 1,000 lives of 100 power losses each.
soak: asan
	@FTL_LIVES=1000 build-asan/tests/unit/test_ssd_ftl
	@IMAGE_KILLS=500 build-asan/tests/unit/test_ssd_flash_image

lint:
	@tools/setup lint
	@tools/lint

format:
	@tools/setup lint
	@clang-format -i $$(git ls-files '*.c' '*.h')
	@black --quiet --line-length 110 $(PYSOURCES)

install: setup
	@meson setup --buildtype=release --prefix=$(or $(PREFIX),/usr/local) build-install
	@meson install -C build-install

clean:
	rm -rf build build-asan build-install build-lint .venv results
