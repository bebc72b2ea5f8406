package config

import "slices"

// A row is one key: where it may be set, what it may hold, and what it is for.
type row struct {
	key  string // as in the file, tables first
	env  string // Athens' names for it, the first that is set wins; ours follow a rule
	def  string // as it would be written in the environment; "" means zero
	kind kind   // nil for a key that this version does not read
	doc  string // one sentence, for people

	as     standing
	needed bool // its store cannot do without it
	secret bool // its value is never shown
	guards bool // it restricts or protects: an empty variable does not lift it
	blank  bool // Athens takes an empty variable as the value, and so do we
	nofile bool // Athens takes the default whatever a file says, and so do we
}

// A standing says what this version does with a key.
type standing uint8

const (
	honoured standing = iota
	other             // another name of a key; the check of its store reads it
	aside             // silence: it matters only with another key, which speaks for it
)

// table holds every key there is. Defaults, environment, checks, unknown keys
// and documentation all come from here.
func table() []row {
	return slices.Concat(generalRows(), policyRows(), storeRows(), lockRows(), tierRows(), traceRows(), asideRows())
}

func generalRows() []row {
	return []row{
		{key: "Port", env: "ATHENS_PORT PORT", def: ":3000", kind: address,
			doc: "Where to listen: `3000`, `:3000` or `host:3000`."},
		{key: "UnixSocket", env: "ATHENS_UNIX_SOCKET", kind: text,
			doc: "Path of a Unix socket to listen on, instead of `Port`."},
		{key: "TLSCertFile", env: "ATHENS_TLSCERT_FILE", kind: text, guards: true,
			doc: "Certificate to serve HTTPS with; needs `TLSKeyFile`."},
		{key: "TLSKeyFile", env: "ATHENS_TLSKEY_FILE", kind: text, guards: true,
			doc: "Private key of `TLSCertFile`."},
		{key: "BasicAuthUser", env: "BASIC_AUTH_USER", kind: text, guards: true,
			doc: "User name to ask of every client; needs `BasicAuthPass`."},
		{key: "BasicAuthPass", env: "BASIC_AUTH_PASS", kind: text, guards: true, secret: true,
			doc: "Password of `BasicAuthUser`."},
		{key: "PathPrefix", env: "ATHENS_PATH_PREFIX", kind: text, blank: true,
			doc: "Path before every path, such as `/go`."},
		{key: "RobotsFile", env: "ATHENS_ROBOTS_FILE", def: "robots.txt", kind: text, blank: true,
			doc: "File to serve as `/robots.txt`."},
		{key: "LogLevel", env: "ATHENS_LOG_LEVEL", def: "info", kind: level,
			doc: "`debug`, `info`, `warn` or `error`."},
		{key: "LogFormat", env: "ATHENS_LOG_FORMAT", def: "plain", kind: oneOf("plain", "json"),
			doc: "`plain` or `json`."},
		{key: "CloudRuntime", env: "ATHENS_CLOUD_RUNTIME", def: "none", kind: oneOf("none", "GCP"),
			doc: "With `GCP`, log lines are JSON with the names that Google Cloud reads."},
		{key: "StatsExporter", env: "ATHENS_STATS_EXPORTER", def: "prometheus", kind: statsExporter, blank: true,
			doc: "`prometheus`, at `/metrics`, or `none`."},
		{key: "EnablePprof", env: "ATHENS_ENABLE_PPROF", def: "false", kind: boolean,
			doc: "Serve profiles of this process at `PprofPort`, to this machine alone."},
		{key: "PprofPort", env: "ATHENS_PPROF_PORT", def: ":3001", kind: address,
			doc: "Where; without a host, at its loopback address."},
		{key: "GoEnv", env: "GO_ENV", def: "development", kind: text,
			doc: "With `production`, a configuration file that others may write is refused."},
		{key: "Timeout", env: "ATHENS_TIMEOUT", def: "300", kind: moreThanZero(seconds),
			doc: "Seconds, or a duration, for one call to a store or for a list from upstream."},
		{key: "StashTimeout", env: "ATHENS_STASH_TIMEOUT", def: "600", kind: moreThanZero(seconds),
			doc: "Seconds, or a duration, for one fill from upstream."},
		{key: "ShutdownTimeout", env: "ATHENS_SHUTDOWN_TIMEOUT", def: "60", kind: seconds,
			doc: "Seconds, or a duration, that requests have to end at shutdown."},
		{key: "NetworkMode", env: "ATHENS_NETWORK_MODE", kind: oneOf("strict", "offline", "fallback"),
			doc: "How lists are made of stored and upstream versions: `strict`, `offline` or `fallback`."},
		{key: "IndexType", env: "ATHENS_INDEX_TYPE", def: "none", kind: oneOf("none", "memory", "disk", "mysql", "postgres"),
			doc: "What `/index` tells of: `none`, nothing; `disk`, what this instance has saved, recorded on disk; `memory`, `mysql` and `postgres` are taken as `disk`."},
		{key: "GoBinary", env: "GO_BINARY_PATH", def: "go", kind: text,
			doc: "The `go` command, for what only version control has."},
		{key: "GoBinaryEnvVars", env: "ATHENS_GO_BINARY_ENV_VARS", kind: list(";"), secret: true,
			doc: "Environment of the `go` command: `KEY=VALUE`, in the variable with `;` between."},
		{key: "ProtocolWorkers", env: "ATHENS_PROTOCOL_WORKERS", def: "256", kind: count,
			doc: "The most fills from upstream at once, and apart from them the most questions to it. What is held waits for neither, so this is more than Athens' 30."},
		{key: "GoGetWorkers", env: "ATHENS_GOGET_WORKERS", def: "10", kind: count,
			doc: "How many `go` commands fetch from version control at once."},
		{key: "GoGetDir", env: "ATHENS_GOGET_DIR", kind: text,
			doc: "Directory for what they fetch, of which clones are kept, 10 GiB at most; unset: below `Tiers.Disk.Path`."},
		{key: "NETRCPath", env: "ATHENS_NETRC_PATH", kind: text,
			doc: "netrc file with credentials for version control and upstream; unset: `NETRC` in `GoBinaryEnvVars`, else as the `go` command finds it."},
		{key: "HGRCPath", env: "ATHENS_HGRC_PATH", kind: text,
			doc: "Configuration file for Mercurial."},
		{key: "GithubToken", env: "ATHENS_GITHUB_TOKEN", kind: text, secret: true,
			doc: "Token for repositories at github.com."},
		{key: "SumDBs", env: "ATHENS_SUM_DBS", kind: list(","), blank: true,
			doc: "Checksum databases to proxy, each a URL or as in `GOSUMDB`; unset: what `go env GOSUMDB` says."},
		{key: "NoSumPatterns", env: "ATHENS_GONOSUM_PATTERNS", kind: list(","), guards: true,
			doc: "Patterns of modules, as in `GONOSUMDB`, whose names must not reach a checksum database."},
	}
}

