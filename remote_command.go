package main

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/modtier/modtier/config"
	"github.com/modtier/modtier/gateway/live"
)

// explainCommand returns the command that asks a running gateway where a version is.
func explainCommand(o *config.Options) *cobra.Command {
	var address string
	cmd := &cobra.Command{
		Use:   "explain module@version",
		Short: "Say which tiers of a running gateway hold a version",
		Long: "Explain asks a running gateway which of its tiers hold which file of a version, whether the\n" +
			"version waits for a save, and whether it is being fetched. It changes nothing by that.",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return errors.New("want one version, as modtier explain example.com/module@v1.2.3")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := remoteAt(address, *o)
			if err != nil {
				return err
			}
			var e live.Explanation
			if err := r.get(cmd.Context(), "/explain?"+query("q", args[0]), &e); err != nil {
				return err
			}
			return e.WriteText(cmd.OutOrStdout())
		},
	}
	gatewayFlag(cmd, &address)
	return cmd
}

// topCommand returns the command that shows a running gateway at work.
func topCommand(o *config.Options) *cobra.Command {
	var address string
	var window, every time.Duration
	var once bool
	cmd := &cobra.Command{
		Use:   "top",
		Short: "Show a running gateway at work",
		Long: "Top shows what the page of a running gateway shows: its tiers, what is on its way, what waits\n" +
			"and what went wrong. It does so anew every few seconds, or once if it does not write to a terminal.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if every < time.Second {
				return errors.New("--every: want a second or more, as 2s")
			}
			r, err := remoteAt(address, *o)
			if err != nil {
				return err
			}
			t := top{r, "/status.json?" + query("window", window.String()), cmd.OutOrStdout()}
			if once || !isTerminal(t.out) {
				return t.show(cmd.Context(), func(text string) string { return text })
			}
			return t.run(cmd.Context(), every)
		},
	}
	gatewayFlag(cmd, &address)
	cmd.Flags().DurationVar(&window, "window", time.Minute, "what rates and times are of, up to 15m")
	cmd.Flags().DurationVar(&every, "every", 2*time.Second, "pause between two looks")
	cmd.Flags().BoolVar(&once, "once", false, "look once")
	return cmd
}

// A top shows how a gateway is.
type top struct {
	*remote
	path string
	out  io.Writer
}

// screen returns a text as what a terminal shows in place of all that is on it. What is
// too long for it is cut, whatever its size: lines are not wrapped, and the cursor does
// not leave the last one, which then stays empty. To let it scroll would lose the tiers,
// which come first.
func screen(text string) string {
	return "\x1b[?7l\x1b[H" + strings.ReplaceAll(text, "\n", "\x1b[K\x1b[E") + "\x1b[J\x1b[?7h"
}

// run shows it until ctx is done. A gateway that does not answer for a while is not
// the end: that may be what one looks at.
func (t top) run(ctx context.Context, every time.Duration) error {
	if err := t.show(ctx, screen); err != nil && ctx.Err() == nil {
		return err
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := t.show(ctx, screen); err != nil && ctx.Err() == nil {
			if _, err := io.WriteString(t.out, screen(err.Error()+"\n")); err != nil {
				return err
			}
		}
	}
}

// show writes how the gateway is, as a terminal is to have it, at once.
func (t top) show(ctx context.Context, as func(string) string) error {
	var s live.Status
	if err := t.get(ctx, t.path, &s); err != nil {
		return err
	}
	var b strings.Builder
	if err := s.WriteText(&b); err != nil {
		return err
	}
	_, err := io.WriteString(t.out, as(b.String()))
	return err
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

func gatewayFlag(cmd *cobra.Command, address *string) {
	cmd.Flags().StringVar(address, "gateway", os.Getenv("MODTIER_GATEWAY"),
		"`URL` of the gateway, such as https://USER:PASSWORD@host (default MODTIER_GATEWAY, or the one of the configuration on this machine)")
	cmd.Flags().Lookup("gateway").DefValue = "" // it may hold a password, and help is shown to anyone
}
