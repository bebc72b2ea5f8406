package bucket

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"time"
)

// memory is a client for what no real server can be brought to: objects of any
// age, and short pages. It counts what it is asked.
type memory struct {
	mu      sync.Mutex
	objects map[string]kept
	page    int // keys on a page; 0 is 1000
	asked   []string

	before func(call, key string) error // called before each; nil is none
}

type kept struct {
	content string
	modTime time.Time
}

func (m *memory) ask(ctx context.Context, call, key string) error {
	m.mu.Lock()
	m.asked = append(m.asked, call+" "+key)
	before := m.before
	m.mu.Unlock()
	if before != nil {
		if err := before(call, key); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// requests returns what was asked since the last time.
func (m *memory) requests() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	asked := m.asked
	m.asked = nil
	return asked
}

func (m *memory) put(key, content string, age time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.objects == nil {
		m.objects = make(map[string]kept)
	}
	m.objects[key] = kept{content: content, modTime: time.Now().Add(-age)}
}

func (m *memory) content(key string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.objects[key].content
}

func (m *memory) check(ctx context.Context) error { return m.ask(ctx, "check", "") }

func (m *memory) get(ctx context.Context, key string) (*object, error) {
	if err := m.ask(ctx, "get", key); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	o, ok := m.objects[key]
	if !ok {
		return nil, fmt.Errorf("of this client: %w", fs.ErrNotExist)
	}
	return &object{body: io.NopCloser(strings.NewReader(o.content)), size: int64(len(o.content)), modTime: o.modTime}, nil
}

func (m *memory) create(ctx context.Context, key, _ string, body *io.SectionReader) error {
	if err := m.ask(ctx, "create", key); err != nil {
		return err
	}
	var b bytes.Buffer
	if _, err := io.Copy(&b, body); err != nil {
		return err
	}
	m.mu.Lock()
	_, ok := m.objects[key]
	m.mu.Unlock()
	if ok {
		return fs.ErrExist
	}
	m.put(key, b.String(), 0)
	return nil
}

func (m *memory) remove(ctx context.Context, key string) error {
	if err := m.ask(ctx, "remove", key); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.objects, key)
	return nil
}

func (m *memory) list(ctx context.Context, prefix, after string, limit int) (keys []string, more bool, err error) {
	if err := m.ask(ctx, "list", prefix); err != nil {
		return nil, false, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for key := range m.objects {
		if strings.HasPrefix(key, prefix) && key > after {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	page := cmp.Or(m.page, 1000)
	if limit > 0 {
		page = min(page, limit)
	}
	return keys[:min(page, len(keys))], len(keys) > page, nil
}
