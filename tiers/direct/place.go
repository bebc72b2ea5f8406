package direct

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// A place is a directory that this process has for itself while it holds the lock:
//
//	N.lock      held
//	N/clones/   the shelf
//	N/run/      a room for each command that runs
//	N/zips/     results that wait for their reader
type place struct {
	dir  string
	lock *os.File
	temp bool // nothing is to stay
}

const maxPlaces = 64

// takePlace takes the first free place below dir and clears it of what a process
// that died left behind, and its neighbours that nobody has of everything.
func takePlace(dir string) (place, error) {
	if dir == "" {
		dir, err := os.MkdirTemp("", "modtier-direct-")
		return place{dir: dir, temp: true}, err
	}
	dir, err := filepath.Abs(filepath.Join(dir, "modtier-direct"))
	if err != nil {
		return place{}, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return place{}, err
	}
	// In a directory like /tmp somebody else could have made it first, with
	// repositories of their choice.
	if err := checkOwner(dir); err != nil {
		return place{}, err
	}
	var taken place
	for n := range maxPlaces {
		p := filepath.Join(dir, strconv.Itoa(n))
		if taken.lock != nil {
			if _, err := os.Lstat(p); err != nil {
				break
			}
		}
		lock := tryLock(p + ".lock")
		switch {
		case lock == nil:
		case taken.lock == nil:
			taken = place{dir: p, lock: lock}
		default:
			os.RemoveAll(p) // what remains is the next one's to remove
			lock.Close()
		}
	}
	if taken.lock == nil {
		return place{}, fmt.Errorf("%d processes use %s, or it cannot be locked", maxPlaces, dir)
	}
	return taken, errors.Join(taken.clear(), os.MkdirAll(taken.dir, 0o700))
}

// clear removes what belongs to commands and results.
func (p place) clear() error {
	return errors.Join(os.RemoveAll(filepath.Join(p.dir, "run")), os.RemoveAll(filepath.Join(p.dir, "zips")))
}

// leave gives the place back.
func (p place) leave() error {
	if p.temp {
		return os.RemoveAll(p.dir)
	}
	if p.lock == nil {
		return nil
	}
	defer p.lock.Close()
	return p.clear()
}
