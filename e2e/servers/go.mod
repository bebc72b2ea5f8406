module github.com/modtier/modtier/e2e/servers

go 1.26.0
