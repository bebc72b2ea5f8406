package config

import (
	"fmt"
	"strings"
	"testing"
)

// No report shows a secret, whatever is wrong and whoever set it.
func TestSecretsOfStores(t *testing.T) {
	secret := []string{
		"Storage.GCP.JSONKey", "Storage.Minio.Endpoint", "Storage.Minio.Key", "Storage.Minio.Secret", "Storage.Mongo.URL",
		"Storage.S3.Key", "Storage.S3.Secret", "Storage.S3.Token", "Storage.S3.CredentialsEndpoint",
		"Storage.S3.AwsContainerCredentialsRelativeURI", "Storage.S3.Endpoint", "Storage.AzureBlob.AccountKey",
		"Storage.External.URL", "Tiers.AzureBlob.Endpoint", "Tiers.GCP.Endpoint", "Tiers.Serve.Pass",
	}
	for _, key := range secret {
		t.Run(key, func(t *testing.T) {
			r := byID()[strings.ToLower(key)]
			for _, stack := range [][]string{{"disk"}, append([]string{"disk"}, stores()...), {"tape", "disk"}} {
				tiers := "[Tiers]\nStack = [\"" + strings.Join(stack, `", "`) + "\"]\n"
				options := []Options{
					{File: write(t, tiers+toml(key, `"open sesame"`))},
					{File: write(t, tiers+toml(key, `["open sesame"]`))},
					{File: write(t, tiers+toml(key, `"https://u:sesame@x.example"`))},
				}
				for _, name := range r.vars() {
					options = append(options, Options{File: write(t, tiers), Environ: []string{name + "=open sesame"}})
				}
				for _, o := range options {
					_, warnings, err := Load(o)
					if said := fmt.Sprint(err, warnings); strings.Contains(said, "sesame") {
						t.Errorf("a secret in %s", said)
					}
				}
			}
		})
	}
	t.Run("are all that hold credentials", func(t *testing.T) {
		var got []string
		for _, r := range table() {
			if r.secret && (r.store() != "" || strings.HasPrefix(r.key, "Tiers.Serve.")) {
				got = append(got, r.key)
			}
		}
		marked := make(map[string]bool)
		for _, key := range got {
			marked[key] = true
		}
		for _, key := range secret {
			if !marked[key] {
				t.Errorf("%s is not marked", key)
			}
		}
		if len(got) != len(secret) {
			t.Errorf("got %q\nwant %q", got, secret)
		}
	})
}
