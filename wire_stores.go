package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/config"
	"github.com/modtier/modtier/gateway"
	"github.com/modtier/modtier/metrics"
	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/bucket"
	"github.com/modtier/modtier/tiers/external"
	"github.com/modtier/modtier/tiers/mongo"
	"github.com/modtier/modtier/tiers/upstream"
)

// A store is one of a service's, and what is known of it beside the interface.
type store struct {
	name   string
	place  string // for people; it has no secrets
	health *tiers.Health
	check  func(context.Context) error
	// conditional asks whether a save can be kept from replacing another; nil if
	// that needs no asking.
	conditional func(context.Context) (bool, error)

	// What locks can lie in; nil if the store is not of that kind.
	objects  *bucket.Bucket
	database *mongo.Store
}

// openStore opens the store of that name and puts it below the others. It asks
// nobody: a store that cannot be reached is no reason not to start.
func (s *service) openStore(ctx context.Context, c *config.Config, name string, m *metrics.Metrics, log *slog.Logger) error {
	st := &store{name: name}
	differs := func(d tiers.Difference) {
		m.Differs(d)
		log.Error("a save was kept out, for the store has other content under this name",
			"store", d.Store, "file", d.Ref.String(), "stored", d.Stored, "refused", d.Refused)
		// What the store has is what counts.
		if err := s.stack.Forget(context.WithoutCancel(ctx), d.Ref.Module()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			log.Warn("a cache keeps what no store has", "version", d.Ref.Module().String(), "err", err)
		}
	}
	opened, err := st.open(ctx, c, bucket.Options{Name: name, Timeout: c.Timeout, Differs: differs, Log: log}, s)
	if err != nil {
		return err
	}
	st.health = &tiers.Health{
		Store:   m.Store(opened, name),
		Name:    name,
		Timeout: c.Tiers.Health.Timeout,
		Probe:   c.Tiers.Health.Probe,
		Log:     log,
		Changed: func(now tiers.State) {
			if now == tiers.OK && s.stack.Queue != nil {
				s.stack.Queue.Wake()
			}
		},
	}
	s.shown = append(s.shown, shown{name: name, role: "store", place: st.place, look: tiers.LookInto(opened), condition: st.health.Condition})
	s.closers = append(s.closers, st.health.Close)
	m.State(name, st.health.State)
	s.stack.Stores = append(s.stack.Stores, tiers.Level{Name: name, Store: s.traces.Store(st.health, name)})
	s.stores = append(s.stores, st)
	s.picture = append(s.picture, name+" "+st.place)
	return nil
}

// open opens the store that c describes.
func (st *store) open(ctx context.Context, c *config.Config, o bucket.Options, s *service) (tiers.Store, error) {
	switch st.name {
	case "s3":
		k := c.Storage.S3
		st.place = k.Bucket
		return st.bucket(bucket.OpenS3(ctx, bucket.S3{
			Options: o, Region: k.Region, Bucket: k.Bucket, Endpoint: k.Endpoint, ForcePathStyle: k.ForcePathStyle,
			UseDefaultConfiguration:            k.UseDefaultConfiguration,
			CredentialsEndpoint:                k.CredentialsEndpoint,
			AwsContainerCredentialsRelativeURI: k.AwsContainerCredentialsRelativeURI,
			Key:                                k.Key, Secret: k.Secret, Token: k.Token,
		}))
	case "minio":
		k := c.Storage.Minio
		st.place = k.Bucket
		return st.bucket(bucket.OpenMinio(ctx, bucket.Minio{
			Options: o, Endpoint: k.Endpoint, Key: k.Key, Secret: k.Secret, Bucket: k.Bucket, Region: k.Region, EnableSSL: k.EnableSSL,
		}))
	case "gcp":
		k := c.Storage.GCP
		st.place = k.Bucket
		return st.bucket(bucket.OpenGCS(ctx, bucket.GCS{
			Options: o, Bucket: k.Bucket, JSONKey: k.JSONKey, Endpoint: c.Tiers.GCP.Endpoint,
		}))
	case "azureblob":
		k := c.Storage.AzureBlob
		st.place = k.AccountName + "/" + k.ContainerName
		return st.bucket(bucket.OpenAzure(ctx, bucket.Azure{
			Options: o, AccountName: k.AccountName, AccountKey: k.AccountKey, ContainerName: k.ContainerName,
			ManagedIdentityResourceID: k.ManagedIdentityResourceID, CredentialScope: k.CredentialScope,
			Endpoint: c.Tiers.AzureBlob.Endpoint,
		}))
	case "mongo":
		k := c.Storage.Mongo
		st.place = k.DefaultDBName + "." + k.DefaultCollectionName
		db, err := mongo.Open(ctx, mongo.Config{
			URL: k.URL, Database: k.DefaultDBName, Collection: k.DefaultCollectionName,
			CertPath: k.CertPath, Insecure: k.InsecureConn,
			Name: o.Name, Timeout: o.Timeout, Differs: o.Differs, Log: o.Log,
		})
		if err != nil {
			return nil, err
		}
		s.closers = append(s.closers, func() { db.Close() })
		st.check, st.database = db.Check, db
		return db, nil
	case "external":
		client := &external.Client{URL: c.Storage.External.URL, Timeout: c.Timeout, Wrap: s.traces.Transport}
		st.place = "over HTTP"
		st.check = func(ctx context.Context) error { return checkExternal(ctx, client) }
		return client, nil
	}
	return nil, fmt.Errorf("Tiers.Stack: there is no store called %q", st.name)
}

