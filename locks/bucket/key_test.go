package bucket

import (
	"path"
	"strings"
	"testing"
)

func TestAKeyIsTheNameOfTheLock(t *testing.T) {
	for name, want := range map[string]string{
		"example.com/M@v1.0.0": "lease/example.com/M@v1.0.0",
		"github.com/Azure/azure-sdk-for-go@v68.0.0+incompatible": "lease/github.com/Azure/azure-sdk-for-go@v68.0.0+incompatible",
		"gopkg.in/yaml.v3@v3.0.1":                                "lease/gopkg.in/yaml.v3@v3.0.1",
		"git.sr.ht/~a/b_c@v0.0.0-20200101000000-0123456789ab":    "lease/git.sr.ht/~a/b_c@v0.0.0-20200101000000-0123456789ab",
		"example.com/m@v1/v2":                                    "lease/example.com/m@v1=2Fv2",
		"a b=@\xff/":                                             "lease/a=20b=3D@=FF=2F",
		"a/b":                                                    "lease/=a=2Fb",
		"../x//.y@v1":                                            "lease/=2E./x/=2F.y@v1",
		"":                                                       "lease/=",
	} {
		if got := (Config{}).key(name); got != want {
			t.Errorf("the key of %q is %q, want %q", name, got, want)
		}
	}
	if got := (Config{Prefix: "staging/"}).key("a@v1"); got != "staging/lease/a@v1" {
		t.Errorf("with a prefix the key is %q", got)
	}
}

// FuzzKey checks what stores rest on that keep objects as files.
func FuzzKey(f *testing.F) {
	names := []string{"", "a", "a/b", "a@v1", "a@v1/v2", "a/b@v1", "=a", "a=2Fb", "@", "@@/", "./..@", "//", "a/@v1", "\x00@é"}
	for _, a := range names {
		for _, b := range names {
			f.Add(a, b)
		}
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		x, y := Config{}.key(a), Config{}.key(b)
		if (x == y) != (a == b) {
			t.Errorf("%q and %q have the keys %q and %q", a, b, x, y)
		}
		if strings.HasPrefix(y, x+"/") {
			t.Errorf("the key %q of %q lies below %q of %q", y, b, x, a)
		}
		if dir := strings.TrimSuffix(x, "/"); a != "" && path.Clean(dir) != dir {
			t.Errorf("the key of %q is %q, which is no path of a file", a, x)
		}
	})
}

func TestATextIsReadAsItWasWritten(t *testing.T) {
	for _, want := range []text{
		{token: "T", lease: longest},
		{token: "T", renewal: 12, lease: 1500 * 1e6, holder: "http://[::1]:3000/a?b=c d"},
	} {
		if got := parse(want.bytes()); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	whole := string(text{token: "T", lease: 1e9, holder: "h"}.bytes())
	for _, s := range []string{"", "\x01", whole, whole[:len(whole)/2], strings.Repeat(whole, 100),
		heading + "token T\nlease 1000h\n", heading + "token T\nlease -1s\n", heading + "lease 1s\n",
		strings.Replace(whole, "lock 1", "lock 2", 1), heading + "token T\nlease 1s\nholder " + strings.Repeat("x", 2000)} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got := parse(b)
		if got.lease <= 0 || got.lease > longest || len(got.holder) > maxHolder {
			t.Errorf("%q is %+v", b, got)
		}
		if got.token == "" && got != (text{lease: longest}) {
			t.Errorf("%q is nobody's, and %+v", b, got)
		}
	})
}
