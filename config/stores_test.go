package config

import (
	"encoding/base64"
	"strings"
	"testing"
)

func TestNeededKeys(t *testing.T) {
	for store, names := range map[string][]string{
		"mongo":    {"URL (ATHENS_MONGO_STORAGE_URL)"},
		"gcp":      {"Bucket (ATHENS_STORAGE_GCP_BUCKET)"},
		"minio":    {"Endpoint (ATHENS_MINIO_ENDPOINT)", "Key (ATHENS_MINIO_ACCESS_KEY_ID)", "Secret (ATHENS_MINIO_SECRET_ACCESS_KEY)", "Bucket (ATHENS_MINIO_BUCKET_NAME)"},
		"s3":       {"Region (AWS_REGION)", "Bucket (ATHENS_S3_BUCKET_NAME)", "Key (AWS_ACCESS_KEY_ID)"},
		"external": {"URL (ATHENS_EXTERNAL_STORAGE_URL)"},
		"azureblob": {"AccountName (ATHENS_AZURE_ACCOUNT_NAME)", "ContainerName (ATHENS_AZURE_CONTAINER_NAME)",
			"AccountKey (ATHENS_AZURE_ACCOUNT_KEY)"},
	} {
		for how, o := range map[string]Options{
			"StorageType": {File: write(t, "StorageType = \""+store+"\"\n")},
			"Tiers.Stack": {File: write(t, ""), Environ: []string{"MODTIER_STACK=disk," + store}},
			"empty texts": {File: write(t, "StorageType = \""+store+"\"\n[Storage."+store+"]\nURL = \"\"\nKey = \"\"\nBucket = \"\"\n")},
		} {
			t.Run(store+" names all keys that it cannot do without, chosen by "+how, func(t *testing.T) {
				_, _, err := Load(o)
				if err == nil {
					t.Fatal("got no error")
				}
				for _, name := range names {
					if table := "Storage." + name; !strings.Contains(strings.ToLower(err.Error()), strings.ToLower("Storage."+store+"."+name+": want it")) {
						t.Errorf("no %q in\n%v", table, err)
					}
				}
				if got := strings.Count(err.Error(), "\n") + 1; got != len(names) {
					t.Errorf("got %d errors, want %d:\n%v", got, len(names), err)
				}
				if got := strings.Count(err.Error(), "for the store "+store+" needs"); got != len(names) {
					t.Errorf("the store is named %d times, want %d:\n%v", got, len(names), err)
				}
			})
		}
	}
	t.Run("several stores are said at once", func(t *testing.T) {
		_, _, err := Load(Options{File: write(t, ""), Environ: []string{"MODTIER_STACK=disk,gcp,external"}})
		if err == nil || strings.Count(err.Error(), "\n") != 1 {
			t.Errorf("got %v, want an error of each", err)
		}
	})
}

