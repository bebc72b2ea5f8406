package bucket

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/bloberror"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"

	"github.com/modtier/modtier/tiers/internal/web"
)

// What to mend, in the words of the configuration.
const (
	azureAccountKey   = "Storage.AzureBlob.AccountName (ATHENS_AZURE_ACCOUNT_NAME)"
	azureContainerKey = "Storage.AzureBlob.ContainerName (ATHENS_AZURE_CONTAINER_NAME)"
	azureKeyKey       = "Storage.AzureBlob.AccountKey (ATHENS_AZURE_ACCOUNT_KEY)"
	azureIdentityKey  = "Storage.AzureBlob.ManagedIdentityResourceID (ATHENS_AZURE_MANAGED_IDENTITY_RESOURCE_ID)"
	azureScopeKey     = "Storage.AzureBlob.CredentialScope (ATHENS_AZURE_CREDENTIAL_SCOPE)"
	azureEndpointKey  = "Tiers.AzureBlob.Endpoint (MODTIER_AZUREBLOB_ENDPOINT)"
)

// check lists one blob.
func (c *azure) check(ctx context.Context) error {
	_, err := c.container.NewListBlobsFlatPager(&container.ListBlobsFlatOptions{MaxResults: to.Ptr(int32(1))}).NextPage(ctx)
	missing := bloberror.HasCode(err, bloberror.ContainerNotFound)
	if err = c.failure(err); err == nil || missing {
		return err
	}
	if e, ok := errors.AsType[*credentialsError](err); ok {
		return fmt.Errorf("no token for the managed identity: %w: mend %s or %s", e, azureIdentityKey, azureScopeKey)
	}
	e, ok := errors.AsType[*azureAnswer](err)
	refused := ok && (e.status == http.StatusUnauthorized || e.status == http.StatusForbidden)
	switch {
	case refused && c.ManagedIdentityResourceID != "":
		return fmt.Errorf("the managed identity may not list container %q: %w: give it the role Storage Blob Data Contributor, see to the account's firewall, or mend %s",
			c.ContainerName, err, azureIdentityKey)
	case refused:
		return fmt.Errorf("account %q refuses the key: %w: mend %s or %s, or see to the account's firewall", c.AccountName, err, azureKeyKey, azureAccountKey)
	case ok && c.Endpoint != "":
		return fmt.Errorf("%w: mend %s or %s", err, azureContainerKey, azureEndpointKey)
	case ok:
		return fmt.Errorf("%w: mend %s", err, azureContainerKey)
	case c.Endpoint != "":
		return fmt.Errorf("%s cannot be reached: %w: mend %s", c.Endpoint, err, azureEndpointKey)
	}
	return fmt.Errorf("account %q cannot be reached: %w: mend %s, or set %s", c.AccountName, err, azureAccountKey, azureEndpointKey)
}

// An azureAnswer is an answer that is none of those that were asked for.
type azureAnswer struct {
	status int
	code   bloberror.Code // in the service's words; may be empty
}

func (e *azureAnswer) Error() string {
	if e.code == "" {
		return fmt.Sprintf("the service answered %d", e.status)
	}
	return fmt.Sprintf("the service answered %d: %s", e.status, web.OneLine(string(e.code)))
}

// failure makes an error of the library one of a client: in a line, where the
// library's quote the exchange with its URL and headers, and neither an absence
// nor a presence.
func (c *azure) failure(err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*azcore.ResponseError](err); ok {
		if e.ErrorCode == string(bloberror.ContainerNotFound) {
			return fmt.Errorf("container %q does not exist: mend %s", c.ContainerName, azureContainerKey)
		}
		return &azureAnswer{e.StatusCode, bloberror.Code(e.ErrorCode)}
	}
	if e, ok := errors.AsType[*credentialsError](err); ok {
		return e
	}
	return web.Scrub(err)
}
