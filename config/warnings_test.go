package config

import (
	"strings"
	"testing"
)

func TestStoreWarnings(t *testing.T) {
	for _, tt := range []struct{ claim, store, content, want string }{
		{"a database that Athens ignores", "mongo", "DefaultDBName = \"mine\"",
			`:3: Storage.Mongo.DefaultDBName = "athens": no file sets it, here as with Athens, whose data is there; for "mine" set ATHENS_MONGO_DEFAULT_DATABASE`},
		{"a collection that Athens ignores", "mongo", "DefaultCollectionName = \"module\"",
			`:3: Storage.Mongo.DefaultCollectionName = "modules": no file sets it, here as with Athens, whose data is there; for "module" set ATHENS_MONGO_DEFAULT_COLLECTION`},
		{"a switch that Athens ignores", "mongo", "Insecure = true",
			":3: Storage.Mongo.Insecure = true: taken as InsecureConn, so the server's certificate is not verified; Athens ignores it"},
		{"a scheme that TLS does not follow", "minio", "EnableSSL = false\nEndpoint = \"HTTPS://m.example\"",
			":4: Storage.Minio.Endpoint: its https:// has no effect; what counts is FILE:3: Storage.Minio.EnableSSL = false"},
		{"nor the other way round", "minio", "EnableSSL = true\nEndpoint = \"http://m.example\"", ":4: Storage.Minio.Endpoint: its http:// has no effect"},
	} {
		t.Run(tt.claim+" is one warning", func(t *testing.T) {
			file := write(t, "StorageType = \""+tt.store+"\"\n[Storage."+tt.store+"]\n"+tt.content+"\n")
			environ := strings.Fields(complete()[tt.store])
			if tt.store == "minio" {
				environ = without(environ, "ATHENS_MINIO_ENDPOINT")
			}
			_, warnings, err := Load(Options{File: file, Environ: environ})
			want := file + strings.ReplaceAll(tt.want, "FILE", file)
			if err != nil || len(warnings) != 1 || !strings.HasPrefix(warnings[0], want) {
				t.Errorf("got %q, %v; want %q", warnings, err, want)
			}
		})
	}
	mongo := func(t *testing.T, content string, environ ...string) *Config {
		t.Helper()
		file := write(t, "StorageType = \"mongo\"\n[Storage.Mongo]\nURL = \"mongodb://m\"\n"+content+"\n")
		c, _, err := Load(Options{File: file, Environ: environ})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	t.Run("the data of Athens is found whatever its file says", func(t *testing.T) {
		m := mongo(t, "DefaultDBName = \"mine\"\nDefaultCollectionName = \"ours\"").Storage.Mongo
		if m.DefaultDBName != "athens" || m.DefaultCollectionName != "modules" {
			t.Errorf("got %+v", m)
		}
	})
	t.Run("a variable over the file is what Athens does, and silence", func(t *testing.T) {
		file := write(t, "StorageType = \"mongo\"\n[Storage.Mongo]\nURL = \"mongodb://m\"\nDefaultDBName = \"mine\"\n")
		if c := load(t, Options{File: file, Environ: []string{"ATHENS_MONGO_DEFAULT_DATABASE=theirs"}}); c.Storage.Mongo.DefaultDBName != "theirs" {
			t.Errorf("got %+v", c.Storage.Mongo)
		}
	})
	t.Run("of Insecure and InsecureConn one is enough", func(t *testing.T) {
		for content, want := range map[string]bool{
			"Insecure = true": true, "InsecureConn = true": true, "Insecure = true\nInsecureConn = true": true,
			"Insecure = true\nInsecureConn = false": true, "Insecure = false\nInsecureConn = true": true,
			"Insecure = false\nInsecureConn = false": false, "Insecure = false": false, "": false,
		} {
			if got := mongo(t, content).Storage.Mongo.InsecureConn; got != want {
				t.Errorf("%q: got %t, want %t", content, got, want)
			}
		}
		if !mongo(t, "Insecure = true", "ATHENS_MONGO_INSECURE=false").Storage.Mongo.InsecureConn {
			t.Error("a variable of InsecureConn says nothing of Insecure")
		}
	})
	t.Run("a storage resource is the scope", func(t *testing.T) {
		for _, o := range []Options{
			{File: write(t, ""), Environ: []string{"ATHENS_AZURE_STORAGE_RESOURCE=https://s.example"}},
			{File: write(t, ""), Environ: []string{"ATHENS_STORAGE_AZUREBLOB_ATHENS_AZURE_STORAGE_RESOURCE=https://s.example"}},
			{File: write(t, "[Storage.AzureBlob]\nStorageResource = \"https://s.example\"\n")},
		} {
			o.Environ = append(o.Environ, "ATHENS_STORAGE_TYPE=azureblob")
			o.Environ = append(o.Environ, strings.Fields(complete()["azureblob"])...)
			if got := load(t, o).Storage.AzureBlob.CredentialScope; got != "https://s.example" {
				t.Errorf("got %q", got)
			}
		}
	})
}
