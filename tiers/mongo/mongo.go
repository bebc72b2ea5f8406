// Package mongo is a store in MongoDB, in the documents and the GridFS files that
// Athens keeps there:
//
//	modules    {_id, module, version, mod, info}, and zip_file of ours
//	fs.files   the zip, named after the version, with all / of its path as _
//	fs.chunks  its content, in pieces of 255 KiB
//
// Athens finds a zip by name and takes the newest, so that a/b_c and a_b/c can get
// each other's. Our documents name their zip by its _id, in a field that Athens
// does not read, and our zips say in their metadata whose they are; a zip of
// Athens counts only once its own entries have said so. Where the name is
// another module's already, ours goes under a name of its own: an Athens on the
// same database then misses ours, and goes on to find the other.
//
// What is decided between two, which save wins and who replaces what is broken, is
// decided by inserts under a unique key and deletes by _id, which all servers of
// the protocol do as one; there are no transactions.
//
// Start reading at [Store], then save.go and open.go.
package mongo

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"

	"github.com/modtier/modtier/tiers"
)

// A Config says where a store is and how it is reached.
type Config struct {
	// URL is a connection string, mongodb:// or mongodb+srv://. A database in
	// it is only what its user is looked for in, as for Athens.
	// Athens' Storage.Mongo.URL.
	URL string

	// Database is where everything is; "" is athens, Athens' default.
	Database string

	// Collection has the documents; "" is modules, Athens' default.
	Collection string

	// CertPath names a PEM file of certificate authorities that are trusted
	// beside the system's, and turns TLS on; "" is none. Athens' key of that
	// name, though Athens never trusts them.
	CertPath string

	// Insecure leaves the server's certificate unchecked. It does not turn TLS
	// on.
	Insecure bool

	// Name is the tier's in Objects, Differences and errors; "" is mongo.
	Name string

	// Timeout is how long one question to the database may take, and finding
	// a server for it; 0 is 5 minutes, Athens' default. A zip takes many.
	Timeout time.Duration

	// Differs is told of a save that was kept out. If it is nil, the log is.
	Differs func(tiers.Difference)

	// Log is for what is no error of a caller; nil is none.
	Log *slog.Logger
}

// A Store is a [tiers.Store] in a database. It holds whole versions only: Save
// without a zip answers [tiers.ErrWhole].
type Store struct {
	client  *driver.Client
	docs    *driver.Collection
	files   *driver.Collection
	chunks  *driver.Collection
	name    string
	timeout time.Duration
	differs func(tiers.Difference)
	log     *slog.Logger

	inside   *lru.Cache[bson.ObjectID, string] // see look
	looks    chan struct{}                     // holds one for each look under way
	indexing chan struct{}                     // held while indexed is read or set
	indexed  bool
}

var _ tiers.Store = (*Store)(nil)

// Open makes a store of a database, which it does not ask for anything yet; but
// a mongodb+srv URL is looked up. Its errors name the key to mend.
func Open(ctx context.Context, c Config) (*Store, error) {
	name := cmp.Or(c.Name, "mongo")
	o, err := clientOptions(c)
	if err != nil {
		return nil, &ConfigError{name, err}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	client, err := driver.Connect(o)
	if err != nil {
		return nil, &ConfigError{name, urlError(c.URL)}
	}
	inside, err := lru.New[bson.ObjectID, string](16 << 10)
	if err != nil {
		return nil, err
	}
	// A secondary may lack what has just been saved, and then a whole version
	// would be taken for a broken one.
	db := client.Database(cmp.Or(c.Database, "athens"), options.Database().SetReadPreference(readpref.Primary()))
	log := c.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Store{
		client:   client,
		docs:     db.Collection(cmp.Or(c.Collection, "modules")),
		files:    db.Collection("fs.files"),
		chunks:   db.Collection("fs.chunks"),
		name:     name,
		timeout:  timeout(c),
		differs:  c.Differs,
		log:      log,
		inside:   inside,
		looks:    make(chan struct{}, 2),
		indexing: make(chan struct{}, 1),
	}, nil
}

func timeout(c Config) time.Duration { return cmp.Or(c.Timeout, 5*time.Minute) }

// Close ends the store's connections. What is open fails.
func (s *Store) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return s.client.Disconnect(ctx)
}

// within returns a context for one question to the database.
func (s *Store) within(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, s.timeout)
}

// after returns a context for what must be done though ctx may be over.
func (s *Store) after(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), min(s.timeout, time.Minute))
}
