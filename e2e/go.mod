module github.com/modtier/modtier/e2e

go 1.26.0