// checkExternal asks for a file that nobody has. A server that has it is none of
// the protocol: a login page, say, which answers to everything.
func checkExternal(ctx context.Context, client *external.Client) error {
	o, err := client.Open(ctx, tiers.Ref{Path: "modtier.invalid/check", Version: "v0.0.0", Kind: tiers.Mod})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		o.Body.Close()
		err = errors.New("external: the server has a file that cannot be: it is no store of Athens' protocol")
	}
	return fmt.Errorf("%w: mend Storage.External.URL (ATHENS_EXTERNAL_STORAGE_URL), or the server there", err)
}

func (st *store) bucket(b *bucket.Bucket, err error) (tiers.Store, error) {
	if err != nil {
		return nil, err
	}
	st.check, st.conditional, st.objects = b.Check, b.Conditional, b
	return b, nil
}

// addQueue makes s carry what it fills to its stores.
func (s *service) addQueue(c *config.Config, settings *goSettings, sumdbs []string, m *metrics.Metrics, log *slog.Logger) error {
	verify, err := s.verifier(c, settings, sumdbs, log)
	if err != nil {
		return err
	}
	verify.Verified = m.Verified
	s.stack.Queue = &tiers.Queue{
		Workers: c.Tiers.Queue.Workers,
		Size:    c.Tiers.Queue.Size,
		Age:     c.Tiers.Queue.Age,
		Through: c.Tiers.Write == "through",
		Wait:    min(c.Timeout, 30*time.Second),
		Verify:  verify,
		Log:     log,
	}
	m.Queue(s.stack.Queue)
	s.closers = append(s.closers, s.stack.Queue.Close)
	return nil
}

// verifier makes what looks at files before they are saved, with the first of the
// checksum databases.
func (s *service) verifier(c *config.Config, settings *goSettings, sumdbs []string, log *slog.Logger) (*tiers.Verifier, error) {
	private := c.NoSumPatterns
	for _, name := range []string{"GONOSUMDB", "GOPRIVATE"} {
		value, _ := settings.get(name) // without a go command it has no say
		private = append(private, strings.Split(value, ",")...)
	}
	patterns := strings.Join(private, ",")
	v := &tiers.Verifier{Excluded: func(path string) bool { return module.MatchPrefixPatterns(patterns, path) }}
	if len(sumdbs) == 0 || s.upstream == nil {
		log.Warn("what is saved into stores is checked for its form only: there is no checksum database to ask (SumDBs, GOSUMDB)")
		return v, nil
	}
	names, err := upstream.SumDBNames(sumdbs[:1])
	if err != nil {
		return nil, fmt.Errorf("SumDBs: %w", err)
	}
	db := names[0]
	if first := strings.Fields(sumdbs[0])[0]; strings.Contains(first, "+") {
		db = first
	}
	sums, err := tiers.OpenSums(db, s.upstream.SumDB, s.stack.Disk, log)
	if err != nil {
		return nil, fmt.Errorf("SumDBs: %w", err)
	}
	if !sums.Proved() {
		// Its answers are only as good as who passes them on.
		direct, err := upstream.Parse("direct")
		if err != nil {
			return nil, err
		}
		direct.SumDBs, direct.Timeout = sumdbs[:1], c.Timeout
		if sums, err = tiers.OpenSums(db, direct.SumDB, s.stack.Disk, log); err != nil {
			return nil, fmt.Errorf("SumDBs: %w", err)
		}
	}
	v.Sums = sums.Lookup
	return v, nil
}

// startTimeout is how long a store has to say at the start that it can be used.
const startTimeout = 10 * time.Second

// checkStores asks each store, until it can be used, and says what to mend if it
// cannot. What can be reached serves meanwhile.
func (s *service) checkStores(ctx context.Context, c *config.Config, log *slog.Logger) {
	var asking sync.WaitGroup
	for _, st := range s.stores {
		asking.Go(func() {
			if !s.checkStore(ctx, st, c.Tiers.Health.Probe, log) || c.Tiers.Write == "none" || st.conditional == nil {
				return
			}
			ctx, cancel := context.WithTimeout(ctx, startTimeout)
			defer cancel()
			honoured, err := st.conditional(ctx)
			switch {
			case err != nil:
				log.Error("a store cannot be written", "store", st.name, "err", err)
			case !honoured:
				log.Warn("a store does not honour conditional writes: of two that save a version at the same moment, the last one wins and not the first", "store", st.name)
			}
		})
	}
	asking.Wait()
}

// checkStore asks st until it can be used, or ctx is done, and reports whether it
// can. It complains once.
func (s *service) checkStore(ctx context.Context, st *store, pause time.Duration, log *slog.Logger) bool {
	for complained := false; ; complained = true {
		asking, cancel := context.WithTimeout(ctx, startTimeout)
		err := st.check(asking)
		cancel()
		switch {
		case ctx.Err() != nil:
			return false
		case err == nil:
			if complained {
				log.Info("the store can be used now", "store", st.name)
				if s.stack.Queue != nil {
					s.stack.Queue.Wake()
				}
			}
			return true
		case !complained:
			log.Error("a store cannot be used", "store", st.name, "err", err)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return false
		}
	}
}

// checks returns the deep check of each store.
func (s *service) checks() []gateway.Check {
	var all []gateway.Check
	for _, st := range s.stores {
		all = append(all, gateway.Check{Tier: st.name, Ask: st.check})
	}
	return all
}

// degraded names the stores that are not well.
func (s *service) degraded() []string {
	var sick []string
	for _, st := range s.stores {
		if state, _ := st.health.State(); state != tiers.OK {
			sick = append(sick, st.name+": "+state.String())
		}
	}
	return sick
}
