package tierstest

import "golang.org/x/mod/module"

// every has each form that a module version can take.
var every = []module.Version{
	{Path: "example.com/plain", Version: "v1.2.3"},
	{Path: "example.com/plain", Version: "v0.0.0-20240203040506-0123456789ab"}, // a pseudo-version
	{Path: "example.com/plain", Version: "v1.2.4-0.20240203040506-0123456789ab"},
	{Path: "example.com/plain", Version: "v1.2.4-RC.1.x-y"}, // upper case in a version
	{Path: "example.com/plain", Version: "v2.0.0+incompatible"},
	{Path: "example.com/plain", Version: "v3.0.0-20240203040506-0123456789ab+incompatible"},
	{Path: "example.com/plain/v2", Version: "v2.0.0"},
	{Path: "example.com/plain/v10", Version: "v10.20.30"},
	{Path: "gopkg.in/yaml.v2", Version: "v2.4.0"},
	{Path: "gopkg.in/check.v1", Version: "v1.0.0-20240203040506-0123456789ab"},
	{Path: "github.com/Azure/Go_thing-x/sub.dir/~tilde", Version: "v0.1.0"},
	{Path: "example.com", Version: "v1.0.0"}, // a path of one element
}

// alike has versions whose names run into each other where a name is taken by
// its beginning, by the text of its version, or with its separators replaced.
var alike = []module.Version{
	{Path: "example.com/a", Version: "v1.0.0"},
	{Path: "example.com/a", Version: "v1.0.0-rc.1"},
	{Path: "example.com/a", Version: "v1.0.1"},
	{Path: "example.com/a", Version: "v1.0.10"},
	{Path: "example.com/a/b", Version: "v1.0.0"},
	{Path: "example.com/a/v2", Version: "v2.0.0"},
	{Path: "example.com/ab", Version: "v1.0.0"},
	{Path: "example.com/a-b", Version: "v1.0.0"},
	{Path: "example.com/a_b", Version: "v1.0.0"},
	{Path: "example.com/a/b_c", Version: "v1.0.0"},
	{Path: "example.com/a_b/c", Version: "v1.0.0"},
	{Path: "example.com/a/v1.0.0/c", Version: "v1.0.0"}, // lies within a version's directory on disk
	{Path: "example.com/v1.0.0-c", Version: "v1.0.0"},
}

// cased has pairs that differ in case only.
var cased = []module.Version{
	{Path: "github.com/Sirupsen/x", Version: "v1.0.0"},
	{Path: "github.com/sirupsen/x", Version: "v1.0.0"},
	{Path: "example.com/x", Version: "v1.0.0-RC1"},
	{Path: "example.com/x", Version: "v1.0.0-rc1"},
}
