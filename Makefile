# The two commands of this project are "go run ." and "make test".

.PHONY: test unit e2e bench fuzz

test: unit e2e

# Vet and the unit tests of the product, with the race detector.
unit:
	go vet ./...
	go test -race ./...

# The real go command against the real binary. What cannot be had here is
# skipped by name; with MODTIER_E2E=require that is a failure.
e2e:
	cd e2e && go vet ./... && go test -timeout 20m ./...

# Figures, for people: nothing here can fail on a slow machine.
bench:
	go test -run '^$$' -bench . -benchmem ./gateway
	cd e2e && go test -run '^$$' -bench . -benchtime 1x -timeout 60m ./...

# A minute for each parser of what a stranger sends.
fuzz:
	go test -run '^$$' -fuzz FuzzParse -fuzztime 1m ./gateway
	go test -run '^$$' -fuzz FuzzSumDBPath -fuzztime 1m ./gateway
	go test -run '^$$' -fuzz FuzzLayout -fuzztime 1m ./tiers