func TestStoreChecks(t *testing.T) {
	dir := t.TempDir()
	encode := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	for _, tt := range []struct{ claim, environ, want string }{
		{"the protocol of an external store is HTTP", "external ATHENS_EXTERNAL_STORAGE_URL=ftp://u:sesame@x.example", "ATHENS_EXTERNAL_STORAGE_URL: Storage.External.URL: want an http or https URL"},
		{"an external store has a host", "external ATHENS_EXTERNAL_STORAGE_URL=http:///sesame", "Storage.External.URL: want an http or https URL"},
		{"a path can be added to its URL", "external ATHENS_EXTERNAL_STORAGE_URL=http://x.example/?key=sesame", "Storage.External.URL: want a URL without a query"},

		{"a connection string has its scheme", "mongo ATHENS_MONGO_STORAGE_URL=u:sesame@m.example", "Storage.Mongo.URL: want a URL that begins with mongodb://"},
		{"a certificate is there", "mongo ATHENS_MONGO_CERT_PATH=" + dir + "/none", "Storage.Mongo.CertPath = \"" + dir + "/none\": want a file that exists"},
		{"a certificate is a file", "mongo ATHENS_MONGO_CERT_PATH=" + dir, "want a file that exists"},
		{"names in variables Athens obeys too", "mongo ATHENS_MONGO_DEFAULT_DATABASE=d ATHENS_MONGO_DEFAULT_COLLECTION=c", ""},

		{"a JSON key is in base64", "gcp ATHENS_STORAGE_GCP_JSON_KEY={sesame}", "Storage.GCP.JSONKey: want a JSON object in base64"},
		{"a JSON key is JSON", "gcp ATHENS_STORAGE_GCP_JSON_KEY=" + encode("sesame"), "Storage.GCP.JSONKey: want a JSON object in base64"},
		{"a JSON key is an object", "gcp ATHENS_STORAGE_GCP_JSON_KEY=" + encode(`["sesame"]`), "want a JSON object in base64"},
		{"null is no object", "gcp ATHENS_STORAGE_GCP_JSON_KEY=" + encode(`null`), "want a JSON object in base64"},
		{"an endpoint of ours is a URL", "gcp MODTIER_GCP_ENDPOINT=g.example", "MODTIER_GCP_ENDPOINT: Tiers.GCP.Endpoint: want an http or https URL"},

		{"a MinIO server has no path", "minio ATHENS_MINIO_ENDPOINT=m.example/bucket", "Storage.Minio.Endpoint: want a host, or host:port, without a path"},
		{"a MinIO server speaks HTTP", "minio ATHENS_MINIO_ENDPOINT=ftp://m.example", "want a host, or host:port"},
		{"a MinIO server's address has no credentials", "minio ATHENS_MINIO_ENDPOINT=https://k:sesame@m.example", "want a host, or host:port"},
		{"a MinIO server has a host", "minio ATHENS_MINIO_ENDPOINT=:9000", "want a host, or host:port"},
		{"TLS is on or off", "minio ATHENS_MINIO_USE_SSL=sesam", "Storage.Minio.EnableSSL = \"sesam\": want true or false"},

		{"a key has its secret", "s3 AWS_SECRET_ACCESS_KEY=", "AWS_ACCESS_KEY_ID: Storage.S3.Key: set without Storage.S3.Secret (AWS_SECRET_ACCESS_KEY)"},
		{"a secret has its key", "s3 AWS_ACCESS_KEY_ID=", "AWS_SECRET_ACCESS_KEY: Storage.S3.Secret: set without Storage.S3.Key (AWS_ACCESS_KEY_ID)"},
		{"S3 needs credentials, and says which", "s3 AWS_ACCESS_KEY_ID= AWS_SECRET_ACCESS_KEY=",
			"Storage.S3.Key (AWS_ACCESS_KEY_ID): want it and Storage.S3.Secret (AWS_SECRET_ACCESS_KEY), or Storage.S3.CredentialsEndpoint (AWS_CREDENTIALS_ENDPOINT), or true for Storage.S3.UseDefaultConfiguration (AWS_USE_DEFAULT_CONFIGURATION)"},
		{"a relative URI alone gives none", "s3 AWS_ACCESS_KEY_ID= AWS_SECRET_ACCESS_KEY= AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/sesame", "for the store s3 needs one of them"},
		{"a relative URI that is a URL does", "s3 AWS_ACCESS_KEY_ID= AWS_SECRET_ACCESS_KEY= AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=http://c.example/sesame", ""},
		{"beside a key it is nothing", "s3 AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/sesame", ""},
		{"behind an endpoint it makes a URL", "s3 AWS_CREDENTIALS_ENDPOINT=http://c.example:80 AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=sesame",
			"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: Storage.S3.AwsContainerCredentialsRelativeURI: want a path to append to Storage.S3.CredentialsEndpoint"},
		{"it does not make another host of the endpoint's", "s3 AWS_CREDENTIALS_ENDPOINT=http://c.example AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=@sesame.example/", "want a path to append"},
		{"a region is needed", "s3 AWS_REGION=", "Storage.S3.Region (AWS_REGION): want it set, for the store s3 needs it"},
		{"the SDK may find a region", "s3 AWS_REGION= AWS_USE_DEFAULT_CONFIGURATION=true", ""},
		{"the SDK may find them", "s3 AWS_ACCESS_KEY_ID= AWS_SECRET_ACCESS_KEY= AWS_USE_DEFAULT_CONFIGURATION=true", ""},
		{"the SDK may find half of them", "s3 AWS_SECRET_ACCESS_KEY= AWS_USE_DEFAULT_CONFIGURATION=true", ""},
		{"an endpoint may give them", "s3 AWS_ACCESS_KEY_ID= AWS_SECRET_ACCESS_KEY= AWS_CREDENTIALS_ENDPOINT=http://c.example/?role=r", ""},
		{"an endpoint for credentials is a URL", "s3 AWS_ACCESS_KEY_ID= AWS_SECRET_ACCESS_KEY= AWS_CREDENTIALS_ENDPOINT=sesame", "Storage.S3.CredentialsEndpoint: want an http or https URL"},
		{"an endpoint of S3 is a URL", "s3 AWS_ENDPOINT=m.example:9000", "AWS_ENDPOINT: Storage.S3.Endpoint: want an http or https URL"},
		{"an endpoint of S3 has no credentials", "s3 AWS_ENDPOINT=http://k:sesame@m.example", "AWS_ENDPOINT: Storage.S3.Endpoint: want a URL without credentials"},
		{"an endpoint for credentials has none itself", "s3 AWS_CREDENTIALS_ENDPOINT=http://k:sesame@m.example", "Storage.S3.CredentialsEndpoint: want a URL without credentials"},
		{"path style is on or off", "s3 AWS_FORCE_PATH_STYLE=maybe", "Storage.S3.ForcePathStyle = \"maybe\": want true or false"},

		{"an account key is in base64", "azureblob ATHENS_AZURE_ACCOUNT_KEY=open_sesame", "Storage.AzureBlob.AccountKey: want base64"},
		{"Azure needs a key or an identity", "azureblob ATHENS_AZURE_ACCOUNT_KEY=", "want it, or Storage.AzureBlob.ManagedIdentityResourceID (ATHENS_AZURE_MANAGED_IDENTITY_RESOURCE_ID)"},
		{"an identity is enough", "azureblob ATHENS_AZURE_ACCOUNT_KEY= ATHENS_AZURE_MANAGED_IDENTITY_RESOURCE_ID=/i", ""},
		{"beside an identity the key does not count", "azureblob ATHENS_AZURE_ACCOUNT_KEY=open_sesame ATHENS_AZURE_MANAGED_IDENTITY_RESOURCE_ID=/i", ""},
		{"a scope has one value", "azureblob ATHENS_AZURE_CREDENTIAL_SCOPE=a ATHENS_AZURE_STORAGE_RESOURCE=b",
			`ATHENS_AZURE_STORAGE_RESOURCE: Storage.AzureBlob.StorageResource = "b": another name of ATHENS_AZURE_CREDENTIAL_SCOPE: Storage.AzureBlob.CredentialScope = "a"; want one of them`},
		{"a scope may be said twice", "azureblob ATHENS_AZURE_CREDENTIAL_SCOPE=a ATHENS_AZURE_STORAGE_RESOURCE=a", ""},
		{"a token for a container is no endpoint", "azureblob MODTIER_AZUREBLOB_ENDPOINT=https://a.example/?sig=sesame", "Tiers.AzureBlob.Endpoint: want a URL without a query"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			store, vars, _ := strings.Cut(tt.environ, " ")
			own := strings.Fields(vars)
			environ := append(own, strings.Fields(complete()[store])...) // of two, the first counts
			_, warnings, err := Load(Options{File: write(t, ""), Environ: append(environ, "ATHENS_STORAGE_TYPE="+store)})
			wantOne(t, err, tt.want)
			if len(warnings) > 0 {
				t.Errorf("got warnings %q, want none", warnings)
			}
		})
	}
	t.Run("a relative URI that Amazon's containers have anyway is left out", func(t *testing.T) {
		environ := append(strings.Fields(complete()["s3"]), "ATHENS_STORAGE_TYPE=s3", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/v2/credentials")
		if c := load(t, Options{File: write(t, ""), Environ: environ}); c.Storage.S3.AwsContainerCredentialsRelativeURI != "" {
			t.Errorf("got %+v", c.Storage.S3)
		}
	})
	t.Run("a value of a wrong type is one error with its line", func(t *testing.T) {
		for _, r := range table() {
			if store := r.store(); store != "" && r.kind != nil {
				environ := append(strings.Fields(complete()[store]), "MODTIER_STACK=disk,"+store)
				for _, name := range r.vars() {
					environ = without(environ, name)
				}
				file := write(t, "\n"+toml(r.key, "[7]"))
				_, _, err := Load(Options{File: file, Environ: environ})
				wantOne(t, err, file+":3: "+r.key)
			}
		}
	})
}

// without returns environ without a variable.
func without(environ []string, name string) []string {
	var kept []string
	for _, pair := range environ {
		if !strings.HasPrefix(pair, name+"=") {
			kept = append(kept, pair)
		}
	}
	return kept
}
