//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// A site is what one run has started.
type site struct {
	dir string   // each server has a directory below it
	env []string // what tests must know of the servers that are ready

	places []*place
	taken  map[string]bool // addresses
}

// start starts the servers, and waits until all are ready. One that does not
// get ready is stopped again, and missing is true. The paths of the programs
// are in env.
func (s *site) start(ctx context.Context, servers []server, env []string) (missing bool) {
	s.taken = make(map[string]bool)
	for _, server := range servers {
		if server.start == nil {
			continue
		}
		p := &place{site: s, name: server.name, dir: filepath.Join(s.dir, server.name), programs: env}
		s.places = append(s.places, p)
		if p.err = os.Mkdir(p.dir, 0o700); p.err == nil {
			p.err = server.start(p)
		}
	}
	for _, p := range s.places {
		if p.err == nil {
			p.err = p.await(ctx)
		}
		if p.err != nil {
			say("without %s: %v", p.name, p.err)
			p.stop()
			missing = true
			continue
		}
		s.env = append(s.env, p.exported...)
	}
	return missing
}

// stop stops the servers. It tells of those that had ended before.
func (s *site) stop() {
	for _, p := range s.places {
		if err := p.ended(); err != nil && p.err == nil {
			say("%s: %v", p.name, err)
		}
		p.stop()
	}
}

// A place is where one server runs.
type place struct {
	site     *site
	name     string
	dir      string
	programs []string // VARIABLE=path
	env      []string // for its processes alone

	exported  []string
	checks    []check
	processes []*process
	err       error // why it is not up
}

func (p *place) export(variable, value string) {
	p.exported = append(p.exported, variable+"="+value)
}

func (p *place) readyWhen(c check) { p.checks = append(p.checks, c) }

// address returns a free loopback address. It is below the ports that the
// kernel gives to connections, so that it is still free when the server comes
// to take it, and when a test has it come a second time.
func (p *place) address() string {
	for {
		addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(20_000+rand.IntN(12_000)))
		if p.site.taken[addr] {
			continue
		}
		if l, err := net.Listen("tcp", addr); err == nil {
			l.Close()
			p.site.taken[addr] = true
			return addr
		}
	}
}

func split(addr string) (host, port string) {
	host, port, _ = strings.Cut(addr, ":")
	return host, port
}

// subdir makes a directory for the server.
func (p *place) subdir(name string) (string, error) {
	dir := filepath.Join(p.dir, name)
	return dir, os.Mkdir(dir, 0o700)
}

// run starts a process.
func (p *place) run(name string, args ...string) error {
	variable := program{name: name}.variable() + "="
	for _, s := range p.programs {
		if path, ok := strings.CutPrefix(s, variable); ok {
			log, err := os.Create(filepath.Join(p.site.dir, fmt.Sprintf("%s.%d.log", p.name, len(p.processes))))
			if err != nil {
				return err
			}
			defer log.Close() // the process has its own
			cmd := exec.Command(path, args...)
			cmd.Dir = p.dir
			cmd.Env = append(os.Environ(), p.env...)
			cmd.Stdout, cmd.Stderr = log, log
			c, err := launch(cmd)
			if err != nil {
				return err
			}
			p.processes = append(p.processes, c)
			return nil
		}
	}
	return errors.New("no program " + name)
}

// await waits until the server is ready, for a minute at most.
func (p *place) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for _, check := range p.checks {
		for {
			notYet := check(ctx)
			if notYet == nil {
				break
			}
			if err := p.ended(); err != nil {
				return err
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("not ready: %w", notYet)
			case <-time.After(50 * time.Millisecond):
			}
		}
	}
	return nil
}

// ended returns an error if a process of the server has ended, with its last words.
func (p *place) ended() error {
	for i, c := range p.processes {
		select {
		case <-c.done:
			log, err := os.ReadFile(filepath.Join(p.site.dir, fmt.Sprintf("%s.%d.log", p.name, i)))
			if err != nil {
				return err
			}
			return fmt.Errorf("it has ended by itself: %v: %s", c.cmd.ProcessState, lastWords(string(log)))
		default:
		}
	}
	return nil
}

// stop ends the processes at once: nobody will read what they have written.
func (p *place) stop() {
	for _, c := range p.processes {
		select {
		case <-c.done: // long ago, perhaps, and its number may be another's now
		default:
			c.kill()
		}
	}
}
