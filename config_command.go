package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/modtier/modtier/config"
)

// configCommand returns the command that shows the configuration that o, which
// has the flags when it runs, makes; or judges another file.
func configCommand(o *config.Options) *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Print the configuration, or check a file",
		Long: "Config prints the configuration as serve would have it, as TOML, with who set each key;\n" +
			"secrets are not shown. With --check it says key by key what modtier would do with a\n" +
			"configuration file of Athens, or of its own, in this environment, and with the files that\n" +
			"it names. It ends with status 1 if serve would refuse it. No tier and no server is asked.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("check") {
				return checkConfig(cmd.Context(), cmd.OutOrStdout(), *o, file)
			}
			return printConfig(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr(), *o)
		},
	}
	cmd.Flags().StringVar(&file, "check", "", "configuration `file` to check, of Athens or of modtier")
	return cmd
}

// printConfig prints what there is also if something is wrong, for that is when
// people want to see it.
func printConfig(ctx context.Context, out, problems io.Writer, o config.Options) error {
	report, err := config.Survey(o)
	if err != nil {
		return err
	}
	look(ctx, report)
	for _, w := range report.Warnings {
		fmt.Fprintln(problems, "modtier: warning:", w)
	}
	return errors.Join(report.WriteTOML(out), report.Err)
}

func checkConfig(ctx context.Context, out io.Writer, o config.Options, file string) error {
	if file == "" || o.File != "" {
		return errors.New("--check: want the one file to check, and no --config")
	}
	o.File = file
	report, err := config.Survey(o)
	if err != nil {
		return err
	}
	look(ctx, report)
	entries := report.Entries()
	if err := config.WriteEntries(out, entries); err != nil {
		return err
	}
	if n := config.Count(entries, config.Refused); n > 0 {
		return fmt.Errorf("%s: %d refused; modtier would not start with it here", file, n)
	}
	return nil
}
