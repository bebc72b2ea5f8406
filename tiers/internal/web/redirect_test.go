package web_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/modtier/modtier/tiers/internal/web"
)

func TestCheckRedirect(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		claim string
		way   []string // the last one is the redirect
		auth  bool     // it has what was sent to the first one
		err   string
	}{
		{"the same host gets the credentials", []string{"https://host/a", "https://HOST/b"}, true, ""},
		{"a subdomain does not", []string{"https://host/a", "https://sub.host/b"}, false, ""},
		{"nor does another port", []string{"http://host/a", "http://host:81/b"}, false, ""},
		{"to http from https is refused", []string{"https://host/a", "http://host/a"}, false, "redirected from https to http"},
		{"and also later", []string{"http://host/a", "https://host/a", "http://host/b"}, false, "redirected from https to http"},
		{"to https from http is followed", []string{"http://host/a", "https://host/a"}, true, ""},
		{"one that ends never is refused", []string{10: "http://host/a"}, false, "stopped after 10 redirects"},
		{"nine are not", []string{9: "http://host/a"}, true, ""},
	} {
		t.Run(tc.claim, func(t *testing.T) {
			var via []*http.Request
			for _, to := range tc.way {
				if to == "" {
					to = "http://host/a"
				}
				req, err := http.NewRequest("GET", to, nil)
				if err != nil {
					t.Fatal(err)
				}
				req.Header = http.Header{"Authorization": {"Basic eA=="}, "Referer": {"http://host/?secret"}}
				via = append(via, req)
			}
			last := len(via) - 1
			err := web.CheckRedirect(via[last], via[:last])
			if tc.err != "" {
				if e, ok := errors.AsType[web.RedirectError](err); !ok || e.Error() != tc.err {
					t.Errorf("got error %v, want %q", err, tc.err)
				}
				return
			}
			h := via[last].Header
			if auth := h.Get("Authorization") != ""; err != nil || auth != tc.auth || h.Get("Referer") != "" {
				t.Errorf("got error %v and headers %v, want credentials to be %v, and no referer", err, h, tc.auth)
			}
		})
	}
}
