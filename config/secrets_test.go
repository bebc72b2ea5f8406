package config

import (
	"cmp"
	"fmt"
	"strings"
	"testing"
)

// No report shows a secret, whatever is wrong and whoever set it.
func TestSecrets(t *testing.T) {
	secret := []string{
		"Storage.GCP.JSONKey", "Storage.Minio.Endpoint", "Storage.Minio.Key", "Storage.Minio.Secret", "Storage.Mongo.URL",
		"Storage.S3.Key", "Storage.S3.Secret", "Storage.S3.Token", "Storage.S3.CredentialsEndpoint",
		"Storage.S3.AwsContainerCredentialsRelativeURI", "Storage.S3.Endpoint", "Storage.AzureBlob.AccountKey",
		"Storage.External.URL", "Tiers.AzureBlob.Endpoint", "Tiers.GCP.Endpoint", "Tiers.Serve.Pass",
		"SingleFlight.Etcd.Endpoints", "SingleFlight.Redis.Endpoint", "SingleFlight.Redis.Password",
		"SingleFlight.RedisSentinel.SentinelPassword", "SingleFlight.RedisSentinel.RedisPassword",
		"Tiers.Locks.EtcdPassword", "Tiers.Peers.URL", "Tiers.Peers.Secret",
	}
	for _, key := range secret {
		t.Run(key, func(t *testing.T) {
			r := byID()[strings.ToLower(key)]
			locker := cmp.Or(r.locker(), "memory")
			for _, stack := range [][]string{{"disk"}, append([]string{"disk"}, stores()...), {"tape", "disk"}} {
				tiers := "SingleFlightType = \"" + locker + "\"\n[Tiers]\nStack = [\"" + strings.Join(stack, `", "`) + "\"]\n"
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
			ours := strings.HasPrefix(r.key, "Tiers.Serve.") || strings.HasPrefix(r.key, "Tiers.Peers.")
			if r.secret && (r.store() != "" || r.locker() != "" || ours) {
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
