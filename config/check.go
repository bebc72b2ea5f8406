package config

import (
	"fmt"
	"net"
	"os"
	"path"
	"runtime"
	"strings"
)

// check looks at what one key alone cannot tell, and fills in what depends on
// other keys.
func (l *loader) check(c *Config) {
	l.checkFile(c)
	l.checkPair("basicauthuser", c.BasicAuthUser, "basicauthpass", c.BasicAuthPass)
	l.checkPair("tlscertfile", c.TLSCertFile, "tlskeyfile", c.TLSKeyFile)
	l.checkPathPrefix(c)
	l.checkGoEnviron(c)
	l.checkNoSumPatterns(c)
	l.checkStack(c)
	l.checkDisk(c)
	l.checkStores(c)
	l.checkFiles(c)
	l.checkPprof(c)
	l.checkLocks(c)
	l.checkServe(c)
	l.checkPolicy(c)
	l.checkIndex(c)
	l.checkTraces(c)
}

// checkFile is Athens' rule for production. A file with passwords in it may be
// read by others then, but not be changed.
func (l *loader) checkFile(c *Config) {
	if c.GoEnv == "production" && l.file != "" {
		l.checkMode(l.file)
	}
}

func (l *loader) checkMode(file string) {
	if runtime.GOOS == "windows" {
		return
	}
	fi, err := os.Stat(file)
	if err != nil {
		l.errs = append(l.errs, fmt.Errorf("configuration: %w", err))
		return
	}
	if mode := fi.Mode().Perm(); mode&0o033 != 0 {
		l.errs = append(l.errs, fmt.Errorf(
			"%s: mode %#o lets others write or execute it, and GoEnv is production; want chmod go-wx %s", file, mode, file))
	}
}

// checkPair refuses one half of what is worth something only whole.
func (l *loader) checkPair(id1, value1, id2, value2 string) {
	if l.wrong[id1] != "" || l.wrong[id2] != "" {
		return
	}
	if value1 == "" {
		id1, value1, id2, value2 = id2, value2, id1, value1
	}
	if value1 != "" && value2 == "" {
		l.fail(id1, "set without "+l.about(id2)+"; want both or neither")
	}
}

func (l *loader) checkPathPrefix(c *Config) {
	if c.PathPrefix != "" && !strings.HasPrefix(c.PathPrefix, "/") {
		l.fail("pathprefix", `want a path that begins with a slash, as "/go"`)
	}
	c.PathPrefix = strings.TrimRight(c.PathPrefix, "/")
}

// checkGoEnviron counts the items instead of showing them.
func (l *loader) checkGoEnviron(c *Config) {
	for i, pair := range c.GoBinaryEnvVars {
		if strings.Index(pair, "=") < 1 {
			l.fail("gobinaryenvvars", fmt.Sprintf("item %d: want KEY=VALUE", i+1))
		}
	}
}

// checkNoSumPatterns does not take a pattern that cannot match: the names that
// it is to keep back would go out.
func (l *loader) checkNoSumPatterns(c *Config) {
	for i, pattern := range c.NoSumPatterns {
		if _, err := path.Match(pattern, ""); err != nil {
			l.fail("nosumpatterns", fmt.Sprintf(`item %d: want a pattern, as "*.example.com/team/*"`, i+1))
		}
	}
}

// checkPprof lets nobody but this machine see what is in the process's memory.
func (l *loader) checkPprof(c *Config) {
	if !c.EnablePprof || l.wrong["pprofport"] != "" {
		return
	}
	host, port, _ := net.SplitHostPort(c.PprofPort)
	switch ip := net.ParseIP(host); {
	case host == "":
		c.PprofPort = net.JoinHostPort("localhost", port)
	case host != "localhost" && (ip == nil || !ip.IsLoopback()):
		l.fail("pprofport", `with EnablePprof, want a port or a loopback address, as ":3001" or "127.0.0.1:3001": profiles show what is in memory`)
	}
}

// checkFiles refuses a file of credentials that is not there: without it, private
// modules would seem not to exist.
func (l *loader) checkFiles(c *Config) {
	for _, f := range []struct{ id, file string }{{"netrcpath", c.NETRCPath}, {"hgrcpath", c.HGRCPath}} {
		if f.file != "" && l.wrong[f.id] == "" {
			l.checkExists(f.id, f.file)
		}
	}
}
