package config

// A row is one key: where it may be set, what it may hold, and what it is for.
type row struct {
	key  string // as in the file, tables first
	env  string // Athens' names for it, the first that is set wins; ours follow a rule
	def  string // as it would be written in the environment; "" means zero
	kind kind   // nil for a key that this version does not read
	doc  string // one sentence, for people

	as     standing
	why    string // beside later and refused: what is lost
	secret bool   // its value is never shown
	guards bool   // it restricts or protects: an empty variable does not lift it
	blank  bool   // Athens takes an empty variable as the value, and so do we
}

// A standing says what this version does with a key.
type standing uint8

const (
	honoured standing = iota
	later             // a warning, if it says something other than Athens' default
	refused           // an error then: to ignore it would lift a restriction
	aside             // silence: it matters only with another key, which speaks for it
)

// table holds every key there is. Defaults, environment, checks, unknown keys
// and documentation all come from here.
func table() []row {
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
		{key: "GoBinary", env: "GO_BINARY_PATH", def: "go", kind: text,
			doc: "The `go` command, for what only version control has."},
		{key: "GoBinaryEnvVars", env: "ATHENS_GO_BINARY_ENV_VARS", kind: list(";"), secret: true,
			doc: "Environment of the `go` command: `KEY=VALUE`, in the variable with `;` between."},
		{key: "SumDBs", env: "ATHENS_SUM_DBS", kind: list(","), blank: true,
			doc: "Checksum databases to proxy, each a URL or as in `GOSUMDB`; unset: what `go env GOSUMDB` says."},
		{key: "NoSumPatterns", env: "ATHENS_GONOSUM_PATTERNS", kind: list(","), guards: true,
			doc: "Patterns of modules, as in `GONOSUMDB`, whose names must not reach a checksum database."},
		{key: "StorageType", env: "ATHENS_STORAGE_TYPE", def: "memory", kind: store,
			doc: "The store: `memory` for none, or `disk`."},
		{key: "Storage.Disk.RootPath", env: "ATHENS_DISK_STORAGE_ROOT", kind: text,
			doc: "Directory of the store, with `StorageType = \"disk\"`; it must exist."},

		{key: "Tiers.Stack", def: "memory,disk", kind: list(","),
			doc: "The tiers, fastest first; `disk` is the last."},
		{key: "Tiers.Upstream", kind: text, secret: true,
			doc: "Where misses go, as in `GOPROXY`."},
		{key: "Tiers.Fills", def: "256", kind: count,
			doc: "The most fills from upstream at once."},
		{key: "Tiers.Memory.Size", def: "256MiB", kind: size,
			doc: "The most bytes to keep in memory."},
		{key: "Tiers.Disk.Path", kind: text,
			doc: "Directory of the disk tier; unset: `modtier` in the user's cache directory."},
		{key: "Tiers.Disk.Size", def: "10GiB", kind: size,
			doc: "The most bytes to keep on disk, `0` for no bound; not with `StorageType = \"disk\"`, which has none."},
		{key: "Tiers.Disk.Free", def: "512MiB", kind: size,
			doc: "Bytes to leave free in the file system, `0` for none."},
		{key: "Tiers.Answers.Fresh", def: "60s", kind: span,
			doc: "How long a list or a query is served without asking upstream."},
		{key: "Tiers.Answers.Revalidate", def: "10m", kind: span,
			doc: "How long after that it is served while upstream is asked again."},
		{key: "Tiers.Answers.Stale", def: "168h", kind: span,
			doc: "How old it may be and still be served if upstream fails."},
		{key: "Tiers.Answers.Negative", def: "30s", kind: span,
			doc: "How long \"not there\" is served without asking upstream."},

		{key: "FilterFile", env: "ATHENS_FILTER_FILE", as: refused, guards: true},
		{key: "ValidatorHook", env: "ATHENS_PROXY_VALIDATOR", as: refused, guards: true, secret: true},
		{key: "ForceSSL", env: "PROXY_FORCE_SSL", def: "false", as: refused, guards: true},
		{key: "DownloadMode", env: "ATHENS_DOWNLOAD_MODE", def: "sync", as: refused, guards: true, secret: true},

		{key: "SingleFlightType", env: "ATHENS_SINGLE_FLIGHT_TYPE", def: "memory", as: later,
			why: "this version collapses requests within one process only"},
		{key: "GoGetWorkers", env: "ATHENS_GOGET_WORKERS", def: "10", as: later,
			why: "Tiers.Fills bounds the fills from upstream"},
		{key: "GoGetDir", env: "ATHENS_GOGET_DIR", as: later},
		{key: "ProtocolWorkers", env: "ATHENS_PROTOCOL_WORKERS", def: "30", as: later,
			why: "requests are not bounded; Tiers.Fills bounds the fills from upstream"},
		{key: "CloudRuntime", env: "ATHENS_CLOUD_RUNTIME", def: "none", as: later},
		{key: "EnablePprof", env: "ATHENS_ENABLE_PPROF", def: "false", as: later},
		{key: "PprofPort", env: "ATHENS_PPROF_PORT", def: ":3001", as: later},
		{key: "GlobalEndpoint", env: "ATHENS_GLOBAL_ENDPOINT", def: "http://localhost:3001", as: later},
		{key: "HomeTemplatePath", env: "ATHENS_HOME_TEMPLATE_PATH", def: "/var/lib/athens/home.html", as: later},
		{key: "NETRCPath", env: "ATHENS_NETRC_PATH", as: later},
		{key: "GithubToken", env: "ATHENS_GITHUB_TOKEN", as: later, secret: true},
		{key: "HGRCPath", env: "ATHENS_HGRC_PATH", as: later},
		{key: "TraceExporter", env: "ATHENS_TRACE_EXPORTER", as: later},
		{key: "TraceExporterURL", env: "ATHENS_TRACE_EXPORTER_URL", as: aside},
		{key: "TraceSamplingFraction", env: "ATHENS_TRACE_SAMPLING_FRACTION", as: aside},
		{key: "StatsExporter", env: "ATHENS_STATS_EXPORTER", def: "prometheus", as: later},
		{key: "DownloadURL", env: "ATHENS_DOWNLOAD_URL", as: later, secret: true},
		{key: "IndexType", env: "ATHENS_INDEX_TYPE", def: "none", as: later},

		{key: "SingleFlight.Etcd.Endpoints", env: "ATHENS_ETCD_ENDPOINTS", as: aside},
		{key: "SingleFlight.Redis.Endpoint", env: "ATHENS_REDIS_ENDPOINT", as: aside, secret: true},
		{key: "SingleFlight.Redis.Password", env: "ATHENS_REDIS_PASSWORD", as: aside, secret: true},
		{key: "SingleFlight.Redis.Cluster", env: "ATHENS_REDIS_CLUSTER", as: aside},
		{key: "SingleFlight.Redis.LockConfig.TTL", env: "ATHENS_REDIS_LOCK_TTL", as: aside},
		{key: "SingleFlight.Redis.LockConfig.Timeout", env: "ATHENS_REDIS_LOCK_TIMEOUT", as: aside},
		{key: "SingleFlight.Redis.LockConfig.MaxRetries", env: "ATHENS_REDIS_LOCK_MAX_RETRIES", as: aside},
		{key: "SingleFlight.RedisSentinel.Endpoints", env: "ATHENS_REDIS_SENTINEL_ENDPOINTS", as: aside},
		{key: "SingleFlight.RedisSentinel.MasterName", env: "ATHENS_REDIS_SENTINEL_MASTER_NAME", as: aside},
		{key: "SingleFlight.RedisSentinel.SentinelPassword", env: "ATHENS_REDIS_SENTINEL_PASSWORD", as: aside, secret: true},
		{key: "SingleFlight.RedisSentinel.DB", env: "ATHENS_REDIS_SENTINEL_DB", as: aside},
		{key: "SingleFlight.RedisSentinel.RedisUsername", env: "ATHENS_REDIS_USERNAME", as: aside},
		{key: "SingleFlight.RedisSentinel.RedisPassword", env: "ATHENS_REDIS_PASSWORD", as: aside, secret: true},
		{key: "SingleFlight.RedisSentinel.LockConfig.TTL", env: "ATHENS_REDIS_LOCK_TTL", as: aside},
		{key: "SingleFlight.RedisSentinel.LockConfig.Timeout", env: "ATHENS_REDIS_LOCK_TIMEOUT", as: aside},
		{key: "SingleFlight.RedisSentinel.LockConfig.MaxRetries", env: "ATHENS_REDIS_LOCK_MAX_RETRIES", as: aside},
		{key: "SingleFlight.GCP.StaleThreshold", env: "ATHENS_GCP_STALE_THRESHOLD", as: aside},

		{key: "Storage.GCP.ProjectID", env: "GOOGLE_CLOUD_PROJECT", as: aside},
		{key: "Storage.GCP.Bucket", env: "ATHENS_STORAGE_GCP_BUCKET", as: aside},
		{key: "Storage.GCP.JSONKey", env: "ATHENS_STORAGE_GCP_JSON_KEY", as: aside, secret: true},
		{key: "Storage.Minio.Endpoint", env: "ATHENS_MINIO_ENDPOINT", as: aside},
		{key: "Storage.Minio.Key", env: "ATHENS_MINIO_ACCESS_KEY_ID", as: aside, secret: true},
		{key: "Storage.Minio.Secret", env: "ATHENS_MINIO_SECRET_ACCESS_KEY", as: aside, secret: true},
		{key: "Storage.Minio.Bucket", env: "ATHENS_MINIO_BUCKET_NAME", as: aside},
		{key: "Storage.Minio.Region", env: "ATHENS_MINIO_REGION", as: aside},
		{key: "Storage.Minio.EnableSSL", env: "ATHENS_MINIO_USE_SSL", as: aside},
		{key: "Storage.Mongo.URL", env: "ATHENS_MONGO_STORAGE_URL", as: aside, secret: true},
		{key: "Storage.Mongo.DefaultDBName", env: "ATHENS_MONGO_DEFAULT_DATABASE", as: aside},
		{key: "Storage.Mongo.DefaultCollectionName", env: "ATHENS_MONGO_DEFAULT_COLLECTION", as: aside},
		{key: "Storage.Mongo.CertPath", env: "ATHENS_MONGO_CERT_PATH", as: aside},
		{key: "Storage.Mongo.InsecureConn", env: "ATHENS_MONGO_INSECURE", as: aside},
		{key: "Storage.Mongo.Insecure", as: aside}, // Athens' documents name it; Athens ignores it
		{key: "Storage.S3.Region", env: "AWS_REGION", as: aside},
		{key: "Storage.S3.Key", env: "AWS_ACCESS_KEY_ID", as: aside, secret: true},
		{key: "Storage.S3.Secret", env: "AWS_SECRET_ACCESS_KEY", as: aside, secret: true},
		{key: "Storage.S3.Token", env: "AWS_SESSION_TOKEN", as: aside, secret: true},
		{key: "Storage.S3.Bucket", env: "ATHENS_S3_BUCKET_NAME", as: aside},
		{key: "Storage.S3.UseDefaultConfiguration", env: "AWS_USE_DEFAULT_CONFIGURATION", as: aside},
		{key: "Storage.S3.ForcePathStyle", env: "AWS_FORCE_PATH_STYLE", as: aside},
		{key: "Storage.S3.CredentialsEndpoint", env: "AWS_CREDENTIALS_ENDPOINT", as: aside},
		{key: "Storage.S3.AwsContainerCredentialsRelativeURI", env: "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", as: aside},
		{key: "Storage.S3.Endpoint", env: "AWS_ENDPOINT", as: aside},
		{key: "Storage.AzureBlob.AccountName", env: "ATHENS_AZURE_ACCOUNT_NAME", as: aside},
		{key: "Storage.AzureBlob.AccountKey", env: "ATHENS_AZURE_ACCOUNT_KEY", as: aside, secret: true},
		{key: "Storage.AzureBlob.ManagedIdentityResourceID", env: "ATHENS_AZURE_MANAGED_IDENTITY_RESOURCE_ID", as: aside},
		{key: "Storage.AzureBlob.CredentialScope", env: "ATHENS_AZURE_CREDENTIAL_SCOPE", as: aside},
		{key: "Storage.AzureBlob.ContainerName", env: "ATHENS_AZURE_CONTAINER_NAME", as: aside},
		{key: "Storage.External.URL", env: "ATHENS_EXTERNAL_STORAGE_URL", as: aside, secret: true},
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
