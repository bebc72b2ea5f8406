//go:build unix

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const redisPassword, sentinelPassword = "s3cret", "sentpass"

// startRedis starts a master, mymaster, with two replicas and three sentinels.
func startRedis(p *place) error {
	master := p.address()
	host, port := split(master)
	p.export("MODTIER_TEST_REDIS_URL", "redis://:"+redisPassword+"@"+master)
	for i, addr := range []string{master, p.address(), p.address()} {
		conf := []string{
			"requirepass " + redisPassword, "masterauth " + redisPassword,
			`save ""`, "appendonly no", "repl-diskless-sync-delay 0", "repl-ping-replica-period 1",
		}
		if i > 0 {
			conf = append(conf, "replicaof "+host+" "+port)
		}
		if err := runRedis(p, addr, conf); err != nil {
			return err
		}
	}
	var sentinels []string
	for range 3 {
		addr := p.address()
		sentinels = append(sentinels, addr)
		p.readyWhen(watches(addr))
		if err := runRedis(p, addr, []string{
			"requirepass " + sentinelPassword, "sentinel sentinel-pass " + sentinelPassword,
			"sentinel monitor mymaster " + host + " " + port + " 2",
			"sentinel auth-pass mymaster " + redisPassword,
			// A master is not to be taken for dead on a machine that compiles beside.
			"sentinel down-after-milliseconds mymaster 10000",
			"sentinel failover-timeout mymaster 5000",
		}, "--sentinel"); err != nil {
			return err
		}
	}
	p.export("MODTIER_TEST_REDIS_SENTINELS", strings.Join(sentinels, ","))
	p.export("MODTIER_TEST_REDIS_SENTINEL_PASSWORD", sentinelPassword)
	return nil
}

// runRedis starts one node. Passwords go in by its file, which a sentinel also
// writes to.
func runRedis(p *place, addr string, conf []string, args ...string) error {
	host, port := split(addr)
	dir, err := p.subdir(port)
	if err != nil {
		return err
	}
	conf = append([]string{"bind " + host, "port " + port, "dir " + dir}, conf...)
	name := filepath.Join(dir, "redis.conf")
	if err := os.WriteFile(name, []byte(strings.Join(conf, "\n")+"\n"), 0o600); err != nil {
		return err
	}
	return p.run("redis-server", append([]string{name}, args...)...)
}

// watches checks that a sentinel knows both replicas and the two others, as it
// must for a failover.
func watches(addr string) check {
	return func(ctx context.Context) error {
		var d net.Dialer
		conn, err := d.DialContext(ctx, "tcp", addr)
		if err != nil {
			return err
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(time.Second))
		// By itself, a sentinel asks for replicas but every ten seconds.
		const ask = "AUTH %s\r\nSENTINEL DEBUG info-period 200\r\nSENTINEL MASTER mymaster\r\n"
		if _, err := fmt.Fprintf(conn, ask, sentinelPassword); err != nil {
			return err
		}
		left, field := 2, ""
		for lines := bufio.NewScanner(conn); left > 0 && lines.Scan(); {
			line := lines.Text()
			switch {
			case strings.HasPrefix(line, "$"): // a length
			case field == "num-slaves" && line == "2", field == "num-other-sentinels" && line == "2":
				left--
				field = line
			case field == "parallel-syncs": // the last one
				return errors.New("a sentinel does not know all others")
			default:
				field = line
			}
		}
		if left > 0 {
			return errors.New("a sentinel does not say what it knows")
		}
		return nil
	}
}
