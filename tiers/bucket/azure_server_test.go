package bucket

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blockblob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"

	"github.com/modtier/modtier/internal/servertest"
	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/tierstest"
)

// An azureServer is an account on what stands for Azure.
type azureServer struct{ endpoint, account, key string }

func azureServerFor(t testing.TB) azureServer {
	t.Helper()
	u, err := url.Parse(servertest.Server(t, "MODTIER_TEST_AZURE_URL"))
	if err != nil || u.User == nil {
		t.Fatal("the address of the server is no URL with an account and its key")
	}
	s := azureServer{account: u.User.Username()}
	s.key, _ = u.User.Password()
	u.User = nil
	s.endpoint = u.String()
	return s
}

// api returns what a test sees a container with: the bare SDK.
func (s azureServer) api(t testing.TB, name string) *container.Client {
	t.Helper()
	credential, err := container.NewSharedKeyCredential(s.account, s.key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := container.NewClientWithSharedKeyCredential(s.endpoint+"/"+name, credential, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// container makes a container for the time of a test.
func (s azureServer) container(t testing.TB) string {
	t.Helper()
	name := newName()
	api := s.api(t, name)
	if _, err := api.Create(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := api.Delete(context.Background(), nil); err != nil {
			t.Errorf("removing the container: %v", err)
		}
	})
	return name
}

func (s azureServer) azure(name string) Azure {
	return Azure{AccountName: s.account, AccountKey: s.key, ContainerName: name, Endpoint: s.endpoint}
}

func (s azureServer) open(t testing.TB, name string) *Bucket {
	t.Helper()
	b, err := OpenAzure(t.Context(), s.azure(name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// put makes a blob without any of our code, of blocks, as Athens does.
func (s azureServer) put(t testing.TB, name, key, contentType, content string) {
	t.Helper()
	o := &blockblob.UploadStreamOptions{BlockSize: 1 << 20, Concurrency: 3, HTTPHeaders: &blob.HTTPHeaders{BlobContentType: &contentType}}
	if _, err := s.api(t, name).NewBlockBlobClient(key).UploadStream(t.Context(), strings.NewReader(content), o); err != nil {
		t.Fatal(err)
	}
}

// all returns the content types of all blobs, by name.
func (s azureServer) all(t testing.TB, name string) map[string]string {
	t.Helper()
	all := make(map[string]string)
	for p := s.api(t, name).NewListBlobsFlatPager(nil); p.More(); {
		page, err := p.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range page.Segment.BlobItems {
			all[*item.Name] = *item.Properties.ContentType
		}
	}
	return all
}

func TestAzureIsAStore(t *testing.T) {
	t.Parallel()
	s := azureServerFor(t)
	tierstest.TestStore(t, func(t *testing.T) tiers.Store {
		skipMany(t)
		return s.open(t, s.container(t))
	})
}
