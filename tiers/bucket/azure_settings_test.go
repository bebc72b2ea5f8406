package bucket

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/modtier/modtier/tiers"
)

// A vault gives tokens, or err.
type vault struct {
	scopes []string
	err    error
}

func (v *vault) GetToken(_ context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	v.scopes = o.Scopes
	return azcore.AccessToken{Token: "sesame", ExpiresOn: time.Now().Add(time.Hour)}, v.err
}

func TestAzureAsksForTokensOfTheScopeConfigured(t *testing.T) {
	t.Parallel()
	for scope, want := range map[string]string{"https://storage.example/.default": "https://storage.example/.default", "": "the library's"} {
		v := &vault{}
		if _, err := (tokens{v, scope}).GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{"the library's"}}); err != nil {
			t.Fatal(err)
		}
		if len(v.scopes) != 1 || v.scopes[0] != want {
			t.Errorf("scope %q: got %q, want %q", scope, v.scopes, want)
		}
	}
	_, err := tokens{&vault{err: fmt.Errorf("no identity\nhere: %w", fs.ErrNotExist)}, ""}.GetToken(t.Context(), policy.TokenRequestOptions{})
	if err == nil || errors.Is(err, fs.ErrNotExist) || strings.Contains(err.Error(), "\n") {
		t.Errorf("no token: got error %v, want a line that is no absence", err)
	}
}

func TestAzureCheckNamesWhatToMend(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		code int
		word string
		want []string
	}{
		{404, "ContainerNotFound", []string{`azureblob: container "modules" does not exist: mend Storage.AzureBlob.ContainerName (ATHENS_AZURE_CONTAINER_NAME)`}},
		{403, "AuthenticationFailed", []string{`account "account" refuses the key`, "AuthenticationFailed", "ATHENS_AZURE_ACCOUNT_KEY", "ATHENS_AZURE_ACCOUNT_NAME"}},
		{400, "InvalidUri", []string{"InvalidUri", "ATHENS_AZURE_CONTAINER_NAME", "MODTIER_AZUREBLOB_ENDPOINT"}},
	} {
		b := azureSaying(t, azureStatus(c.code, c.word))
		for _, managed := range []bool{false, true} {
			want := c.want
			if managed {
				b.client.(*azure).ManagedIdentityResourceID = "id" // as if it had given the token
				if c.code == 403 {
					want = []string{"managed identity may not list container", "ATHENS_AZURE_MANAGED_IDENTITY_RESOURCE_ID"}
				}
			}
			err := b.Check(t.Context())
			for _, want := range want {
				if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "c2VjcmV0") {
					t.Errorf("%s: got %v, want %q in it", c.word, err, want)
				}
			}
		}
	}

	gone := httptest.NewServer(nil)
	gone.Close()
	b, err := OpenAzure(t.Context(), Azure{AccountName: "account", AccountKey: "c2VjcmV0", ContainerName: "modules", Endpoint: gone.URL})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Check(t.Context()); err == nil || !strings.Contains(err.Error(), gone.URL+" cannot be reached") || !strings.Contains(err.Error(), "MODTIER_AZUREBLOB_ENDPOINT") {
		t.Errorf("nobody there: got %v, want the endpoint and MODTIER_AZUREBLOB_ENDPOINT in it", err)
	}

	s := azureServerFor(t)
	a := s.azure(s.container(t))
	a.AccountKey = base64.StdEncoding.EncodeToString([]byte("not the key"))
	b, err = OpenAzure(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "ATHENS_AZURE_ACCOUNT_KEY") || strings.Contains(err.Error(), a.AccountKey) {
		t.Errorf("another key: got %v, want ATHENS_AZURE_ACCOUNT_KEY in it and no key", err)
	}
	if err := s.open(t, newName()).Check(t.Context()); err == nil || !strings.Contains(err.Error(), "does not exist: mend Storage.AzureBlob.ContainerName") {
		t.Errorf("a missing container: got %v, want that it does not exist", err)
	}
	if err := s.open(t, a.ContainerName).Check(t.Context()); err != nil {
		t.Errorf("a container: %v", err)
	}
	_, err = s.open(t, newName()).Open(t.Context(), tiers.Ref{Path: "example.com/a", Version: "v1.0.0", Kind: tiers.Mod})
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("open in a missing container: got error %v, want one that is no absence", err)
	}
}

func TestAzureRefusesSettingsThatCannotWork(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a    Azure
		want string
	}{
		{Azure{ContainerName: "c", AccountKey: "aHVzaA=="}, "azureblob: no account: set Storage.AzureBlob.AccountName"},
		{Azure{AccountName: "a", AccountKey: "aHVzaA=="}, "set Storage.AzureBlob.ContainerName"},
		{Azure{AccountName: "a", ContainerName: "c"}, "set Storage.AzureBlob.AccountKey (ATHENS_AZURE_ACCOUNT_KEY) or Storage.AzureBlob.ManagedIdentityResourceID"},
		{Azure{AccountName: "a", ContainerName: "c", AccountKey: "hush!"}, "not base64: mend Storage.AzureBlob.AccountKey"},
		{Azure{AccountName: "a.example/", ContainerName: "c", AccountKey: "aHVzaA=="}, "mend Storage.AzureBlob.AccountName"},
		{Azure{AccountName: "a", ContainerName: "c/d", AccountKey: "aHVzaA=="}, "mend Storage.AzureBlob.ContainerName"},
		{Azure{AccountName: "a", ContainerName: "c", AccountKey: "aHVzaA==", Endpoint: "localhost:10000"}, "mend Tiers.AzureBlob.Endpoint"},
		{Azure{AccountName: "a", ContainerName: "c", AccountKey: "aHVzaA==", Endpoint: "https://a:hush@localhost"}, "mend Tiers.AzureBlob.Endpoint"},
	} {
		_, err := OpenAzure(t.Context(), c.a)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hush") || strings.Contains(err.Error(), "aHVzaA") {
			t.Errorf("open: got error %v, want %q in it and no secret", err, c.want)
		}
	}
}

func TestAzureManagedIdentityWinsOverAKey(t *testing.T) {
	t.Parallel()
	b, err := OpenAzure(t.Context(), Azure{
		AccountName: "account", ContainerName: "modules", AccountKey: "not base64!",
		ManagedIdentityResourceID: "/subscriptions/1/resourcegroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/modules",
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := b.client.(*azure).container.URL(), "https://account.blob.core.windows.net/modules"; got != want {
		t.Errorf("URL: got %s, want %s", got, want)
	}
}
