# The two a newcomer needs: `make demo` and `make test`. The rest is for those who work on Rackless.
BIN := .venv/bin
.PHONY: demo test test-all setup images check client unit machines deb bench bench-warm bench-many bench-wires bench-peers bench-card bench-service bench-standing bench-fabric bench-vsphere bench-openstack lock clean

demo: setup images  ## set up, build the images once, deploy examples/back-to-back.yaml and show it
	@packaging/demo.sh

test: setup-test images  ## set up and run every test that this machine can run
	@packaging/test.sh

test-all: setup-test images  ## the same without any rule that leaves a suite out: hours; run again, it goes on behind what has passed on the same tree
	@packaging/test.sh --all

setup:
	@packaging/setup.sh

setup-test:
	@packaging/setup.sh --test

images:  ## build the reference image; does nothing when its inputs have not changed
	@$(BIN)/python -m rackless.images.reference

deb: setup  ## dist/rackless_VERSION_amd64.deb, which installs without a network; with Patroni after packaging/setup.sh --fabric
	@$(BIN)/python packaging/debian/build.py

check: setup-test  ## formatting, lint, types, import directions
	@packaging/check.sh

client: setup-test  ## write what of rackless.client follows from the API
	@$(BIN)/python packaging/generate_client.py

bench: setup images  ## ratios against the bare thing, in one run; of clouds: bench-vsphere and bench-openstack
	@$(BIN)/python bench/run.py

bench-vsphere: setup-test  ## calls of a vCenter's API per router and wire, on govmomi's simulator
	@$(BIN)/python bench/vsphere.py

bench-openstack: setup  ## requests to an OpenStack per router and wire: of real services, with Nova's fake driver; as root
	@packaging/setup.sh --openstack
	@$(BIN)/python bench/openstack_services.py

bench-warm: setup images  ## what warm starts give, against the bare thing, in one run
	@$(BIN)/python bench/warm.py

bench-many: setup images  ## many machines at once, and their end, against the same QEMUs without us, in one run
	@$(BIN)/python bench/many.py

bench-wires: setup  ## what wires, impaired wires and captured ports carry, in one run
	@$(BIN)/python bench/wires.py

bench-peers: setup images  ## the same machines by QEMU alone, Rackless, libvirt and GNS3, in one run
	@packaging/setup.sh --peers
	@$(BIN)/python bench/peers.py

bench-card: setup images  ## what goes through a card, against a bare wire and a bare guest that forwards, in one run
	@$(BIN)/python bench/card.py

bench-service: setup  ## how the service grows, on the fake provider, from 100 routers to 10,000
	@$(BIN)/python bench/service.py

bench-standing: setup  ## a server that is started where ten thousand routers stand, on the fake provider
	@$(BIN)/python bench/standing.py

bench-fabric: setup-test  ## failovers, requests by number of nodes, joining, memory: nodes in network namespaces, as root
	@packaging/setup.sh --fabric
	@$(BIN)/python bench/fabric.py

lock:  ## pin every Python package with hashes
	@$(BIN)/uv pip compile -q pyproject.toml --group dev --group build --generate-hashes --python-version 3.11 \
	  --no-annotate --custom-compile-command "make lock" -o requirements.lock
	@$(BIN)/uv pip compile -q packaging/clients.in --generate-hashes --python-version 3.11 \
	  --no-annotate --custom-compile-command "make lock" -o packaging/clients.lock
	@$(BIN)/uv pip compile -q packaging/openstack/requirements.in --generate-hashes --python-version 3.11 \
	  --no-annotate --custom-compile-command "make lock" -o packaging/openstack/requirements.lock
	@$(BIN)/uv pip compile -q packaging/fabric.in --generate-hashes --python-version 3.11 \
	  --no-annotate --custom-compile-command "make lock" -o packaging/fabric.lock
	@$(BIN)/uv pip compile -q packaging/peers.in --generate-hashes --python-version 3.11 \
	  --no-annotate --custom-compile-command "make lock" -o packaging/peers.lock

clean:
	rm -rf .venv .venv-clients .venv-openstack .venv-fabric .venv-peers
