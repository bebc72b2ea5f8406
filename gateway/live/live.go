// Package live is the page that shows a gateway at work: its tiers from memory down
// to the upstream, what is on its way, what waits and what went wrong.
//
// [Status] and [Explanation] are what it shows and, as JSON, its API. The page is whole
// without a script; the one it has fetches the page again and puts what has changed
// in its place. All files are embedded, and none is asked of another host. The package
// knows nothing of ours: who has the numbers fills in the types.
//
// Start reading at [Status], then [Page].
package live

import "time"

// A Status is how a gateway is at a moment. Rates, shares and times are those of a
// window, and counts those since the start, of the series that Prometheus is told;
// README.md says of which.
type Status struct {
	Version  string    `json:"version"`
	Time     time.Time `json:"time"`
	Started  time.Time `json:"started"`
	Use      string    `json:"use"`    // the command that makes the go command use the gateway; "" if it is not known
	Window   float64   `json:"window"` // what rates and times are of, in seconds
	Asked    float64   `json:"-"`      // the window that was asked for, which may be longer than the gateway runs
	Requests Requests  `json:"requests"`
	Tiers    []Tier    `json:"tiers"`  // the fastest first; the upstream, if there is one, is the last
	Others   []Server  `json:"others"` // who served files beside the tiers: peer, gateway, none
	Shares   []Share   `json:"shares"` // of the last 15 minutes, the oldest first
	Fills    Fills     `json:"fills"`
	Queue    *Queue    `json:"queue"` // null if nothing is saved into stores
	Locks    *Locks    `json:"locks"` // null if there are none
	Problems []Problem `json:"problems"`
}

// Requests are those of clients: neither probes, scrapes and looks at the page, nor what
// instances ask of each other.
type Requests struct {
	PerSecond float64 `json:"per_second"`
	Failed    float64 `json:"failed"` // the part of those in the window that ended in 500 or more, from 0 to 1
	Total     int64   `json:"total"`
}

// A Tier is how a tier is and what it does.
type Tier struct {
	Name    string    `json:"name"`
	Role    string    `json:"role"`            // cache, store or upstream
	Place   string    `json:"place,omitempty"` // where it lies, for people
	State   string    `json:"state"`           // ok, unstable (it failed a short time ago) or down (it fails; a store is then not asked)
	Since   time.Time `json:"since"`           // when that began
	Last    *Failure  `json:"last_error,omitempty"`
	Holds   *Holds    `json:"holds,omitempty"` // null if nobody counts it
	HitRate *float64  `json:"hit_rate"`        // in the window, from 0 to 1; null if it was asked for nothing
	Share   float64   `json:"share"`           // of the files served in the window, from 0 to 1

	RequestsPerSecond float64  `json:"requests_per_second"`
	BytesPerSecond    float64  `json:"bytes_per_second"`
	P50               *float64 `json:"p50_seconds"` // until it had opened a file, in the window; null if it opened none
	P99               *float64 `json:"p99_seconds"`
	Total             Counts   `json:"total"`
}

// Counts are what a tier did since the start.
type Counts struct {
	Answers int64 `json:"answers"` // files that clients got from it
	Hits    int64 `json:"hits"`
	Misses  int64 `json:"misses"`
	Errors  int64 `json:"errors"`
	Bytes   int64 `json:"bytes"`
}

// Holds is what a tier holds.
type Holds struct {
	Bytes int64 `json:"bytes"`
	Files int64 `json:"files"`
	Limit int64 `json:"limit"` // most bytes; 0 is no limit
}

// A Failure is what went wrong, and when.
type Failure struct {
	Time time.Time `json:"time"`
	Text string    `json:"text"`
}

// A Server is who served files.
type Server struct {
	Name  string  `json:"name"`
	Share float64 `json:"share"`
	Total int64   `json:"total"`
}

// A Share is who served the files of a few seconds.
type Share struct {
	From    time.Time        `json:"from"`
	Seconds float64          `json:"seconds"`
	Answers map[string]int64 `json:"answers"` // by name
}

// Fills are the files on their way up.
type Fills struct {
	InFlight int   `json:"in_flight"`
	Joined   int64 `json:"joined"` // requests since the start that joined another one's fill
	// Oldest are those that began first, at most [Most].
	Oldest []Fill `json:"oldest"`
}

// A Fill is a file on its way up.
type Fill struct {
	Module    string    `json:"module"`
	Version   string    `json:"version"`
	Kind      string    `json:"kind"`
	Tier      string    `json:"tier"`      // where it comes from; "" until one has begun to answer
	Bytes     int64     `json:"bytes"`     // that are here
	Size      int64     `json:"size"`      // -1 if it is not known
	Followers int       `json:"followers"` // requests that it serves
	Started   time.Time `json:"started"`
}

// A Queue is what waits to be saved into stores.
type Queue struct {
	Versions  int      `json:"versions"`
	Bytes     int64    `json:"bytes"`
	Limit     int64    `json:"limit"`     // bytes from which on fills wait for saves; 0 is no limit
	AgeLimit  float64  `json:"age_limit"` // age of the oldest from which on they do so, in seconds; 0 is no limit
	Recovered int      `json:"recovered"` // versions that an earlier process left
	Oldest    *Pending `json:"oldest"`    // null if none waits
}

// A Pending is a version that waits for a save.
type Pending struct {
	Module  string    `json:"module"`
	Version string    `json:"version"`
	Stores  []string  `json:"stores"` // that lack it
	Added   time.Time `json:"added"`
	Bytes   int64     `json:"bytes"`
	Tries   int       `json:"tries"` // that failed in a row
	Saving  bool      `json:"saving"`
	Error   string    `json:"error,omitempty"`
}

// Locks are those that this process holds or waits for.
type Locks struct {
	Type   string `json:"type"`
	All    int    `json:"all"`
	Oldest []Lock `json:"oldest"` // at most [Most]
}

// A Lock is one that this process holds, or waits for.
type Lock struct {
	Name  string    `json:"name"`
	State string    `json:"state"` // held, waiting or lost
	Since time.Time `json:"since"`
}

// A Problem is a warning or an error of the log.
type Problem struct {
	Time    time.Time `json:"time"`
	Level   string    `json:"level"`
	Message string    `json:"message"`
	Detail  string    `json:"detail,omitempty"`
	Times   int       `json:"times"` // the same was said, all in all
}

// Most is how many fills and locks are listed.
const Most = 50

// An Explanation says which tier holds which file of a version.
type Explanation struct {
	Module  string    `json:"module"`
	Version string    `json:"version"`
	Time    time.Time `json:"time"`
	Tiers   []Held    `json:"tiers"`  // the fastest first
	Pending *Pending  `json:"queued"` // null if it does not wait for a save
	Fills   []Fill    `json:"fills"`
	Locks   []Lock    `json:"locks"` // of this process
}

// A Held is what a tier holds of a version.
type Held struct {
	Tier  string `json:"tier"`
	Files []File `json:"files"` // info, mod and zip
}

// A File is what a tier says of one.
type File struct {
	Kind    string     `json:"kind"`
	Held    bool       `json:"held"`
	Size    int64      `json:"size"` // -1 if it is not held, or not known
	ModTime *time.Time `json:"mod_time,omitempty"`
	Error   string     `json:"error,omitempty"` // why the tier could not say
}
