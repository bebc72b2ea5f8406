package config

import (
	"reflect"
	"strings"
	"testing"
)

// complete returns the variables without which no store is complete, by store.
func complete() map[string]string {
	return map[string]string{
		"mongo":     "ATHENS_MONGO_STORAGE_URL=mongodb://m.example",
		"gcp":       "ATHENS_STORAGE_GCP_BUCKET=b",
		"minio":     "ATHENS_MINIO_ENDPOINT=m.example:9000 ATHENS_MINIO_ACCESS_KEY_ID=k ATHENS_MINIO_SECRET_ACCESS_KEY=sesame ATHENS_MINIO_BUCKET_NAME=b",
		"s3":        "AWS_REGION=r ATHENS_S3_BUCKET_NAME=b AWS_ACCESS_KEY_ID=k AWS_SECRET_ACCESS_KEY=sesame",
		"azureblob": "ATHENS_AZURE_ACCOUNT_NAME=a ATHENS_AZURE_CONTAINER_NAME=c ATHENS_AZURE_ACCOUNT_KEY=c2VzYW1l",
		"external":  "ATHENS_EXTERNAL_STORAGE_URL=http://u:sesame@x.example",
	}
}

// environ returns the variables of all stores, and more.
func environ(more ...string) []string {
	var all []string
	for _, vars := range complete() {
		all = append(all, strings.Fields(vars)...)
	}
	return append(all, more...)
}

func TestStack(t *testing.T) {
	t.Run("without a store it is memory and disk", func(t *testing.T) {
		if c := load(t, Options{File: write(t, ""), Environ: environ()}); !reflect.DeepEqual(c.Tiers.Stack, []string{"memory", "disk"}) {
			t.Errorf("got %q", c.Tiers.Stack)
		}
	})
	for _, name := range stores() {
		t.Run("by default "+name+" lies below memory and disk", func(t *testing.T) {
			vars := strings.Fields(complete()[name])
			for _, spelled := range []string{name, strings.ToUpper(name)} {
				c := load(t, Options{File: write(t, ""), Environ: append(vars, "ATHENS_STORAGE_TYPE="+spelled)})
				if c.StorageType != name || !reflect.DeepEqual(c.Tiers.Stack, []string{"memory", "disk", name}) {
					t.Errorf("got %s, %q", c.StorageType, c.Tiers.Stack)
				}
			}
		})
		t.Run(name+" alone in the stack needs no StorageType", func(t *testing.T) {
			c := load(t, Options{File: write(t, ""), Environ: append(strings.Fields(complete()[name]), "MODTIER_STACK=disk,"+name)})
			if c.StorageType != "memory" || !reflect.DeepEqual(c.Tiers.Stack, []string{"disk", name}) {
				t.Errorf("got %s, %q", c.StorageType, c.Tiers.Stack)
			}
		})
	}
	for _, stack := range [][]string{
		{"disk"},
		{"memory", "disk", "minio", "s3"},
		{"memory", "disk", "s3", "minio"},
		{"memory", "disk", "external", "azureblob", "s3", "minio", "gcp", "mongo"},
	} {
		t.Run("it may be "+strings.Join(stack, " over "), func(t *testing.T) {
			o := Options{File: write(t, "[Tiers]\nStack = [\""+strings.Join(stack, `", "`)+"\"]\n"), Environ: environ()}
			if c := load(t, o); !reflect.DeepEqual(c.Tiers.Stack, stack) {
				t.Errorf("got %q, want %q", c.Tiers.Stack, stack)
			}
		})
	}
	t.Run("the store of StorageType may lie anywhere below disk", func(t *testing.T) {
		c := load(t, Options{File: write(t, "StorageType = \"minio\"\n[Tiers]\nStack = [\"disk\", \"minio\", \"s3\"]\n"), Environ: environ()})
		if len(c.Tiers.Stack) != 3 {
			t.Errorf("got %q", c.Tiers.Stack)
		}
	})
	t.Run("a store may be one that is only read", func(t *testing.T) {
		c := load(t, Options{File: write(t, ""), Environ: environ("ATHENS_STORAGE_TYPE=s3", "MODTIER_WRITE=None")})
		if c.Tiers.Write != "none" {
			t.Errorf("Write = %q, want none", c.Tiers.Write)
		}
	})

	root := t.TempDir()
	for _, tt := range []struct{ claim, environ, want string }{
		{"memory lies over disk", "MODTIER_STACK=disk,memory", "want disk in it, with only memory before it"},
		{"a stack without disk has no place to spool", "MODTIER_STACK=memory", "want disk in it"},
		{"nor has one of stores alone", "MODTIER_STACK=s3", "want disk in it"},
		{"a store does not lie over disk", "MODTIER_STACK=memory,s3,disk", "want disk in it, with only memory before it"},
		{"memory does not lie under a store", "MODTIER_STACK=disk,s3,memory", "with only memory before it"},
		{"a tier stands once", "MODTIER_STACK=disk,disk", "disk is there twice"},
		{"a store stands once", "MODTIER_STACK=disk,s3,minio,s3", "s3 is there twice"},
		{"other tiers there are none", "MODTIER_STACK=memory,disk,tape", `there is no tier "tape"; want memory, disk, mongo, gcp, minio, s3, azureblob, external`},
		{"a memory tier has a size", "MODTIER_STACK=memory,disk,s3 MODTIER_MEMORY_SIZE=0", "want more than 0, or no memory in Tiers.Stack"},
		{"a store is not left out", "ATHENS_STORAGE_TYPE=s3 MODTIER_STACK=memory,disk,minio",
			`ATHENS_STORAGE_TYPE: StorageType = "s3": a store that is not in MODTIER_STACK: Tiers.Stack = "memory,disk,minio"; want it there`},
		{"nor by a stack without stores", "ATHENS_STORAGE_TYPE=mongo MODTIER_STACK=memory,disk", `a store that is not in MODTIER_STACK: Tiers.Stack`},
		{"below the disk that is the store lies nothing", "ATHENS_STORAGE_TYPE=disk ATHENS_DISK_STORAGE_ROOT=" + root + " MODTIER_STACK=disk,s3,minio",
			`MODTIER_STACK: Tiers.Stack = "disk,s3,minio": nothing lies below the store, and with ATHENS_STORAGE_TYPE: StorageType = "disk" that is the disk tier; want no s3, minio in it`},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			_, warnings, err := Load(Options{File: write(t, ""), Environ: environ(strings.Fields(tt.environ)...)})
			wantOne(t, err, tt.want)
			if len(warnings) > 0 {
				t.Errorf("got warnings %q, want none", warnings)
			}
		})
	}
	t.Run("one that is no list is one error", func(t *testing.T) {
		_, _, err := Load(Options{File: write(t, "StorageType = \"s3\"\n[Tiers]\nStack = 3\n"), Environ: environ()})
		wantOne(t, err, "Tiers.Stack = 3: want a list")
	})
}

// wantOne wants exactly one error, which says want and hides what is secret, or
// none if want is "".
func wantOne(t *testing.T, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("got %v, want no error", err)
	case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
		t.Errorf("got %v, want %s", err, want)
	case err != nil && strings.Contains(err.Error(), "sesame"):
		t.Errorf("a secret in %v", err)
	case err != nil && strings.Contains(err.Error(), "\n"):
		t.Errorf("got more than one error:\n%v", err)
	}
}
