package policy_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/mod/module"

	"github.com/modtier/modtier/gateway/policy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var v1 = module.Version{Path: "example.com/a", Version: "v1.0.0"}

// newHook returns a hook whose server answers as page does.
func newHook(t *testing.T, page http.HandlerFunc) *policy.Hook {
	t.Helper()
	server := httptest.NewServer(page)
	t.Cleanup(server.Close)
	h := &policy.Hook{URL: strings.Replace(server.URL, "://", "://u:sesame@", 1) + "/check?key=sesame"}
	t.Cleanup(h.Close)
	return h
}

func TestAHookIsAskedAsAthensAsks(t *testing.T) {
	var method, contentType, query, user string
	var question map[string]string
	h := newHook(t, func(w http.ResponseWriter, r *http.Request) {
		method, contentType, query = r.Method, r.Header.Get("Content-Type"), r.URL.RequestURI()
		user, _, _ = r.BasicAuth()
		json.NewDecoder(r.Body).Decode(&question)
	})
	if err := h.Ask(t.Context(), module.Version{Path: "example.com/Upper", Version: "v1.0.0"}); err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprint(method, " ", contentType, " ", query, " ", user, " ", question)
	if want := "POST application/json /check?key=sesame u map[Module:example.com/Upper Version:v1.0.0]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestWhatAHookSays(t *testing.T) {
	for _, tc := range []struct {
		claim  string
		page   http.HandlerFunc
		denies bool
		want   string // of the error; "" for none
	}{
		{"200 is yes", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "a warning") }, false, ""},
		{"403 is no, with the reason for people", func(w http.ResponseWriter, r *http.Request) {
			http.Error(w, "not \x1b[31mlicensed\nsecond line", 403)
		}, true, "example.com/a@v1.0.0 is refused by the validator (ValidatorHook): not [31mlicensed"},
		{"but not with a page for browsers", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(403)
			io.WriteString(w, "<html>")
		}, true, "example.com/a@v1.0.0 is refused by the validator (ValidatorHook)"},
		{"404 is no answer", func(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }, false, "it answered 404"},
		{"nor is 500", func(w http.ResponseWriter, r *http.Request) { http.Error(w, "sesame", 500) }, false, "it answered 500"},
		{"nor 204", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(204) }, false, "it answered 204"},
		{"nor a redirect to a page that says 200", func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/check" {
				http.Redirect(w, r, "/login", 302)
			}
		}, false, "it answered 302"},
		{"nor a broken connection", func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) }, false, "the connection broke"},
	} {
		t.Run(tc.claim, func(t *testing.T) {
			err := newHook(t, tc.page).Ask(t.Context(), v1)
			var denied *policy.DeniedError
			if errors.As(err, &denied) != tc.denies {
				t.Errorf("got %v, denies is to be %t", err, tc.denies)
			}
			switch {
			case tc.want == "":
				if err != nil {
					t.Errorf("got %v, want none", err)
				}
			case err == nil || !strings.HasSuffix(err.Error(), tc.want) && !strings.Contains(err.Error(), tc.want+" "):
				t.Errorf("got %v, want %q", err, tc.want)
			case !tc.denies && !errors.Is(err, policy.ErrHook):
				t.Errorf("%v does not match ErrHook", err)
			case strings.Contains(err.Error(), "sesame") || strings.Contains(err.Error(), "127.0.0.1"):
				t.Errorf("it tells where the hook is: %v", err)
			}
		})
	}
	t.Run("nobody listening is no answer", func(t *testing.T) {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ln.Close()
		h := &policy.Hook{URL: "http://u:sesame@" + ln.Addr().String()}
		err = h.Ask(t.Context(), v1)
		if !errors.Is(err, policy.ErrHook) || strings.Contains(err.Error(), "sesame") || strings.Contains(err.Error(), "127.0.0.1") {
			t.Errorf("got %v", err)
		}
	})
}

// A trip is a server for bubbles, in which sockets do not work.
type trip func(*http.Request) (status int, err error)

func (f trip) RoundTrip(r *http.Request) (*http.Response, error) {
	status, err := f(r)
	if err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: status, Body: http.NoBody, Request: r}, nil
}

func TestAVerdictHoldsForAWhile(t *testing.T) {
	for _, status := range []int{200, 403} {
		synctest.Test(t, func(t *testing.T) {
			asked := 0
			h := &policy.Hook{URL: "http://hook", Client: &http.Client{Transport: trip(func(*http.Request) (int, error) { asked++; return status, nil })}}
			ask := func(want int) {
				t.Helper()
				if err := h.Ask(t.Context(), v1); (err == nil) != (status == 200) {
					t.Errorf("%d: got %v", status, err)
				}
				if asked != want {
					t.Errorf("%d: asked %d times, want %d", status, asked, want)
				}
			}
			ask(1)
			time.Sleep(59 * time.Second)
			ask(1)
			time.Sleep(2 * time.Second)
			ask(2)
			h.Ask(t.Context(), module.Version{Path: v1.Path, Version: "v1.0.1"})
			ask(3)
		})
	}
}

func TestNoAnswerDoesNotHold(t *testing.T) {
	status := 500
	h := &policy.Hook{URL: "http://hook", Client: &http.Client{Transport: trip(func(*http.Request) (int, error) { return status, nil })}}
	if err := h.Ask(t.Context(), v1); !errors.Is(err, policy.ErrHook) {
		t.Errorf("got %v", err)
	}
	status = 200
	if err := h.Ask(t.Context(), v1); err != nil {
		t.Errorf("got %v, for the hook is well again", err)
	}
}

func TestAHookThatHangs(t *testing.T) {
	hangs := trip(func(r *http.Request) (int, error) { <-r.Context().Done(); return 0, context.Cause(r.Context()) })
	synctest.Test(t, func(t *testing.T) {
		h := &policy.Hook{URL: "http://hook", Client: &http.Client{Transport: hangs}}
		begun := time.Now()
		err := h.Ask(t.Context(), v1)
		if !errors.Is(err, policy.ErrHook) || !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "it did not answer within 5s") {
			t.Errorf("got %v", err)
		}
		if d := time.Since(begun); d != 5*time.Second {
			t.Errorf("it took %v", d)
		}
	})
	t.Run("a client that leaves does not wait", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h := &policy.Hook{URL: "http://hook", Client: &http.Client{Transport: hangs}}
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if err := h.Ask(ctx, v1); !errors.Is(err, context.Canceled) || errors.Is(err, policy.ErrHook) {
				t.Errorf("got %v", err)
			}
			time.Sleep(6 * time.Second) // until the question, which goes on, is given up
		})
	})
}

func TestEqualQuestionsAreAskedOnceThoughTheFirstOneLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		release := make(chan struct{})
		h := &policy.Hook{URL: "http://hook", Client: &http.Client{Transport: trip(func(r *http.Request) (int, error) {
			asked.Add(1)
			select {
			case <-release:
				return 200, nil
			case <-r.Context().Done():
				return 0, context.Cause(r.Context())
			}
		})}}
		first, leave := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { h.Ask(first, v1) })
		synctest.Wait()
		for range 20 {
			wg.Go(func() {
				if err := h.Ask(t.Context(), v1); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		leave()
		synctest.Wait()
		close(release)
		wg.Wait()
		if n := asked.Load(); n != 1 {
			t.Errorf("asked %d times, want once", n)
		}
	})
}
