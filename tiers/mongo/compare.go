package mongo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/tiers"
)

// compare tells of the first file in which a save that came too late differs from
// what is stored.
func (s *Store) compare(ctx context.Context, v module.Version, f tiers.Files, d *document, stored *file) error {
	if s.compareMod(v, d, f) {
		return nil
	}
	h := sha256.New()
	if _, err := io.Copy(h, io.NewSectionReader(f.Zip, 0, f.Zip.Size())); err != nil {
		return fmt.Errorf("reading the zip: %w", err)
	}
	there, err := s.sum(ctx, v, stored)
	if err != nil {
		return err
	}
	if there != hex.EncodeToString(h.Sum(nil)) {
		s.differ(v, tiers.Zip, there, hex.EncodeToString(h.Sum(nil)))
		return nil
	}
	if a, b := sum(d.Info), sum(f.Info); a != b {
		s.differ(v, tiers.Info, a, b)
	}
	return nil
}

// compareMod reports whether the go.mod differs, and tells of it.
func (s *Store) compareMod(v module.Version, d *document, f tiers.Files) bool {
	stored, refused := sum(d.Mod), sum(f.Mod)
	if stored == refused {
		return false
	}
	s.differ(v, tiers.Mod, stored, refused)
	return true
}

func sum(b []byte) string { return fmt.Sprintf("%x", sha256.Sum256(b)) }

// sum returns the SHA-256 of a zip, which one of ours has in its mark.
func (s *Store) sum(ctx context.Context, v module.Version, f *file) (string, error) {
	if f.Mark.SHA256 != "" {
		return f.Mark.SHA256, nil
	}
	b := &body{ctx: ctx, store: s, ref: tiers.Ref{Path: v.Path, Version: v.Version, Kind: tiers.Zip}, file: f}
	defer b.Close()
	if err := b.begin(); err != nil {
		return "", err
	}
	h := sha256.New()
	_, err := io.Copy(h, b)
	return hex.EncodeToString(h.Sum(nil)), err
}

func (s *Store) differ(v module.Version, k tiers.Kind, stored, refused string) {
	d := tiers.Difference{
		Store:   s.name,
		Ref:     tiers.Ref{Path: v.Path, Version: v.Version, Kind: k},
		Stored:  stored,
		Refused: refused,
	}
	if s.differs != nil {
		s.differs(d)
		return
	}
	s.log.Error("other content is stored under the name of what was to be saved",
		"tier", s.name, "file", d.Ref.String(), "stored", stored, "refused", refused)
}
