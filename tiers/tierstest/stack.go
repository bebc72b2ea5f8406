package tierstest

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"testing"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/tiers"
)

// Stack returns a stack over stores, the fastest first, for the time of the test.
// It waits for its saves, and then drops from its caches what the stores have, so
// that reads come from these.
func Stack(t *testing.T, stores ...tiers.Level) tiers.Store {
	t.Helper()
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	disk, err := tiers.OpenDisk(t.TempDir(), tiers.DiskLimits{Size: 1 << 30}, log)
	if err != nil {
		t.Fatal(err)
	}
	s := &tiers.Stack{
		Caches: []tiers.Cache{disk},
		Disk:   disk,
		Stores: stores,
		Queue:  &tiers.Queue{Through: true},
		Log:    log,
	}
	t.Cleanup(func() {
		s.Queue.Close()
		s.Drain(context.Background()) // of fills
		if err := disk.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return forgetful{s}
}

type forgetful struct{ *tiers.Stack }

func (s forgetful) Save(ctx context.Context, v module.Version, f tiers.Files) error {
	if err := s.Stack.Save(ctx, v, f); err != nil {
		return err
	}
	for _, l := range s.Stores {
		// One that holds whole versions only leaves a lone go.mod to the disk.
		o, err := l.Open(ctx, Ref(v, tiers.Mod))
		if err != nil {
			return nil
		}
		o.Body.Close()
	}
	if err := s.Forget(ctx, v); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
