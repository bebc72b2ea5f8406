package config

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// checkStack wants the disk tier above all stores: fills are spooled there.
func (l *loader) checkStack(c *Config) {
	t := &c.Tiers
	explicit := l.from["tiers.stack"] != "" && l.wrong["tiers.stack"] == ""
	if !explicit && slices.Contains(stores(), c.StorageType) {
		t.Stack = append(t.Stack, c.StorageType)
	}
	places := append([]string{"memory", "disk"}, stores()...)
	sound := true
	for i, name := range t.Stack {
		switch {
		case !slices.Contains(places, name):
			l.fail("tiers.stack", fmt.Sprintf("there is no tier %q; want %s", name, strings.Join(places, ", ")))
			sound = false
		case slices.Contains(t.Stack[:i], name):
			l.fail("tiers.stack", name+" is there twice; want it once")
			sound = false
		}
	}
	if !sound {
		return
	}
	if slices.Contains(t.Stack, "memory") && t.Memory.Size == 0 {
		l.fail("tiers.memory.size", "want more than 0, or no memory in Tiers.Stack")
	}
	disk := slices.Index(t.Stack, "disk")
	if disk < 0 || slices.Index(t.Stack, "memory") > disk || slices.ContainsFunc(t.Stack[:disk], isStore) {
		l.fail("tiers.stack", "want disk in it, with only memory before it, for fills are spooled there")
		return
	}
	if !explicit {
		return
	}
	below := t.Stack[disk+1:]
	switch {
	case c.StorageType == "disk" && len(below) > 0:
		l.fail("tiers.stack", "nothing lies below the store, and with "+l.about("storagetype")+" that is the disk tier; want no "+
			strings.Join(below, ", ")+" in it, or another StorageType")
	case isStore(c.StorageType) && !slices.Contains(below, c.StorageType):
		l.fail("storagetype", "a store that is not in "+l.about("tiers.stack")+"; want it there, or StorageType memory")
	}
}

func isStore(name string) bool { return slices.Contains(stores(), name) }

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
