// Modtier is a caching tiered storage gateway for Go modules: a GOPROXY that
// keeps what it serves in a stack of tiers, memory over disk over an upstream.
//
// Start reading at wire.go, which makes a gateway of a configuration; the rooms
// it joins are gateway, tiers, locks, metrics, traces and config.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/modtier/modtier/config"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second signal ends the process at once.
	context.AfterFunc(ctx, stop)
	if err := command().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "modtier:", err)
		os.Exit(1)
	}
}

func command() *cobra.Command {
	o := config.Options{Environ: os.Environ()}
	run := func(cmd *cobra.Command, args []string) error { return serve(cmd.Context(), o) }
	root := &cobra.Command{
		Use:           "modtier",
		Short:         "A caching tiered storage gateway for Go modules",
		Long:          "Modtier is a GOPROXY that keeps what it serves in tiers: memory over disk over an upstream.\nWithout a command it serves; without a configuration it does so on :3000.",
		Args:          cobra.NoArgs,
		RunE:          run,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	flags := root.PersistentFlags()
	flags.StringVar(&o.File, "config", "", "configuration `file` (default modtier.toml or athens.toml, if there is one)")
	flags.StringVar(&o.Listen, "listen", "", "`address` to listen on, such as :3000 or 127.0.0.1:3000")
	flags.StringVar(&o.Upstream, "upstream", "", "`list` of upstream proxies, as GOPROXY has it")
	root.AddCommand(
		&cobra.Command{
			Use:   "serve",
			Short: "Serve (the default)",
			Args:  cobra.NoArgs,
			RunE:  run,
		},
		configCommand(&o),
		explainCommand(&o),
		topCommand(&o),
		&cobra.Command{
			Use:   "version",
			Short: "Say what this binary is",
			Args:  cobra.NoArgs,
			Run: func(cmd *cobra.Command, args []string) {
				v := buildVersion()
				fmt.Fprintf(cmd.OutOrStdout(), "modtier %s %s %s/%s\n", v.Version, v.Go, runtime.GOOS, runtime.GOARCH)
			},
		},
	)
	root.SetArgs(athensArgs(os.Args[1:]))
	return root
}

// athensArgs turns Athens' flags, which begin with one dash, into ours.
func athensArgs(args []string) []string {
	out := make([]string, 0, len(args))
	for _, a := range args {
		name, value, hasValue := strings.Cut(a, "=")
		switch name {
		case "-config_file", "--config_file":
			name = "--config"
		case "-version", "--version":
			name = "version"
		}
		if hasValue {
			name += "=" + value
		}
		out = append(out, name)
	}
	return out
}

// A version is what a binary was made of.
type version struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Time     string `json:"time,omitempty"`
	Go       string `json:"go"`
}

func buildVersion() version {
	v := version{Version: "(devel)", Go: runtime.Version()}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	if info.Main.Version != "" {
		v.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Revision = s.Value
		case "vcs.time":
			v.Time = s.Value
		}
	}
	return v
}

func (v version) json() []byte {
	b, _ := json.Marshal(v) // strings only
	return b
}
