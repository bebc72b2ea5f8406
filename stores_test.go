package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/modtier/modtier/tiers"
)

// The settings of a store of each kind, on a server that is not there.
var storeSettings = map[string][]string{
	"s3": {"AWS_REGION=us-east-1", "ATHENS_S3_BUCKET_NAME=modules", "AWS_ACCESS_KEY_ID=ID-of-s3", "AWS_SECRET_ACCESS_KEY=SECRET-of-s3",
		"AWS_ENDPOINT=http://127.0.0.1:1", "AWS_FORCE_PATH_STYLE=true"},
	"minio": {"ATHENS_MINIO_ENDPOINT=127.0.0.1:1", "ATHENS_MINIO_ACCESS_KEY_ID=ID-of-minio", "ATHENS_MINIO_SECRET_ACCESS_KEY=SECRET-of-minio",
		"ATHENS_MINIO_BUCKET_NAME=modules"},
	"gcp": {"ATHENS_STORAGE_GCP_BUCKET=modules", "MODTIER_GCP_ENDPOINT=http://127.0.0.1:1"},
	"azureblob": {"ATHENS_AZURE_ACCOUNT_NAME=account", "ATHENS_AZURE_CONTAINER_NAME=modules", "ATHENS_AZURE_ACCOUNT_KEY=U0VDUkVULW9mLWF6dXJl",
		"MODTIER_AZUREBLOB_ENDPOINT=http://127.0.0.1:1/account"},
	"mongo":    {"ATHENS_MONGO_STORAGE_URL=mongodb://user:SECRET-of-mongo@127.0.0.1:1/?serverSelectionTimeoutMS=200"},
	"external": {"ATHENS_EXTERNAL_STORAGE_URL=http://user:SECRET-of-external@127.0.0.1:1/"},
}

func secretIn(s string) bool {
	return strings.Contains(s, "SECRET") || strings.Contains(s, "U0VDUkVU")
}

func TestEachStoreIsWired(t *testing.T) {
	for name, settings := range storeSettings {
		t.Run(name, func(t *testing.T) {
			c := load(t, append(settings, "ATHENS_STORAGE_TYPE="+name, "ATHENS_NETWORK_MODE=offline")...)
			s, err := open(t, c)
			if err != nil {
				t.Fatal(err)
			}
			if len(s.stack.Stores) != 1 || s.stack.Stores[0].Name != name || s.stack.Queue == nil {
				t.Errorf("stores: got %v, queue %t; want %s and one", s.stack.Stores, s.stack.Queue != nil, name)
			}
			if last := s.picture[len(s.picture)-1]; !strings.HasPrefix(last, name+" ") || secretIn(last) {
				t.Errorf("the picture: got %q, want %s, and no secret", last, name)
			}
			err = s.stores[0].check(t.Context())
			if err == nil || secretIn(err.Error()) || !strings.HasPrefix(err.Error(), name+": ") {
				t.Errorf("check of a server that is not there: got error %v, want one of %s without its secret", err, name)
			}
			if err == nil || !strings.Contains(err.Error(), "ATHENS_") && !strings.Contains(err.Error(), "AWS_") && !strings.Contains(err.Error(), "MODTIER_") {
				t.Errorf("check of a server that is not there: got error %v, want it to name a key", err)
			}
		})
	}
}

func TestStoresInAnyOrder(t *testing.T) {
	var settings []string
	for _, s := range storeSettings {
		settings = append(settings, s...)
	}
	c := load(t, append(settings, "MODTIER_STACK=disk,external,mongo,azureblob,gcp,minio,s3", "ATHENS_NETWORK_MODE=offline", "MODTIER_WRITE=none")...)
	s, err := open(t, c)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, l := range s.stack.Stores {
		names = append(names, l.Name)
	}
	if got := strings.Join(names, ","); got != "external,mongo,azureblob,gcp,minio,s3" {
		t.Errorf("stores: got %s", got)
	}
	if s.stack.Queue != nil {
		t.Error("there is a queue, though the stores are only read")
	}
}

func TestTheStackIsServedAsAStoreOnlyIfAsked(t *testing.T) {
	s, err := open(t, load(t, "ATHENS_NETWORK_MODE=offline"))
	if err != nil {
		t.Fatal(err)
	}
	if s.serve != nil {
		t.Error("it is served without being asked for")
	}
	s, err = open(t, load(t, "ATHENS_NETWORK_MODE=offline", "MODTIER_SERVE_LISTEN=127.0.0.1:0", "MODTIER_SERVE_USER=u", "MODTIER_SERVE_PASS=p"))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s.serve)
	defer server.Close()
	for _, pass := range []string{"", "x", "p"} {
		req, _ := http.NewRequestWithContext(t.Context(), "GET", server.URL+"/example.com/m/@v/list", nil)
		if pass != "" {
			req.SetBasicAuth("u", pass)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if want := map[bool]int{true: 200, false: 401}[pass == "p"]; resp.StatusCode != want {
			t.Errorf("with password %q: got %d, want %d", pass, resp.StatusCode, want)
		}
	}
}

func TestDegradedNamesTheStoresThatAreNotWell(t *testing.T) {
	c := load(t, append(storeSettings["external"], "ATHENS_STORAGE_TYPE=external", "ATHENS_NETWORK_MODE=offline")...)
	s, err := open(t, c)
	if err != nil {
		t.Fatal(err)
	}
	if got := s.degraded(); len(got) != 0 {
		t.Errorf("at the start: got %q, want none", got)
	}
	for i := range 3 { // of each its own fill
		if _, err := s.stack.Open(t.Context(), tiers.Ref{Path: "example.com/m", Version: fmt.Sprintf("v1.%d.0", i), Kind: tiers.Mod}); err == nil {
			t.Error("open: got no error")
		}
	}
	if got := s.degraded(); len(got) != 1 || got[0] != "external: down" {
		t.Errorf("after three failures: got %q, want that external is down", got)
	}
}
