# Targets are called through ./run, which sets .venv up first: ./run demo, ./run test, ./run check …
PY := .venv/bin/python
export PYTHONDONTWRITEBYTECODE := 1

.PHONY: deploy deploy-tools test-deploy bench-fleet help demo test check test-slow test-real test-kernel test-arm64 test-fresh soak bench wheel golden pictures mission fuzz

help:
	@echo "demo        six stories on the desk, then the four books (REAL=1: real pcscd, serial port, TLS; PLAY=interactive)"
	@echo "test        all fast tests                    check       format, lint, types, layers, house rules"
	@echo "test-slow   wider power-cut sweeps            test-real   the stories through the real parts"
	@echo "test-kernel keypad and glass on a real kernel's GPIO chip and I2C bus (User-Mode Linux, built once)"
	@echo "test-arm64  the wheel and all it needs in an arm64 Debian    soak    hundreds of sales while plugs are pulled"
	@echo "bench       ratios in one run, written to docs/bench.md      pictures  glass and paper as PNG"
	@echo "mission     the 83 rules, docs/mission.md from their tests (FAULTS=1: each test must notice its feature gone)"
	@echo "fuzz        random key paths against the rule table, random bytes against the kernel, random days (PATHS=… INPUTS=… DAYS=…)"
	@echo "test-deploy the fleet on virtual Pis (systemd-nspawn)   bench-fleet  what it costs   deploy HOST=user@pi"
	@echo "test-fresh  a minimal Debian: clone, ./run demo, ./run test"

demo:
ifeq ($(REAL),1)
	@tools/real_parts.sh
	@$(PY) -m hal_mocks real
else ifeq ($(PLAY),interactive)
	@$(PY) -m hal_mocks interactive
else
	@$(PY) -m hal_mocks play
endif

test:
	@$(PY) -m pytest -n 2 --dist loadfile -m "not real and not slow and not kernel and not deploy" $(ARGS)

check:
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy
	.venv/bin/lint-imports --no-cache
	$(PY) -m pytest tests/test_house_rules.py

test-slow:
	@$(PY) -m pytest -n 2 -m slow $(ARGS)

test-real:
	@tools/real_parts.sh
	$(PY) -m pytest -m real -s $(ARGS)

test-fresh:
	@tools/fresh.sh

deploy-tools:
	@tools/deploy_tools.sh

# the fleet on virtual Pis, and the switch of releases cut at every block
test-deploy:
	@tools/test_deploy.sh $(ARGS)

# its cost on nine virtual Pis, by hand; written to bench/fleet.json and docs/bench.md
bench-fleet:
	@tools/test_deploy.sh --bench

# one terminal from this checkout: make deploy HOST=user@pi (deploy/README.md says what fleet.toml is)
deploy:
	@deploy/deploy.sh first $(HOST) $(if $(RELEASE),--release $(RELEASE)) $(if $(DRY),--dry)

test-kernel:
	@tools/uml/test.sh

test-arm64:
	@tools/arm64.sh

# the full count by hand, its report committed; CI calls it with SALES=10
SALES ?= 200
SEED ?= 8583
soak:
	@tools/real_parts.sh
	@$(PY) -m hal_mocks soak --sales $(SALES) --seed $(SEED) $(if $(OUT),--out $(OUT))

# docs/mission.md from the tests of the 83 rules; FAULTS=1 also takes each feature away and looks whether they notice
mission:
	@FAULTS="$(FAULTS)" PYTHONPATH=. $(PY) -m tools.mission

# random key paths against the rule table, random bytes against every parser of the kernel, random days of faults and
# power cuts: full counts by hand, their reports committed (docs/fuzz.json, fuzz-emv.json, fuzz-days.json); CI calls it
# with a twentieth
PATHS ?= 100000
DAYS ?= 2400
INPUTS ?= 10000000
fuzz:
	@PYTHONPATH=. $(PY) -m tests.fuzz.key_paths --paths $(PATHS) --seed $(SEED) $(if $(OUT),--out $(OUT))
	@PYTHONPATH=. $(PY) -m tests.fuzz.emv_inputs --inputs $(INPUTS) --seed $(SEED) $(if $(OUT_EMV),--out $(OUT_EMV) --keep)
	@PYTHONPATH=. $(PY) -m tests.fuzz.random_days --days $(DAYS) --seed $(SEED) $(if $(OUT_DAYS),--out $(OUT_DAYS))

bench:
	@tools/real_parts.sh
	@$(PY) -m bench

wheel:
	$(PY) -m pip wheel --quiet --no-deps --no-build-isolation -w dist .

golden:
	$(PY) -m pytest tests/flows --update-golden

pictures:
	$(PY) -m tools.pictures
