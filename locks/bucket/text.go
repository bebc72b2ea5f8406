package bucket

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A text is what an object says of the lock that it is. As bytes it is
//
//	modtier lock 1
//	token 5ZYQ4OKGYHMUIDRBXUQUVSNH2W
//	renewal 3
//	lease 15s
//	holder http://10.0.0.1:3000
type text struct {
	token   string        // random; who wrote it holds the lock
	renewal int           // no two contents of a lock may be the same: a tag may be a hash
	lease   time.Duration // for which the holder has it from the time of the writing
	holder  string        // what the holder says of itself, or ""
}

const heading = "modtier lock 1\n"

func (t text) bytes() []byte {
	return fmt.Appendf(nil, heading+"token %s\nrenewal %d\nlease %v\nholder %s\n", t.token, t.renewal, t.lease, t.holder)
}

// maxText is more than any of ours has.
const maxText = 4 << 10

// parse reads what an object says. Of one that is none of ours it returns a text
// without a token, whose lease is the longest: somebody may mean something by it.
func parse(b []byte) text {
	foreign := text{lease: longest}
	body, ok := strings.CutPrefix(string(b[:min(len(b), maxText)]), heading)
	if !ok || len(b) > maxText {
		return foreign
	}
	var t text
	for line := range strings.Lines(body) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		var err error
		switch key {
		case "token":
			t.token = value
		case "renewal":
			t.renewal, err = strconv.Atoi(value)
		case "lease":
			t.lease, err = time.ParseDuration(value)
		case "holder":
			t.holder = value
		}
		if err != nil {
			return foreign
		}
	}
	if t.token == "" || t.lease <= 0 || t.lease > longest || len(t.holder) > maxHolder {
		return foreign
	}
	return t
}
