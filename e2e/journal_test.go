package e2e

import (
	"bytes"
	"encoding/json"
	"strings"
	"sync"
	"time"
)

// maxLines is how many lines of a log are kept.
const maxLines = 300

// A journal keeps the end of a log in JSON, a line an entry.
type journal struct {
	mu      sync.Mutex // guards all below
	part    []byte     // of a line
	lines   []string
	raced   bool
	changed chan struct{} // closed at the next line; nil while nobody waits
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.part = append(j.part, b...)
	for {
		line, rest, ok := bytes.Cut(j.part, []byte("\n"))
		if !ok {
			break
		}
		j.lines = append(j.lines, string(line))
		j.raced = j.raced || bytes.Contains(line, []byte("WARNING: DATA RACE"))
		j.part = rest
	}
	j.lines = j.lines[max(0, len(j.lines)-maxLines):]
	if j.changed != nil {
		close(j.changed)
		j.changed = nil
	}
	return len(b), nil
}

// String returns what is kept.
func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Join(j.lines, "\n") + "\n" + string(j.part)
}

// await returns the first entry whose message is msg. It reports false if there
// is none when ended is closed or patience is at its end.
func (j *journal) await(msg string, ended <-chan struct{}) (map[string]any, bool) {
	late := time.After(patience)
	for over := false; ; {
		j.mu.Lock()
		for _, line := range j.lines {
			var entry map[string]any
			if strings.Contains(line, msg) && json.Unmarshal([]byte(line), &entry) == nil && entry["msg"] == msg {
				j.mu.Unlock()
				return entry, true
			}
		}
		if j.changed == nil {
			j.changed = make(chan struct{})
		}
		changed := j.changed
		j.mu.Unlock()
		if over {
			return nil, false
		}
		select {
		case <-changed:
		case <-ended:
			over = true // all that was written is in by now
		case <-late:
			return nil, false
		}
	}
}
