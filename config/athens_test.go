package config

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// Files as sites have them for Athens, every key that Athens has.
func TestFilesOfAthens(t *testing.T) {
	cert := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(cert, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	jsonKey := base64.StdEncoding.EncodeToString([]byte(`{"type": "service_account"}`))
	for _, tt := range []struct {
		store, content string
		fill           func(*Storage)
	}{
		{"mongo", `
			URL = "mongodb+srv://u:p@m.example/?authSource=admin"
			DefaultDBName = "athens"
			DefaultCollectionName = "modules"
			CertPath = "` + cert + `"
			InsecureConn = true
			Insecure = false`,
			func(s *Storage) {
				s.Mongo.URL = "mongodb+srv://u:p@m.example/?authSource=admin"
				s.Mongo.CertPath, s.Mongo.InsecureConn = cert, true
			}},
		{"gcp", `
			ProjectID = "team"
			Bucket = "modules"
			JSONKey = "` + jsonKey + `"`,
			func(s *Storage) { s.GCP.ProjectID, s.GCP.Bucket, s.GCP.JSONKey = "team", "modules", jsonKey }},
		{"minio", `
			Endpoint = "https://spaces.example"
			Key = "k"
			Secret = "s"
			Bucket = "modules"
			Region = "north"
			EnableSSL = true`,
			func(s *Storage) {
				m := &s.Minio
				m.Endpoint, m.Key, m.Secret, m.Bucket, m.Region, m.EnableSSL = "spaces.example", "k", "s", "modules", "north", true
			}},
		{"s3", `
			Region = "north"
			Key = "k"
			Secret = "s"
			Token = ""
			Bucket = "modules"
			UseDefaultConfiguration = false
			ForcePathStyle = true
			CredentialsEndpoint = "http://127.0.0.1:8080"
			AwsContainerCredentialsRelativeURI = "/v2/credentials"
			Endpoint = "http://127.0.0.1:9000"`,
			func(s *Storage) {
				s.S3.Region, s.S3.Key, s.S3.Secret, s.S3.Bucket, s.S3.ForcePathStyle = "north", "k", "s", "modules", true
				s.S3.CredentialsEndpoint, s.S3.AwsContainerCredentialsRelativeURI = "http://127.0.0.1:8080", "/v2/credentials"
				s.S3.Endpoint = "http://127.0.0.1:9000"
			}},
		{"azureblob", `
			AccountName = "site"
			AccountKey = "a2V5"
			managedidentityresourceid = "/subscriptions/x"
			CredentialScope = "https://storage.example/.default"
			StorageResource = "https://storage.example/.default"
			ContainerName = "modules"`,
			func(s *Storage) {
				a := &s.AzureBlob
				a.AccountName, a.AccountKey, a.ContainerName = "site", "a2V5", "modules"
				a.ManagedIdentityResourceID, a.CredentialScope = "/subscriptions/x", "https://storage.example/.default"
			}},
		{"external", `URL = "http://127.0.0.1:9090/modules"`,
			func(s *Storage) { s.External.URL = "http://127.0.0.1:9090/modules" }},
	} {
		t.Run(tt.store+" is taken whole and without a word", func(t *testing.T) {
			var want Storage
			want.Mongo.DefaultDBName, want.Mongo.DefaultCollectionName = "athens", "modules"
			tt.fill(&want)
			c := load(t, Options{File: write(t, "StorageType = \""+tt.store+"\"\n[Storage."+tt.store+"]\n"+tt.content+"\n")})
			if !reflect.DeepEqual(c.Storage, want) {
				t.Errorf("got  %+v\nwant %+v", c.Storage, want)
			}
		})
	}
	t.Run("placeholders for stores that are not used are silence", func(t *testing.T) {
		var content strings.Builder
		for _, r := range table() {
			if r.store() != "" {
				content.WriteString(r.key + " = \"MY_VALUE/on@disk\"\n")
			}
		}
		c := load(t, Options{File: write(t, content.String())})
		if c.Storage.S3.Bucket != "MY_VALUE/on@disk" || c.Storage.External.URL != "" || c.Storage.Minio.EnableSSL {
			t.Errorf("got %+v, want what is right and no more", c.Storage)
		}
		load(t, Options{File: write(t, strings.ReplaceAll(content.String(), `"MY_VALUE/on@disk"`, "7"))})
	})
	t.Run("of one store's placeholders the other stores are silent", func(t *testing.T) {
		file := write(t, "StorageType = \"gcp\"\n[Storage.GCP]\nBucket = \"b\"\n[Storage.Mongo]\nURL = \"MY_URL\"\nDefaultDBName = \"x\"\nInsecure = true\nCertPath = \"/no/such\"\n")
		load(t, Options{File: file})
	})
}
