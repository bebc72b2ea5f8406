package direct

import (
	"context"
	"runtime"
)

const FewPacks = fewPacks

// Verdict is what a text of the go command means.
func Verdict(text string) error {
	f := &Fetcher{GithubToken: "sesame", place: place{dir: "/x/modtier-direct/0"}}
	return f.verdict(text)
}

// AwaitWaiting returns once n wait for fetches.
func AwaitWaiting(f *Fetcher, n int) {
	for {
		f.fetches.mu.Lock()
		waiting := 0
		for _, fl := range f.fetches.m {
			waiting += fl.waiting
		}
		f.fetches.mu.Unlock()
		if waiting >= n {
			return
		}
		runtime.Gosched()
	}
}

// Borrow takes the clone of path away until it is released.
func Borrow(f *Fetcher, path string) (release func()) {
	if err := f.open(); err != nil {
		panic(err)
	}
	l, err := f.shelf.borrow(context.Background(), path, true)
	if err != nil {
		panic(err)
	}
	return l.back
}
