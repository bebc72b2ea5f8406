package bucket_test

import (
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"time"
)

var errLost = errors.New("the connection was reset")

// A memory is a bucket in memory, of a service that is not as it should be.
type memory struct {
	ignoresWrite  func(tag string) bool // it writes whatever the condition
	ignoresRemove bool
	noAge         bool
	hangs         chan struct{} // writes wait until it is closed

	// lost says whether the answer of a request is lost after all was done.
	lost func(op, key string) bool

	mu      sync.Mutex // guards what follows
	objects map[string]kept
	asked   []string // each request: what, and of what
}

type kept struct {
	content string
	at      time.Time
}

// tag is a hash, as it is for Amazon.
func (o kept) tag() string { return fmt.Sprintf("%x", md5.Sum([]byte(o.content))) }

func (m *memory) ReadObject(ctx context.Context, key string) ([]byte, string, time.Duration, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked = append(m.asked, "read "+key)
	o, ok := m.objects[key]
	if !ok {
		return nil, "", -1, fs.ErrNotExist
	}
	age := time.Since(o.at).Truncate(time.Second)
	if m.noAge {
		age = -1
	}
	return []byte(o.content), o.tag(), age, nil
}

func (m *memory) WriteObject(ctx context.Context, key string, content []byte, tag string) (string, error) {
	if m.hangs != nil {
		<-m.hangs
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked = append(m.asked, "write "+key)
	o, ok := m.objects[key]
	met := !ok && tag == "" || ok && o.tag() == tag
	if !met && (m.ignoresWrite == nil || !m.ignoresWrite(tag)) {
		return "", fs.ErrExist
	}
	o = kept{string(content), time.Now()}
	m.set(key, o)
	if m.lost != nil && m.lost("write", key) {
		return "", errLost
	}
	return o.tag(), nil
}

func (m *memory) RemoveObject(ctx context.Context, key, tag string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked = append(m.asked, "remove "+key)
	if o, ok := m.objects[key]; ok && tag != "" && o.tag() != tag && !m.ignoresRemove {
		return fs.ErrExist
	}
	delete(m.objects, key)
	return nil
}

func (m *memory) set(key string, o kept) {
	if m.objects == nil {
		m.objects = make(map[string]kept)
	}
	m.objects[key] = o
}

// put makes an object that is as old as that.
func (m *memory) put(key, content string, age time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.set(key, kept{content, time.Now().Add(-age)})
}

func (m *memory) get(key string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.objects[key].content
}

// requests returns the requests about locks since the last call, in a line.
func (m *memory) requests() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var ops []string
	for _, s := range m.asked {
		if op, key, _ := strings.Cut(s, " "); !strings.Contains(key, "=probe-") {
			ops = append(ops, op)
		}
	}
	m.asked = nil
	return strings.Join(ops, " ")
}

func (m *memory) size() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.objects)
}
