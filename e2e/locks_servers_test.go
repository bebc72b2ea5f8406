package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A lockServer is a process of a lock service, for one test.
type lockServer struct {
	t      testing.TB
	addr   string // host:port
	args   []string
	cmd    *exec.Cmd
	exited chan struct{}
}

// newLockServer starts one, which ends with the test.
func newLockServer(t testing.TB, addr string, args ...string) *lockServer {
	t.Helper()
	s := &lockServer{t: t, addr: addr, args: args}
	s.start()
	t.Cleanup(s.kill)
	return s
}

// start starts the server, anew if it was killed: it has the same address then.
func (s *lockServer) start() {
	s.t.Helper()
	cmd, exited := exec.Command(s.args[0], s.args[1:]...), make(chan struct{})
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func() {
		cmd.Wait()
		close(exited)
	}()
	s.cmd, s.exited = cmd, exited
}

// kill ends the server, also one that is paused.
func (s *lockServer) kill() {
	s.resume()
	s.cmd.Process.Kill()
	<-s.exited
}

func (s *lockServer) pause()  { s.cmd.Process.Signal(syscall.SIGSTOP) }
func (s *lockServer) resume() { s.cmd.Process.Signal(syscall.SIGCONT) }

// newRedis starts a Redis, and waits until it answers.
func newRedis(t testing.TB, args ...string) *lockServer {
	t.Helper()
	addr := vacant(t)
	_, port, _ := net.SplitHostPort(addr)
	s := newLockServer(t, addr, append([]string{fromMake(t, "MODTIER_TEST_REDIS_SERVER_BIN"),
		"--bind", "127.0.0.1", "--port", port, "--dir", t.TempDir(), "--save", "", "--appendonly", "no"}, args...)...)
	eventually(t, "Redis answers", func() bool { return strings.HasPrefix(s.redisSays("PING"), "+PONG") })
	return s
}

// redisSays returns what a Redis or a sentinel answers to a command, as it is on the
// wire, or "" if it does not answer.
func (s *lockServer) redisSays(command string) string {
	conn, err := net.DialTimeout("tcp", s.addr, time.Second)
	if err != nil {
		return ""
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(time.Second))
	// Whoever says something that is not known is told so, after all before it.
	const end = "modtier-is-through"
	if _, err := fmt.Fprintf(conn, "%s\r\n%s\r\n", command, end); err != nil {
		return ""
	}
	var said strings.Builder
	for b := make([]byte, 4096); !strings.Contains(said.String(), end); {
		n, err := conn.Read(b)
		said.Write(b[:n])
		if err != nil {
			return ""
		}
	}
	return said.String()
}

// newSentinels starts a master with two replicas, and three sentinels that take it
// for dead after a second.
func newSentinels(t testing.TB) (master *lockServer, sentinels []string) {
	t.Helper()
	master = newRedis(t, "--repl-diskless-sync-delay", "0")
	host, port, _ := net.SplitHostPort(master.addr)
	for range 2 {
		newRedis(t, "--replicaof", host+" "+port)
	}
	var all []*lockServer
	for range 3 {
		addr := vacant(t)
		_, own, _ := net.SplitHostPort(addr)
		conf := filepath.Join(t.TempDir(), "sentinel.conf") // it writes to it
		put(t, conf, []byte(strings.Join([]string{
			"bind 127.0.0.1", "port " + own, "dir " + filepath.Dir(conf),
			"sentinel monitor mymaster " + host + " " + port + " 2",
			"sentinel down-after-milliseconds mymaster 1000",
			"sentinel failover-timeout mymaster 5000", "",
		}, "\n")))
		all = append(all, newLockServer(t, addr, fromMake(t, "MODTIER_TEST_REDIS_SERVER_BIN"), conf, "--sentinel"))
		sentinels = append(sentinels, addr)
	}
	for _, s := range all {
		// By itself, a sentinel asks for replicas but every ten seconds.
		eventually(t, "the sentinel knows all others", func() bool {
			said := s.redisSays("SENTINEL DEBUG info-period 200\r\nSENTINEL MASTER mymaster")
			said = strings.ReplaceAll(said, "\r\n", " ")
			return strings.Contains(said, " num-slaves $1 2 ") && strings.Contains(said, " num-other-sentinels $1 2 ")
		})
	}
	return master, sentinels
}

// newEtcd starts an etcd of so many members, and waits until each answers.
func newEtcd(t testing.TB, members int) (all []*lockServer, endpoints string) {
	t.Helper()
	var peers, cluster, urls []string
	for i := range members {
		peers = append(peers, "http://"+vacant(t))
		cluster = append(cluster, fmt.Sprintf("e%d=%s", i, peers[i]))
	}
	for i := range members {
		addr := vacant(t)
		urls = append(urls, "http://"+addr)
		all = append(all, newLockServer(t, addr, fromMake(t, "MODTIER_TEST_ETCD_BIN"), "--name", fmt.Sprint("e", i), "--data-dir", t.TempDir(),
			"--listen-client-urls", urls[i], "--advertise-client-urls", urls[i],
			"--listen-peer-urls", peers[i], "--initial-advertise-peer-urls", peers[i],
			"--initial-cluster", strings.Join(cluster, ","), "--log-level", "fatal", "--unsafe-no-fsync"))
	}
	for _, s := range all {
		eventually(t, "etcd answers", func() bool {
			_, err := s.etcdLeads()
			return err == nil
		})
	}
	return all, strings.Join(urls, ",")
}

// etcdLeads reports whether a member is the leader.
func (s *lockServer) etcdLeads() (bool, error) {
	client := &http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Post("http://"+s.addr+"/v3/maintenance/status", "application/json", strings.NewReader("{}"))
	if err != nil {
		return false, err
	}
	defer resp.Body.Close()
	var status struct {
		Header struct {
			MemberID string `json:"member_id"`
		}
		Leader string
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<16)).Decode(&status); err != nil {
		return false, err
	}
	if status.Leader == "" || status.Leader == "0" {
		return false, fmt.Errorf("etcd at %s knows no leader", s.addr)
	}
	return status.Leader == status.Header.MemberID, nil
}
