# The two commands of this project are "go run ." and "make test".

.PHONY: test servers unit e2e bench figures fuzz

# All tests, against real servers: what is missing of them is installed, which on
# a new machine takes some ten minutes, and all end with the tests.
test: servers
	cd e2e/servers && go run . -- $(MAKE) -C ../.. unit e2e

# The command that starts them.
servers:
	cd e2e/servers && go vet . && go test .

# Vet and the unit tests of the product, with the race detector; and without it
# those of the rooms with tests that are long (testing.Short), for what is large or
# many takes ten times as long with it. By itself it skips what needs a server.
unit:
	go vet ./...
	go test -race -short -timeout 20m ./...
	go test -timeout 20m ./tiers ./tiers/bucket ./tiers/external ./tiers/mongo

# The real go command against the real binary; the tests wait more than they work. What cannot be had here is
# skipped by name; with MODTIER_E2E=require that is a failure. The binary is built by the tests, unseen by the
# cache of their results. Pictures of the page are left in e2e/_artifacts, for people.
e2e:
	cd e2e && rm -rf _artifacts && go vet ./... && go test -count=1 -parallel 3 -timeout 25m -artifacts ./...

# Figures, for people: nothing here can fail on a slow machine.
bench:
	cd e2e/servers && go run . -- $(MAKE) -C ../.. figures

figures:
	go test -run '^$$' -bench . -benchmem -timeout 30m ./gateway ./metrics ./tiers/... ./locks/...
	cd e2e && go test -run '^$$' -bench . -benchtime 1x -timeout 60m ./...

# A minute for each parser of what a stranger sends.
fuzz:
	go test -run '^$$' -fuzz FuzzParse -fuzztime 1m ./gateway
	go test -run '^$$' -fuzz FuzzSumDBPath -fuzztime 1m ./gateway
	go test -run '^$$' -fuzz FuzzLayout -fuzztime 1m ./tiers
	go test -run '^$$' -fuzz FuzzFilter -fuzztime 1m ./gateway/policy
	go test -run '^$$' -fuzz FuzzModes -fuzztime 1m ./gateway/policy
