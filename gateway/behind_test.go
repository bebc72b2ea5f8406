package gateway

import (
	"strconv"
	"testing"
)

func TestWhatIsDoneBehindIsBounded(t *testing.T) {
	var b behind
	release, ended := make(chan struct{}), make(chan struct{})
	work := func() { <-release; ended <- struct{}{} }
	for i := range maxBehind {
		if !b.do(strconv.Itoa(i), work) {
			t.Fatalf("number %d was not begun", i)
		}
	}
	if b.do("one more", work) {
		t.Error("one more than the bound was begun")
	}
	if !b.do("7", work) {
		t.Error("what is under way is not known to be")
	}
	close(release)
	for range maxBehind {
		<-ended
	}
	for !b.do("one more", func() { close(ended) }) {
	}
	<-ended
}
