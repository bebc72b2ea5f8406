//go:build unix

// Servers runs a command while the real servers that tests talk to are up:
//
//	go run . [-only minio,versitygw] -- COMMAND ARGS...
//
// It is run in this directory, where each server that is a Go program has a
// module of its own, so that what one depends on reaches nobody else. It
// installs what is missing, once for all runs, starts each server on free
// loopback ports with its data in a temporary directory, waits until all are
// ready, and runs COMMAND with their addresses in its environment: servers.go
// has the list. It exits as COMMAND does (but "go run" makes 1 of every failure),
// and stops what it started and nothing else, however it ends.
//
// A variable that is set already names somebody's own server, and is kept; so
// is that of a program, such as MODTIER_TEST_MINIO_BIN. What cannot be had is
// left out with a line that says why. Tests that miss it are skipped and write
// their names to the file that MODTIER_TEST_SKIPS names, and the run ends with
// those names. With MODTIER_E2E=require both are failures.
//
// With -install it installs, and starts nothing.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
)

func main() {
	// What we start dies with the thread that started it, so that must be the
	// one that lives as long as the process.
	runtime.LockOSThread()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends us at once
	os.Exit(run(ctx, os.Args[1:]))
}

// run returns the exit code: COMMAND's, or 1 if there is a reason not to run
// it or not to believe it, or 2 for a wrong use.
func run(ctx context.Context, args []string) int {
	flags := flag.NewFlagSet("servers", flag.ContinueOnError)
	only := flags.String("only", "", "start only these `servers`, separated by commas")
	installOnly := flags.Bool("install", false, "install them, and start nothing")
	flags.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: go run . [-only NAME,...] -- COMMAND ARGS...\n       go run . [-only NAME,...] -install")
		flags.PrintDefaults()
		fmt.Fprintln(os.Stderr, "servers:", strings.Join(names(servers), " "))
	}
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if flags.NArg() == 0 && !*installOnly {
		flags.Usage()
		return 2
	}
	wanted, err := choose(servers, *only)
	if err == nil {
		_, err = os.Stat(filepath.Join("mongo", "go.mod"))
	}
	if err != nil {
		say("%v", err)
		return 2
	}

	require := os.Getenv("MODTIER_E2E") == "require"
	installed, env, missing := install(ctx, wanted)
	if *installOnly || ctx.Err() != nil || missing && require {
		return code(ctx.Err() == nil && !(missing && require))
	}

	dir, err := os.MkdirTemp("", "modtier-servers-")
	if err != nil {
		say("%v", err)
		return 1
	}
	defer os.RemoveAll(dir)
	site := &site{dir: dir}
	defer site.stop()
	if missing = site.start(ctx, installed, env); ctx.Err() != nil || missing && require {
		return 1
	}

	skips := filepath.Join(dir, "skips")
	env = append(env, site.env...)
	exit := command(ctx, flags.Args(), append(env, "MODTIER_TEST_SKIPS="+skips))
	if skipped := printSkips(skips); skipped && require && exit == 0 {
		say("MODTIER_E2E=require allows no skip")
		return 1
	}
	return exit
}

func code(ok bool) int {
	if ok {
		return 0
	}
	return 1
}

// say tells the one who waits.
func say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "servers: "+format+"\n", args...)
}
