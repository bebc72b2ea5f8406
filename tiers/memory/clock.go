package memory

import (
	"sync/atomic"
	"time"
)

// A clock counts seconds. To ask the time at each hit would cost more than to find
// the file, and a file that many read at once would be written to by all of them.
type clock struct {
	seconds atomic.Int64
	end     chan struct{}
	ended   chan struct{}
}

func (c *clock) start() {
	c.end, c.ended = make(chan struct{}), make(chan struct{})
	go func() {
		defer close(c.ended)
		from, tick := time.Now(), time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case now := <-tick.C:
				c.seconds.Store(int64(now.Sub(from) / time.Second))
			case <-c.end:
				return
			}
		}
	}()
}

func (c *clock) stop() {
	close(c.end)
	<-c.ended
}

// mark sets m to now, at most once a second.
func (c *clock) mark(m *atomic.Int64) {
	if now := c.seconds.Load(); now != m.Load() {
		m.Store(now)
	}
}

// since returns the time from m until now.
func (c *clock) since(m *atomic.Int64) time.Duration {
	return time.Duration(c.seconds.Load()-m.Load()) * time.Second
}
