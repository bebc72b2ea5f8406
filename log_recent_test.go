package main

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestRecentProblems(t *testing.T) {
	newLog := func() (*slog.Logger, *recentLog, *bytes.Buffer) {
		var out bytes.Buffer
		recent := newRecentLog(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelInfo}))
		return slog.New(recent), recent, &out
	}
	t.Run("warnings and errors are kept with what they say, the newest first", func(t *testing.T) {
		log, recent, out := newLog()
		log.Info("nothing", "n", 1)
		log.Warn("a store fails", "store", "s3", "err", "connection refused")
		log.With("type", "etcd").WithGroup("g").Error("worse", "n", 2)
		got := recent.Problems()
		if len(got) != 2 || got[0].Level != "ERROR" || got[0].Message != "worse" || got[0].Detail != "type=etcd g.n=2" || got[0].Times != 1 ||
			got[1].Level != "WARN" || got[1].Detail != `store=s3 err="connection refused"` || got[1].Time.IsZero() {
			t.Errorf("got %+v", got)
		}
		if n := strings.Count(out.String(), "\n"); n != 3 {
			t.Errorf("the log itself has %d lines, want all 3", n)
		}
	})
	t.Run("the same counts up, whatever it took and whoever asked", func(t *testing.T) {
		log, recent, _ := newLog()
		log.Warn("again", "n", 2)
		for i := range 7 {
			log.Warn("again", "n", 1, "duration", i, "remote", fmt.Sprint(i))
			log.Warn("other")
		}
		if got := recent.Problems(); len(got) != 3 || got[0].Message != "other" || got[1].Times != 7 || got[2].Times != 1 {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("they are bounded in number and length", func(t *testing.T) {
		log, recent, _ := newLog()
		for i := range recentProblems + 10 {
			log.Error(fmt.Sprint(i)+strings.Repeat("ä", 1000), "n", i, "long", strings.Repeat("ö", 100_000))
		}
		got := recent.Problems()
		if len(got) != recentProblems || !strings.HasPrefix(got[0].Detail, "n=59 ") {
			t.Fatalf("got %d, the newest %.40q", len(got), got[0].Detail)
		}
		for _, p := range got {
			if len(p.Message) > maxMessage+3 || len(p.Detail) > maxDetail+3 || !utf8.ValidString(p.Message+p.Detail) {
				t.Errorf("kept %d and %d bytes", len(p.Message), len(p.Detail))
			}
		}
		if c := recent.kept.line.Cap(); c > 16*maxDetail {
			t.Errorf("the buffer keeps %d bytes", c)
		}
	})
	t.Run("what an outage says of each module leaves room for what began it", func(t *testing.T) {
		log, recent, _ := newLog()
		log.Error("a store is down", "store", "s3")
		for i := range 1000 {
			log.Warn("a list may be without versions", "module", i)
		}
		got := recent.Problems()
		if len(got) != recentAlike+1 || got[0].Detail != "module=999" || got[recentAlike].Message != "a store is down" {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("what the log leaves out is not kept", func(t *testing.T) {
		var out bytes.Buffer
		recent := newRecentLog(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelError}))
		slog.New(recent).Warn("quiet")
		if got := recent.Problems(); len(got) != 0 {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("many may write at once", func(t *testing.T) {
		log, recent, _ := newLog()
		done := make(chan struct{})
		for i := range 8 {
			go func() {
				defer func() { done <- struct{}{} }()
				for j := range 50 {
					log.Warn("at once", "who", fmt.Sprint(i, j))
				}
			}()
		}
		for range 8 {
			<-done
		}
		for _, p := range recent.Problems() {
			if strings.Count(p.Detail, "who=") != 1 {
				t.Errorf("mixed: %q", p.Detail)
			}
		}
	})
}
