package gateway_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"testing"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/gateway"
	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/tierstest"
)

// A named store tells its name in what it opens.
type named struct {
	tiers.Store
	name string
}

func (n named) Open(ctx context.Context, r tiers.Ref) (*tiers.Object, error) {
	o, err := n.Store.Open(ctx, r)
	if err == nil {
		o.Tier = n.name
	}
	return o, err
}

// withStores puts empty stores below a site.
func withStores(t *testing.T, names ...string) func(*site) {
	return func(s *site) {
		for _, name := range names {
			d, err := tiers.OpenDisk(t.TempDir(), tiers.DiskLimits{}, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { d.Close() })
			s.stack.Stores = append(s.stack.Stores, tiers.Level{Name: name, Store: named{d, name}})
		}
		s.gateway.Stores = names
	}
}

func TestCacheStatusOverStores(t *testing.T) {
	s := newSite(t, withStores(t, "minio", "s3"))
	store := s.stack.Stores[1]
	if err := store.Save(t.Context(), hot, hotFiles); err != nil {
		t.Fatal(err)
	}
	s.get(t, hotMod).is(t, 200).has(t, "Cache-Status", "s3; hit, minio; fwd=uri-miss; stored, disk; fwd=uri-miss; stored, memory; fwd=uri-miss; stored")
	s.get(t, hotZip).is(t, 200).has(t, "Cache-Status", "s3; hit, minio; fwd=uri-miss; stored, disk; fwd=uri-miss; stored, memory; fwd=bypass")
	s.settle(t)
	s.get(t, hotMod).is(t, 200).has(t, "Cache-Status", "memory; hit")

	s = newSite(t, withStores(t, "s3"))
	s.get(t, hotMod).is(t, 200).has(t, "Cache-Status", "s3; fwd=uri-miss; fwd-status=200; stored, disk; fwd=uri-miss; stored, memory; fwd=uri-miss; stored")
	s.get(t, "/example.com/hot/@v/v1.9.0.mod").is(t, 404).has(t, "Cache-Status", "s3; fwd=uri-miss; fwd-status=404, disk; fwd=uri-miss, memory; fwd=uri-miss")
}

func TestWhatAStoreHoldsIsHeld(t *testing.T) {
	s := newSite(t, withStores(t, "s3"), offline)
	if err := s.stack.Stores[0].Save(t.Context(), hot, hotFiles); err != nil {
		t.Fatal(err)
	}
	s.get(t, "/cached-only"+hotZip).is(t, 200).says(t, string(tierstest.Bytes(hotFiles, tiers.Zip)))
	s.get(t, "/example.com/hot/@v/list").is(t, 200).says(t, "v1.0.0\n")
	s.get(t, "/example.com/hot/@latest").is(t, 200).says(t, string(hotFiles.Info))
}

// A catalogPage is one of Athens' catalog.
type catalogPage struct {
	Modules []struct{ Module, Version string }
	Next    string
}

func TestCatalog(t *testing.T) {
	var all []module.Version
	for i := range 20 {
		all = append(all, module.Version{Path: fmt.Sprintf("example.com/m%d", i), Version: "v1.0.0"})
	}
	for name, change := range map[string]func(*site){"of the disk": func(*site) {}, "of a store": withStores(t, "s3")} {
		t.Run(name+" lists each version once", func(t *testing.T) {
			s := newSite(t, change)
			var store tiers.Store = s.stack.Disk
			if len(s.stack.Stores) > 0 {
				store = s.stack.Stores[0]
			}
			for _, v := range all {
				if err := store.Save(t.Context(), v, tierstest.Version(v, "a")); err != nil {
					t.Fatal(err)
				}
			}
			for _, size := range []string{"", "&pagesize=7", "&pagesize=1", "&pagesize=100000000"} {
				var got []module.Version
				for token, pages := "", 0; pages == 0 || token != ""; pages++ {
					if pages > len(all)+1 {
						t.Fatalf("%s: the catalog does not end", size)
					}
					r := s.get(t, "/catalog?token="+url.QueryEscape(token)+size).is(t, 200).has(t, "Content-Type", "application/json")
					var p catalogPage
					if err := json.Unmarshal([]byte(r.body), &p); err != nil {
						t.Fatal(err)
					}
					for _, m := range p.Modules {
						got = append(got, module.Version{Path: m.Module, Version: m.Version})
					}
					token = p.Next
				}
				module.Sort(got)
				want := slices.Clone(all)
				module.Sort(want)
				if !slices.Equal(got, want) {
					t.Errorf("%s: got %v, want %v", size, got, want)
				}
			}
		})
	}

	t.Run("is empty, and no null, where nothing is held", func(t *testing.T) {
		newSite(t).get(t, "/catalog").is(t, 200).says(t, `{"modules":[],"next":""}`)
	})

	t.Run("refuses what it cannot read", func(t *testing.T) {
		s := newSite(t)
		for _, size := range []string{"0", "-1", "x", "1e3", "99999999999999999999"} {
			s.get(t, "/catalog?pagesize="+size).is(t, 400).tells(t, "pagesize")
		}
	})

	t.Run("refuses a token that it did not give", func(t *testing.T) {
		for _, change := range []func(*site){func(*site) {}, withStores(t, "s3")} {
			s := newSite(t, change)
			for _, token := range []string{"no+token", "0:no+token", "9:", "%00", ".."} {
				s.get(t, "/catalog?token="+token).is(t, 400).tells(t, "token")
			}
		}
	})

	t.Run("says so if a store has none", func(t *testing.T) {
		s := newSite(t, withStores(t, "external"))
		s.stack.Stores[0].Store = noCatalog{s.stack.Stores[0].Store}
		s.get(t, "/catalog").is(t, 501)
	})
}

type noCatalog struct{ tiers.Store }

func (noCatalog) Catalog(context.Context, string, int) ([]module.Version, string, error) {
	return nil, "", fmt.Errorf("external: catalog: %w", errors.ErrUnsupported)
}

func TestHealthOfTheTiers(t *testing.T) {
	var sick error
	s := newSite(t, func(s *site) {
		s.gateway.Checks = []gateway.Check{
			{Tier: "disk", Ask: func(context.Context) error { return nil }},
			{Tier: "s3", Ask: func(context.Context) error { return sick }},
		}
		s.gateway.Degraded = func() []string {
			if sick == nil {
				return nil
			}
			return []string{"s3: down"}
		}
	})
	s.get(t, "/healthz?deep=1").is(t, 200).says(t, "disk: ok\ns3: ok\n")
	s.get(t, "/readyz").is(t, 200).says(t, "ready\n")
	sick = errors.New("connection refused")
	s.get(t, "/healthz?deep=1").is(t, 503).says(t, "disk: ok\ns3: connection refused\n")
	s.get(t, "/healthz").is(t, 200)
	s.get(t, "/readyz").is(t, 200).says(t, "ready\ndegraded:\ns3: down\n")
}

func TestADeepCheckNeedsThePassword(t *testing.T) {
	s := newSite(t, func(s *site) { s.gateway.User, s.gateway.Pass = "ci", "s3cret" })
	s.get(t, "/healthz?deep=1").is(t, 401)
	s.get(t, "/healthz?deep=1", "Authorization", basic("ci", "s3cret")).is(t, 200)
	s.get(t, "/healthz").is(t, 200)
}
