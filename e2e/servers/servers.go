//go:build unix

package main

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
)

// A server is what tests talk to: one program or a few.
type server struct {
	name      string
	variables []string // what start exports; if one is set, the server is somebody's own
	programs  []program

	// start starts the processes and says what tests must know and when they
	// are ready. It waits for nothing. Nil if tests only run the programs.
	start func(*place) error
}

var servers = []server{
	{"versitygw", []string{"MODTIER_TEST_S3_URL"},
		[]program{{"versitygw", tool("versitygw", "github.com/versity/versitygw/cmd/versitygw")}}, startVersitygw},
	{"fakegcs", []string{"MODTIER_TEST_GCS_URL"},
		[]program{{"fakegcs", tool("fakegcs", "github.com/fsouza/fake-gcs-server")}}, startFakeGCS},
	{"azurite", []string{"MODTIER_TEST_AZURE_URL"},
		[]program{{"azurite", npm("azurite", ".bin/azurite-blob")}}, startAzurite},
	{"mongo", []string{"MODTIER_TEST_MONGO_URI"},
		[]program{{"mongo", tool("mongo", ".")}}, startMongo},
	{"minio", []string{"MODTIER_TEST_MINIO_URL"},
		[]program{{"minio", tool("minio", "github.com/minio/minio")}}, startMinIO},
	{"toxiproxy", []string{"MODTIER_TEST_TOXIPROXY_URL"},
		[]program{{"toxiproxy", tool("toxiproxy", "github.com/Shopify/toxiproxy/v2/cmd/server")}}, startToxiproxy},
	{"etcd", []string{"MODTIER_TEST_ETCD_ENDPOINTS"},
		[]program{
			{"etcd", tool("etcd", "go.etcd.io/etcd/server/v3")},
			{"etcdctl", tool("etcd", "go.etcd.io/etcd/etcdctl/v3")},
		}, startEtcd},
	{"redis", []string{"MODTIER_TEST_REDIS_URL", "MODTIER_TEST_REDIS_SENTINELS", "MODTIER_TEST_REDIS_SENTINEL_PASSWORD"},
		[]program{{"redis-server", debian("redis-server")}}, startRedis},
	{"prometheus", nil,
		[]program{{"prometheus", debian("prometheus")}, {"promtool", debian("prometheus")}}, nil},
	{"chromium", nil,
		[]program{{"chromium", debian("chromium", "fonts-dejavu-core")}}, nil}, // a page without a font shows nothing
	{"axe", nil,
		[]program{{"axe", npm("axe", "axe-core/axe.min.js")}}, nil},
}

// given reports whether the environment names a server of this kind.
func (s server) given() bool {
	return slices.ContainsFunc(s.variables, func(v string) bool { return os.Getenv(v) != "" })
}

func names(all []server) (names []string) {
	for _, s := range all {
		names = append(names, s.name)
	}
	return names
}

// choose returns those of all that only names, separated by commas; all if it is empty.
func choose(all []server, only string) ([]server, error) {
	if only == "" {
		return all, nil
	}
	wanted := strings.Split(only, ",")
	for _, name := range wanted {
		if !slices.Contains(names(all), name) {
			return nil, fmt.Errorf("no server %q; there are %s", name, strings.Join(names(all), " "))
		}
	}
	return slices.DeleteFunc(slices.Clone(all), func(s server) bool { return !slices.Contains(wanted, s.name) }), nil
}

const key, secret = "testaccess", "testsecret123"

func startVersitygw(p *place) error {
	addr := p.address()
	p.export("MODTIER_TEST_S3_URL", "http://"+key+":"+secret+"@"+addr)
	p.readyWhen(answers("http://" + addr + "/health"))
	data, err := p.subdir("data")
	if err != nil {
		return err
	}
	return p.run("versitygw", "--port", addr, "--access", key, "--secret", secret, "--region", "us-east-1",
		"--quiet", "--health", "/health", "posix", data)
}

func startMinIO(p *place) error {
	addr := p.address()
	p.export("MODTIER_TEST_MINIO_URL", "http://"+key+":"+secret+"@"+addr)
	p.readyWhen(says("http://"+addr+"/", "AccessDenied")) // its health page answers before it serves
	p.env = []string{"MINIO_ROOT_USER=" + key, "MINIO_ROOT_PASSWORD=" + secret, "MINIO_BROWSER=off", "MINIO_UPDATE=off"}
	return p.run("minio", "server", p.dir, "--address", addr, "--console-address", p.address())
}

func startFakeGCS(p *place) error {
	addr := p.address()
	host, port := split(addr)
	p.export("MODTIER_TEST_GCS_URL", "http://"+addr)
	p.readyWhen(answers("http://" + addr + "/_internal/healthcheck"))
	// Without the public host each read fails, without the external URL each resumable upload.
	return p.run("fakegcs", "-scheme", "http", "-host", host, "-port", port, "-backend", "memory",
		"-public-host", addr, "-external-url", "http://"+addr, "-log-level", "warn")
}

func startAzurite(p *place) error {
	const account = "devstoreaccount1"
	b := make([]byte, 64)
	rand.Read(b)
	accountKey := base64.StdEncoding.EncodeToString(b)
	addr := p.address()
	host, port := split(addr)
	p.export("MODTIER_TEST_AZURE_URL", "http://"+account+":"+url.QueryEscape(accountKey)+"@"+addr+"/"+account)
	p.readyWhen(answers("http://" + addr + "/"))
	p.env = []string{"AZURITE_ACCOUNTS=" + account + ":" + accountKey}
	// The SDK speaks a newer version of the API than Azurite knows.
	return p.run("azurite", "--blobHost", host, "--blobPort", port, "--location", p.dir, "--silent",
		"--skipApiVersionCheck", "--disableTelemetry")
}

func startMongo(p *place) error {
	addr := p.address()
	p.export("MODTIER_TEST_MONGO_URI", "mongodb://"+addr+"/")
	p.readyWhen(accepts(addr))
	return p.run("mongo", "-listen", addr, "-data", p.dir)
}

func startToxiproxy(p *place) error {
	addr := p.address()
	host, port := split(addr)
	p.export("MODTIER_TEST_TOXIPROXY_URL", "http://"+addr)
	p.readyWhen(answers("http://" + addr + "/version"))
	return p.run("toxiproxy", "-host", host, "-port", port)
}

// startEtcd starts a cluster of three.
func startEtcd(p *place) error {
	var clients, peers, cluster []string
	for i := range 3 {
		clients, peers = append(clients, "http://"+p.address()), append(peers, "http://"+p.address())
		cluster = append(cluster, fmt.Sprintf("e%d=%s", i, peers[i]))
		p.readyWhen(says(clients[i]+"/health", `"health":"true"`))
	}
	p.export("MODTIER_TEST_ETCD_ENDPOINTS", strings.Join(clients, ","))
	for i := range 3 {
		name := fmt.Sprint("e", i)
		data, err := p.subdir(name)
		if err != nil {
			return err
		}
		if err := p.run("etcd", "--name", name, "--data-dir", data,
			"--listen-client-urls", clients[i], "--advertise-client-urls", clients[i],
			"--listen-peer-urls", peers[i], "--initial-advertise-peer-urls", peers[i],
			"--initial-cluster", strings.Join(cluster, ","), "--initial-cluster-state", "new",
			"--log-level", "warn", "--unsafe-no-fsync"); err != nil {
			return err
		}
	}
	return nil
}
