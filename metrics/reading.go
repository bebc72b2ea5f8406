package metrics

import "time"

// Counts are what a tier did.
type Counts struct {
	Answers int64 // files that clients got from it: modtier_request_duration_seconds_count
	Hits    int64 // modtier_tier_lookups_total: files that it was asked for and had,
	Misses  int64 // had not,
	Errors  int64 // and could not say. Memory's are without zips, which it never has.
	Bytes   int64 // modtier_tier_read_bytes_total

	// Times of modtier_tier_operation_duration_seconds{op="open"}, as Prometheus'
	// histogram_quantile reckons them. Opens is their number; if it is 0, so are they.
	Opens    int64
	P50, P99 time.Duration
}

// HitRate returns hits as a part of what the tier was asked for and could say, and
// whether there was any.
func (c Counts) HitRate() (rate float64, ok bool) {
	asked := c.Hits + c.Misses
	if asked == 0 {
		return 0, false
	}
	return float64(c.Hits) / float64(asked), true
}

// counts returns by how much t is more than from, or than nothing if that is nil.
func (t *tierSample) counts(from *tierSample) Counts {
	if from == nil {
		from = &tierSample{opens: make([]int64, len(t.opens))}
	}
	opens := make([]int64, len(t.opens))
	for i := range opens {
		opens[i] = t.opens[i] - from.opens[i]
	}
	return Counts{
		Answers: t.answers - from.answers,
		Hits:    t.hits - from.hits,
		Misses:  t.misses - from.misses,
		Errors:  t.errors - from.errors,
		Bytes:   t.bytes - from.bytes,
		Opens:   opens[len(opens)-1],
		P50:     quantile(.5, opens),
		P99:     quantile(.99, opens),
	}
}

// quantile returns the time within which that part of the opens was done, linear
// within a bucket. What is beyond the last bound is at that bound.
func quantile(part float64, opens []int64) time.Duration {
	all := opens[len(opens)-1]
	if all == 0 {
		return 0
	}
	rank := part * float64(all)
	var below, lower float64
	for i, upper := range requestBuckets {
		n := float64(opens[i])
		if n >= rank && n > below {
			return seconds(lower + (upper-lower)*(rank-below)/(n-below))
		}
		below, lower = n, upper
	}
	return seconds(lower)
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// A Share is who served the files of a short time.
type Share struct {
	From, To time.Time
	Answers  map[string]int64 // as in Requests
}

// shareStep is how long such a time is. It begins where the clock has a multiple of
// it, so that a later reading tells the same of the same time.
const shareStep = 15 * time.Second

func shares(samples []sample) (all []Share) {
	begin := samples[0]
	for i, s := range samples[1:] {
		last := i == len(samples)-2
		if s.at.Truncate(shareStep).Equal(begin.at.Truncate(shareStep)) && !last {
			continue
		}
		all = append(all, Share{begin.at, s.at, s.answered(begin)})
		begin = s
	}
	return all
}
