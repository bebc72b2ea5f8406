package tiers

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// ErrUnknown says that a checksum database does not know a version: it is
// private, or no more where the database looks for it.
var ErrUnknown = errors.New("not known to the checksum database")

// A SumsReader returns what the checksum database called name answers for path,
// "lookup/..." or "tile/..." as the database's protocol has them. If the database
// says that it lacks that, the error matches fs.ErrNotExist.
type SumsReader func(ctx context.Context, name, path string) ([]byte, error)

const (
	maxSums     = 1 << 20 // of one answer, in bytes
	sumsTimeout = 30 * time.Second
)

// Sums asks a checksum database (https://go.dev/ref/mod#checksum-database) for
// the hashes of versions. It is safe for concurrent use.
//
// With the database's public key each answer is proved: it is part of a log that
// the key has signed, and the log only grows. It does not matter then who passes
// the answers on. Without it they are believed: ask the database itself over
// TLS, since a proxy that sends a tampered file can send its hash as well.
type Sums struct {
	name string
	key  string         // the public key, name+hash+key; empty if it is not known
	keys note.Verifiers // has key alone
	read SumsReader
	disk *Disk
	log  *slog.Logger

	// remembered has what the disk may fail to keep, so that a full disk does
	// not make each lookup fetch the same tiles.
	remembered *lru.Cache[string, []byte]

	mu        sync.Mutex // guards all below
	latest    []byte     // the signed head of the newest log seen
	dishonest bool       // the database has signed two logs
}

const (
	maxRemembered     = 256
	maxRememberedSize = 16 << 10 // a tile has 8 KiB
)

// OpenSums returns the client of the database db, given as name or as
// name+hash+key. The go command's default database needs only its name, whose
// key is known.
//
// What is proved is kept as notes on d; nil is nowhere. The head of the log is one
// of them: when it is lost, to eviction say, a restart begins to watch the log anew.
func OpenSums(db string, read SumsReader, d *Disk, log *slog.Logger) (*Sums, error) {
	name, _, hasKey := strings.Cut(db, "+")
	if !fs.ValidPath(name) || name == "." {
		return nil, fmt.Errorf("checksum database: %q is no name", name)
	}
	s := &Sums{name: name, read: read, disk: d, log: log}
	s.remembered, _ = lru.New[string, []byte](maxRemembered) // fails for no size only
	if hasKey {
		v, err := note.NewVerifier(db)
		if err != nil {
			return nil, fmt.Errorf("checksum database %s: its key: %w", name, err)
		}
		s.key, s.keys = db, note.VerifierList(v)
	} else if key, v := knownKey(name); v != nil {
		s.key, s.keys = key, note.VerifierList(v)
	} else {
		log.Warn("the checksum database's key is not known: its answers are believed without proof", "database", name)
		return s, nil
	}
	if b, err := s.readNote("latest"); err == nil && len(b) > 0 {
		if _, err := note.Open(b, s.keys); err != nil {
			log.Warn("the last log of the checksum database is not readable; watching it anew", "database", name, "err", err)
		} else {
			s.latest = b
		}
	}
	return s, nil
}

// knownKeys are the keys of the databases whose names the go command takes
// without one. The hash in a key is of the database's name too, so that a key fits
// one name only, which needs not be written here.
var knownKeys = [...]string{"033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"}

func knownKey(name string) (string, note.Verifier) {
	for _, k := range knownKeys {
		if v, err := note.NewVerifier(name + "+" + k); err == nil {
			return name + "+" + k, v
		}
	}
	return "", nil
}

// Name returns the database's name.
func (s *Sums) Name() string { return s.name }

// Proved reports whether the database's key is known, so that its answers are
// proved.
func (s *Sums) Proved() bool { return s.key != "" }

// Lookup returns the go.sum lines of v: of its zip and of its go.mod. If the
// database does not know v, the error matches ErrUnknown; any other says nothing
// about v. Once the database has been found to tell different things to different
// clients, every lookup fails.
func (s *Sums) Lookup(ctx context.Context, v module.Version) ([]string, error) {
	lines, err := s.lookup(ctx, v)
	if err != nil {
		return nil, fmt.Errorf("checksum database %s: %s: %w", s.name, v, err)
	}
	return lines, nil
}

func (s *Sums) lookup(ctx context.Context, v module.Version) ([]string, error) {
	if s.key == "" {
		return s.believe(ctx, v)
	}
	a := &asking{Sums: s, ctx: ctx}
	lines, err := a.prove(v)
	if err != nil && a.used.Load() && a.failure() == nil && !s.isDishonest() {
		// What was kept may be what is wrong: nobody checked it on the way
		// back from the disk.
		a = &asking{Sums: s, ctx: ctx, anew: true}
		lines, err = a.prove(v)
	}
	if s.isDishonest() {
		return nil, sumdb.ErrSecurity
	}
	return some(lines, err)
}

// some makes an error of a record that is of another version.
func some(lines []string, err error) ([]string, error) {
	if err == nil && len(lines) == 0 {
		err = errors.New("the answer has no line of that version")
	}
	return lines, err
}

// believe returns the lines without proof.
func (s *Sums) believe(ctx context.Context, v module.Version) ([]string, error) {
	path, err := lookupPath(v)
	if err != nil {
		return nil, err
	}
	b, err := s.fetch(ctx, path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("%w: %v", ErrUnknown, err)
		}
		return nil, err
	}
	_, text, _, err := tlog.ParseRecord(b)
	if err != nil {
		return nil, err
	}
	var lines []string
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, v.Path+" "+v.Version+" ") || strings.HasPrefix(line, v.Path+" "+v.Version+"/go.mod ") {
			lines = append(lines, line)
		}
	}
	return some(lines, nil)
}

// fetch asks the database, once.
func (s *Sums) fetch(ctx context.Context, path string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, sumsTimeout)
	defer cancel()
	b, err := s.read(ctx, s.name, path)
	if err == nil && len(b) > maxSums {
		err = fmt.Errorf("%s: %d bytes", path, len(b))
	}
	return b, err
}

func lookupPath(v module.Version) (string, error) {
	p, err := module.EscapePath(v.Path)
	if err != nil {
		return "", err
	}
	version, err := module.EscapeVersion(v.Version)
	if err != nil {
		return "", err
	}
	return "lookup/" + p + "@" + version, nil
}

func (s *Sums) isDishonest() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dishonest
}

// readNote and writeNote keep what is the database's below its own name.

func (s *Sums) readNote(name string) ([]byte, error) {
	if b, ok := s.remembered.Get(name); ok {
		return slices.Clone(b), nil
	}
	if s.disk == nil {
		return nil, fs.ErrNotExist
	}
	b, _, err := s.disk.ReadNote(s.noteName(name))
	return b, err
}

func (s *Sums) writeNote(name string, b []byte) {
	if len(b) <= maxRememberedSize && name != "latest" {
		s.remembered.Add(name, slices.Clone(b))
	}
	if s.disk == nil {
		return
	}
	if err := s.disk.WriteNote(s.noteName(name), b); err != nil {
		s.log.Debug("an answer of the checksum database is not kept", "err", err) // it can be asked for again
	}
}

func (s *Sums) noteName(name string) string {
	return "sumdb-client/" + strings.ToLower(s.name) + "/" + name
}
