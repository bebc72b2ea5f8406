// Package config reads the configuration: Athens' keys under Athens' names, and
// the keys of the [Tiers] table, which Athens ignores.
//
// It makes plain values of a file, of the environment and of flags, and says
// what is wrong with them in words that a person can act on. It opens nothing,
// asks nobody, and knows no other package of this module: what the values mean
// for tiers and gateway is for wire.go to say.
//
// Start reading at [Load]. Which keys there are, and what each may hold, is in
// one table, in table.go and its neighbours; to add a key, add a row there and a
// field here.
package config

import "time"

// A Config is the configuration, checked. A field has the name and the place
// of its key.
type Config struct {
	// GoEnv is "production" or anything else; it changes only how strictly
	// the configuration file's permissions are looked at.
	GoEnv string

	// GoBinary is the go command: a name to look up, or a path.
	GoBinary string

	// GoBinaryEnvVars are KEY=VALUE pairs for the go command, in order. Nil
	// if the key is not set: Athens' GOPROXY=direct is not invented here.
	// They may hold credentials.
	GoBinaryEnvVars []string

	// ProtocolWorkers is the most fills from upstream at once, and apart from them
	// the most questions to it, 1 or more.
	ProtocolWorkers int

	// What follows is for fetches from version control.
	GoGetWorkers        int    // go commands at once, more than 0
	GoGetDir            string // where clones are kept; "" is below the disk tier
	NETRCPath, HGRCPath string // existing files, or ""
	GithubToken         string // "" for none

	LogLevel  string // debug, info, warn or error
	LogFormat string // plain or json

	// CloudRuntime is GCP, whose log lines have other names, or none.
	CloudRuntime string

	// StatsExporter is prometheus, or none to serve no metrics.
	StatsExporter string

	// EnablePprof serves profiles at PprofPort, which is host:port of a loopback
	// address if it does.
	EnablePprof bool
	PprofPort   string

	// RobotsFile is the file to serve as /robots.txt, or "" for none. The
	// default need not exist.
	RobotsFile string

	Timeout         time.Duration // for one call to a store or an upstream's list; more than 0
	StashTimeout    time.Duration // for one fill from upstream, from start to end; more than 0
	ShutdownTimeout time.Duration // for requests under way at shutdown; 0 does not wait

	// StorageType is memory (no store), disk (the disk tier is the store), or
	// the name of a store, which Tiers.Stack has too.
	StorageType string

	TLSCertFile, TLSKeyFile string // PEM files; both "" for plain HTTP

	Port       string // host:port, or :port for every address
	UnixSocket string // path of a socket to listen on instead of Port, or ""

	// BasicAuthUser and BasicAuthPass are asked of every client, or both ""
	// to ask nothing.
	BasicAuthUser, BasicAuthPass string

	// PathPrefix goes before every path: "" or "/a", with no slash at its end.
	PathPrefix string

	// SumDBs are the checksum databases to proxy, as they are written; whoever
	// asks them knows the syntax. Nil if the key is not set; empty but not nil
	// if it says that there are none. They may hold credentials.
	SumDBs []string

	// NoSumPatterns are patterns, as of path.Match, of prefixes of the modules
	// whose names must not reach a checksum database. All are well formed.
	NoSumPatterns []string

	// ForceSSL redirects to HTTPS what came without TLS.
	ForceSSL bool

	// FilterFile is a file of rules that say which modules are served, or ""
	// for none. GlobalEndpoint is the http or https URL to which some lead.
	FilterFile, GlobalEndpoint string

	// ValidatorHook is the http or https URL that is asked whether a version may
	// be served, or "" for none. It may hold credentials.
	ValidatorHook string

	// DownloadMode says what a miss does: sync, async, redirect, async_redirect
	// or none, or file: and the path of a file that says so by module, or
	// custom: and its content in base64, well formed.
	DownloadMode string

	// DownloadURL is the http or https URL to redirect to, without credentials.
	// It is not "" if DownloadMode is redirect or async_redirect.
	DownloadURL string

	// HomeTemplatePath is a Go HTML template for /, or "" for none. It need not
	// exist.
	HomeTemplatePath string

	// NetworkMode says how a list is made of what is stored and what
	// upstream says: strict, offline or fallback; "" if the key is not set.
	NetworkMode string

	// IndexType says whether what is saved is recorded, on the disk tier: none
	// for not, and disk or any of Athens' memory, mysql and postgres for yes.
	IndexType string

	// SingleFlightType says where the locks are that keep several instances
	// from the same work: memory (nowhere), etcd, redis, redis-sentinel, or a
	// store in Tiers.Stack that can hold them. It is never store: that is the
	// name of one by then.
	SingleFlightType string

	TraceExporter         string  // otlp, or "" for none but by the variables OTEL_*
	TraceExporterURL      string  // http or https if TraceExporter is otlp; "" is the standard's own
	TraceSamplingFraction float64 // from 0 to 1

	SingleFlight SingleFlight
	Storage      Storage
	Tiers        Tiers
}