// asideRows holds what Athens has and this version has not. None of them restricts
// anything: to ignore a key that does would lift a restriction.
func asideRows() []row {
	return []row{
		{key: "Storage.CDN.Endpoint", env: "CDN_ENDPOINT", as: aside}, // Athens ignores it too

		{key: "Index.MySQL.Protocol", env: "ATHENS_INDEX_MYSQL_PROTOCOL", as: aside},
		{key: "Index.MySQL.Host", env: "ATHENS_INDEX_MYSQL_HOST", as: aside},
		{key: "Index.MySQL.Port", env: "ATHENS_INDEX_MYSQL_PORT", as: aside},
		{key: "Index.MySQL.User", env: "ATHENS_INDEX_MYSQL_USER", as: aside},
		{key: "Index.MySQL.Password", env: "ATHENS_INDEX_MYSQL_PASSWORD", as: aside, secret: true},
		{key: "Index.MySQL.Database", env: "ATHENS_INDEX_MYSQL_DATABASE", as: aside},
		{key: "Index.MySQL.Params", env: "ATHENS_INDEX_MYSQL_PARAMS", as: aside},
		{key: "Index.Postgres.Host", env: "ATHENS_INDEX_POSTGRES_HOST", as: aside},
		{key: "Index.Postgres.Port", env: "ATHENS_INDEX_POSTGRES_PORT", as: aside},
		{key: "Index.Postgres.User", env: "ATHENS_INDEX_POSTGRES_USER", as: aside},
		{key: "Index.Postgres.Password", env: "ATHENS_INDEX_POSTGRES_PASSWORD", as: aside, secret: true},
		{key: "Index.Postgres.Database", env: "ATHENS_INDEX_POSTGRES_DATABASE", as: aside},
		{key: "Index.Postgres.Params", env: "ATHENS_INDEX_POSTGRES_PARAMS", as: aside},
	}
}
