package config

// policyRows holds the keys of what is refused, what a miss does, and who is told
// what.
func policyRows() []row {
	return []row{
		{key: "ForceSSL", env: "PROXY_FORCE_SSL", def: "false", kind: boolean, guards: true,
			doc: "Redirect to HTTPS what came without TLS and without `X-Forwarded-Proto: https`, which any client can send; not health, metrics and other instances."},
		{key: "FilterFile", env: "ATHENS_FILTER_FILE", kind: text, guards: true,
			doc: "File that says which modules are served (`+`), refused (`-`) and redirected to `GlobalEndpoint` (`D`); read at the start."},
		{key: "GlobalEndpoint", env: "ATHENS_GLOBAL_ENDPOINT", def: "http://localhost:3001", kind: endpoint,
			doc: "URL of the proxy that a `D` in `FilterFile` redirects to."},
		{key: "ValidatorHook", env: "ATHENS_PROXY_VALIDATOR", kind: hookURL, guards: true, secret: true,
			doc: "URL that is asked whether a version may be served, with `{\"Module\",\"Version\"}`: `200` is yes, `403` is no, and all else closes the gate."},
		{key: "DownloadMode", env: "ATHENS_DOWNLOAD_MODE", def: "sync", kind: downloadMode, guards: true, secret: true,
			doc: "What a miss does: `sync`, `async`, `redirect`, `async_redirect`, `none`, or what an HCL file says by module: `file:` and its path, or `custom:` and its content in base64."},
		{key: "DownloadURL", env: "ATHENS_DOWNLOAD_URL", kind: endpoint, secret: true,
			doc: "URL of the proxy that `redirect` and `async_redirect` lead to."},
		{key: "HomeTemplatePath", env: "ATHENS_HOME_TEMPLATE_PATH", def: "/var/lib/athens/home.html", kind: text, blank: true,
			doc: "Go HTML template of the page at `/`, with `.Host` and `.NoSumPatterns`; it need not exist."},
	}
}
