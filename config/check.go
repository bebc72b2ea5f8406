package config

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
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
}

// checkFile is Athens' rule for production. A file with passwords in it may be
// read by others then, but not be changed.
func (l *loader) checkFile(c *Config) {
	if c.GoEnv != "production" || l.file == "" || runtime.GOOS == "windows" {
		return
	}
	fi, err := os.Stat(l.file)
	if err != nil {
		l.errs = append(l.errs, fmt.Errorf("configuration: %w", err))
		return
	}
	if mode := fi.Mode().Perm(); mode&0o033 != 0 {
		l.errs = append(l.errs, fmt.Errorf(
			"%s: mode %#o lets others write or execute it, and GoEnv is production; want chmod go-wx %s", l.file, mode, l.file))
	}
}

// checkPair refuses one half of a restriction.
func (l *loader) checkPair(id1, value1, id2, value2 string) {
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

// checkStack wants the disk tier below all others: fills are spooled there.
func (l *loader) checkStack(c *Config) {
	stack := c.Tiers.Stack
	for i, name := range stack {
		switch {
		case name != "memory" && name != "disk":
			l.fail("tiers.stack", fmt.Sprintf("this version has no tier %q; want memory or disk", name))
		case slices.Contains(stack[:i], name):
			l.fail("tiers.stack", name+" is there twice; want it once")
		}
	}
	if len(stack) == 0 || stack[len(stack)-1] != "disk" {
		l.fail("tiers.stack", "want disk as the last tier, for fills are spooled there")
	}
	if slices.Contains(stack, "memory") && c.Tiers.Memory.Size == 0 {
		l.fail("tiers.memory.size", "want more than 0, or no memory in Tiers.Stack")
	}
}

// checkDisk gives the disk tier its place: that of the store if it is one.
func (l *loader) checkDisk(c *Config) {
	disk := &c.Tiers.Disk
	if c.StorageType != "disk" {
		if disk.Path == "" {
			cache, err := os.UserCacheDir()
			if err != nil {
				l.fail("tiers.disk.path", fmt.Sprintf("want a directory, for there is no default here: %v", err))
			}
			disk.Path = filepath.Join(cache, "modtier")
		}
		return
	}

	root := c.Storage.Disk.RootPath
	fi, err := os.Stat(root)
	switch {
	case root == "":
		l.fail("storage.disk.rootpath", "want the directory of the store, for StorageType is disk")
	case err != nil || !fi.IsDir():
		l.fail("storage.disk.rootpath", "want a directory that exists, for StorageType is disk")
	case disk.Path != "" && filepath.Clean(disk.Path) != filepath.Clean(root):
		l.fail("tiers.disk.path", "StorageType is disk, so the disk tier is the store; want it unset, or the same as "+
			l.about("storage.disk.rootpath"))
	}
	disk.Path = root
	if l.from["tiers.disk.size"] != "" && disk.Size != 0 {
		l.fail("tiers.disk.size",
			"StorageType is disk, so the disk tier is a store, which must not forget; want it unset, or StorageType memory")
	}
	disk.Size = 0
}