// Tiers is the table that is ours alone.
type Tiers struct {
	// Stack names the tiers, fastest first: memory or not, disk, and any of
	// the stores, each once.
	Stack []string

	// Write says when a store gets what came from below: back, after the
	// answer; through, before its last byte; none, never.
	Write string

	// Upstream is where misses go, in GOPROXY syntax, or "" if the key is not
	// set. It may hold credentials.
	Upstream string

	Memory struct {
		Size int64 // bytes, more than 0 if Stack has memory
	}

	Disk struct {
		// Path is the directory of the disk tier, never "". If StorageType
		// is disk it is Storage.Disk.RootPath; it need not exist otherwise.
		Path string

		// Size is the most bytes to keep, or 0 for no bound. It is 0 if
		// StorageType is disk, for a store must not forget.
		Size int64

		// Free is how many bytes to leave free in the file system; 0 means
		// that it may fill up.
		Free int64
	}

	Queue struct {
		Workers int           // the most saves at once, 1 or more
		Size    int64         // bytes that may wait for a save, or 0 for no bound; beyond, writes turn to through
		Age     time.Duration // how long a version may wait, or 0 for no bound; beyond, writes turn to through
	}

	Health struct {
		Timeout time.Duration // for a store to begin an answer; more than 0
		Probe   time.Duration // between probes of a store that is down; more than 0
	}

	// Locks is for locks of every type but memory.
	Locks struct {
		// Prefix goes before the name of every lock. With "" Athens and this
		// program exclude each other.
		Prefix string

		// Lease is how long a lock lasts that nobody renews, 1s or more; in
		// azureblob from 15s to 60s, in s3, minio and gcp up to 15m.
		Lease time.Duration

		// Wait is the longest to wait for a lock before going on without it;
		// more than 0. If the key is not set, it is what the LockConfig of
		// the chosen type says.
		Wait time.Duration

		// What follows is for etcd, and not checked if it is not chosen.
		EtcdUser, EtcdPassword string // both "" for none; the second is a secret
		EtcdCA                 string // an existing PEM file, or "" for the system's authorities
		EtcdCert, EtcdKey      string // existing PEM files; both "" for no certificate of ours
	}

	// Peers is for other instances that read what this one is fetching.
	Peers struct {
		URL    string // by which they reach this one, http or https; "" if they may not
		Secret string // which all share, 16 characters or more; "" if URL is ""
	}

	// Answers is for what may change: lists, latest versions, queries. An
	// age counts from when upstream was last heard; 0 is none.
	Answers struct {
		Fresh      time.Duration // the age up to which upstream is not asked
		Revalidate time.Duration // after Fresh: served at once, and asked again
		Stale      time.Duration // the age up to which it is served if upstream fails
		Negative   time.Duration // the age of "not there" up to which upstream is not asked
	}

	// Serve is for the listener of the external-store protocol.
	Serve struct {
		Listen                  string // host:port, or :port for every address; "" for no listener
		User, Pass              string // asked of every client; not "" if Listen is not
		TLSCertFile, TLSKeyFile string // PEM files; both "" for plain HTTP
	}

	Traces struct {
		Upstream bool // is told which trace a request is of
	}

	AzureBlob struct {
		Endpoint string // a URL, or "" for the account's in the public cloud
	}

	GCP struct {
		Endpoint string // a URL, or "" for the service's
	}
}

// Listen returns where to listen, as net.Listen takes it.
func (c *Config) Listen() (network, address string) {
	if c.UnixSocket != "" {
		return "unix", c.UnixSocket
	}
	return "tcp", c.Port
}
