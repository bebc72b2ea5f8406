package bucket

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/internal/web"
)

// An Azure says which container of Azure Blob Storage to use, and how.
type Azure struct {
	Options

	// AccountName is the name of the storage account. Athens'
	// Storage.AzureBlob.AccountName.
	AccountName string

	// ContainerName is the name of the container, which must exist. Athens'
	// Storage.AzureBlob.ContainerName.
	ContainerName string

	// AccountKey is a key of the account, in base64. Athens'
	// Storage.AzureBlob.AccountKey.
	AccountKey string

	// ManagedIdentityResourceID is the resource ID of a managed identity of the
	// machine. With it AccountKey is not used. Athens'
	// Storage.AzureBlob.ManagedIdentityResourceID.
	ManagedIdentityResourceID string

	// CredentialScope is what the managed identity's tokens are for; "" is the
	// storage of the public cloud. Athens' Storage.AzureBlob.CredentialScope.
	CredentialScope string

	// Endpoint is the URL of the account's blob service, with a path if the
	// account is part of it: in another cloud, or an emulator. "" is
	// https://<AccountName>.blob.core.windows.net.
	Endpoint string
}

// azureTypes are the content types that Athens gives.
var azureTypes = map[tiers.Kind]string{
	tiers.Info: "application/json",
	tiers.Mod:  "text/plain",
	tiers.Zip:  "application/octet-stream",
}

// OpenAzure opens a container of Azure Blob Storage. An account with a
// hierarchical namespace holds modules like any other, but does not list them in
// an order that Catalog could go on in, which it then says.
func OpenAzure(_ context.Context, a Azure) (*Bucket, error) {
	a.Options = a.Options.named("azureblob")
	c, err := openAzure(a)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", a.Name, err)
	}
	return open(c, layout{types: azureTypes}, a.Options), nil
}

// An azure is a client of Azure Blob Storage.
type azure struct {
	Azure
	container     *container.Client
	single, block int64 // the most bytes in one request for a blob, and for a block of one
	page          int   // the most names in one answer
}

func openAzure(a Azure) (*azure, error) {
	switch {
	case a.AccountName == "":
		return nil, errors.New("no account: set " + azureAccountKey)
	case a.ContainerName == "":
		return nil, errors.New("no container: set " + azureContainerKey)
	case a.AccountKey == "" && a.ManagedIdentityResourceID == "":
		return nil, fmt.Errorf("no credentials: set %s or %s", azureKeyKey, azureIdentityKey)
	}
	at, err := a.url()
	if err != nil {
		return nil, err
	}
	o := &container.ClientOptions{ClientOptions: azcore.ClientOptions{
		Transport: &http.Client{Transport: transport(a.timeout()), CheckRedirect: noRedirects},
		Retry:     policy.RetryOptions{MaxRetries: attempts - 1, RetryDelay: 200 * time.Millisecond, MaxRetryDelay: 5 * time.Second},
		Telemetry: policy.TelemetryOptions{Disabled: true},
	}}
	// A service that has the blob says so before it was sent to no purpose, and
	// before it closes the connection on the rest.
	o.ExpectContinueBehavior = blob.ExpectContinueOptions{Mode: blob.ExpectContinueModeOn, ContentLengthThreshold: 1 << 20}
	c := &azure{Azure: a, single: 256 << 20, block: 64 << 20, page: 5000}
	if a.ManagedIdentityResourceID != "" {
		credential, err := azidentity.NewManagedIdentityCredential(&azidentity.ManagedIdentityCredentialOptions{
			ID: azidentity.ResourceID(a.ManagedIdentityResourceID),
		})
		if err != nil {
			return nil, fmt.Errorf("no managed identity here: %s: mend %s", web.OneLine(err.Error()), azureIdentityKey)
		}
		c.container, err = container.NewClient(at, tokens{credential, a.CredentialScope}, o)
		return c, err
	}
	credential, err := container.NewSharedKeyCredential(a.AccountName, strings.TrimSpace(a.AccountKey))
	if err != nil {
		return nil, errors.New("the key is not base64: mend " + azureKeyKey)
	}
	c.container, err = container.NewClientWithSharedKeyCredential(at, credential, o)
	return c, err
}

// url returns the URL of the container.
func (a Azure) url() (string, error) {
	if strings.Trim(a.ContainerName, "abcdefghijklmnopqrstuvwxyz0123456789-$") != "" {
		return "", fmt.Errorf("%q is no name of a container: mend %s", a.ContainerName, azureContainerKey)
	}
	if a.Endpoint != "" {
		u, err := url.Parse(a.Endpoint)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			return "", errors.New("the endpoint is no URL of a blob service: mend " + azureEndpointKey)
		}
		return u.Scheme + "://" + u.Host + strings.TrimRight(u.EscapedPath(), "/") + "/" + a.ContainerName, nil
	}
	if strings.Trim(a.AccountName, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" { // or it could be another host
		return "", fmt.Errorf("%q is no name of an account: mend %s", a.AccountName, azureAccountKey)
	}
	return "https://" + a.AccountName + ".blob.core.windows.net/" + a.ContainerName, nil
}

// tokens asks for tokens of one scope, whatever the library takes for right.
type tokens struct {
	azcore.TokenCredential
	scope string // "" is the library's
}

func (t tokens) GetToken(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	if t.scope != "" {
		o.Scopes = []string{t.scope}
	}
	token, err := t.TokenCredential.GetToken(ctx, o)
	if err != nil && ctx.Err() == nil {
		err = &credentialsError{web.OneLine(err.Error())}
	}
	return token, err
}
