package e2e

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"
)

// lockKinds are the types of locks; someLockKinds are those for tests that differ by
// little more than whether a service tells of a release.
var (
	lockKinds     = []string{"etcd", "redis", "redis-sentinel", "s3", "minio", "gcp", "azureblob", "mongo", "store"}
	someLockKinds = []string{"etcd", "redis", "s3"}
)

// lockers returns the settings of locks of that type. Those that a store holds need
// no more than the type.
func lockers(t testing.TB, kind string) (env []string) {
	t.Helper()
	env = []string{"ATHENS_SINGLE_FLIGHT_TYPE=" + kind}
	switch kind {
	case "etcd":
		env = append(env, "ATHENS_ETCD_ENDPOINTS="+fromMake(t, "MODTIER_TEST_ETCD_ENDPOINTS"))
	case "redis":
		env = append(env, "ATHENS_REDIS_ENDPOINT="+fromMake(t, "MODTIER_TEST_REDIS_URL"))
	case "redis-sentinel":
		_, password := serverURL(t, "MODTIER_TEST_REDIS_URL")
		env = append(env,
			"ATHENS_REDIS_SENTINEL_ENDPOINTS="+fromMake(t, "MODTIER_TEST_REDIS_SENTINELS"),
			"ATHENS_REDIS_SENTINEL_PASSWORD="+os.Getenv("MODTIER_TEST_REDIS_SENTINEL_PASSWORD"),
			"ATHENS_REDIS_SENTINEL_MASTER_NAME=mymaster",
			"ATHENS_REDIS_PASSWORD="+password)
	}
	return env
}

// storeAndLockers returns the settings of locks of that type and of a new store for
// a fleet: the one that holds the locks, if a store does, and else one of S3.
func storeAndLockers(t testing.TB, kind string) (env []string) {
	t.Helper()
	// On a busy machine a server of the tests may take its time.
	env = append(lockers(t, kind), "ATHENS_SUM_DBS=", "MODTIER_HEALTH_TIMEOUT=1m")
	switch kind {
	case "minio":
		return append(append(env, "ATHENS_STORAGE_TYPE=minio"), newMinio(t)...)
	case "gcp":
		return append(env, "ATHENS_STORAGE_TYPE=gcp",
			"MODTIER_GCP_ENDPOINT="+fromMake(t, "MODTIER_TEST_GCS_URL"), "ATHENS_STORAGE_GCP_BUCKET="+newGCSBucket(t))
	case "azureblob":
		u, key := serverURL(t, "MODTIER_TEST_AZURE_URL")
		return append(env, "ATHENS_STORAGE_TYPE=azureblob",
			"ATHENS_AZURE_ACCOUNT_NAME="+u.User.Username(), "ATHENS_AZURE_ACCOUNT_KEY="+key,
			"MODTIER_AZUREBLOB_ENDPOINT=http://"+u.Host+u.Path, "ATHENS_AZURE_CONTAINER_NAME="+newAzureContainer(t))
	case "mongo":
		return append(env, "ATHENS_STORAGE_TYPE=mongo",
			"ATHENS_MONGO_STORAGE_URL="+fromMake(t, "MODTIER_TEST_MONGO_URI"), "ATHENS_MONGO_DEFAULT_DATABASE="+newName())
	}
	return append(env, newS3Server(t).env("")...)
}

// shortLease is what the death of a holder costs. On a busy machine one that lives
// must not lose its lock.
const shortLease = "MODTIER_LOCKS_LEASE=5s"

// serverURL returns the URL of a server that make test starts, and the password in it.
func serverURL(t testing.TB, variable string) (u *url.URL, password string) {
	t.Helper()
	u, err := url.Parse(fromMake(t, variable))
	if err != nil {
		t.Fatal(err)
	}
	password, _ = u.User.Password()
	return u, password
}

// newName returns a name that no other test and no other run has.
func newName() string { return fmt.Sprintf("e2e-%d-%d", os.Getpid(), time.Now().UnixNano()) }

func newGCSBucket(t testing.TB) (name string) {
	t.Helper()
	name = newName()
	resp, err := http.Post(fromMake(t, "MODTIER_TEST_GCS_URL")+"/storage/v1/b?project=tests",
		"application/json", strings.NewReader(`{"name":"`+name+`"}`))
	made(t, resp, err)
	return name
}

// newAzureContainer asks as the reference of Azure's Shared Key has it.
func newAzureContainer(t testing.TB) (name string) {
	t.Helper()
	u, password := serverURL(t, "MODTIER_TEST_AZURE_URL")
	key, err := base64.StdEncoding.DecodeString(password)
	if err != nil {
		t.Fatal("the key of the account is not in base64")
	}
	name, account := newName(), u.User.Username()
	path := u.Path + "/" + name
	req, err := http.NewRequest("PUT", "http://"+u.Host+path+"?restype=container", nil)
	if err != nil {
		t.Fatal(err)
	}
	date, version := time.Now().UTC().Format(http.TimeFormat), "2021-12-02"
	req.Header.Set("x-ms-date", date)
	req.Header.Set("x-ms-version", version)
	sum := hmac.New(sha256.New, key)
	fmt.Fprintf(sum, "PUT%sx-ms-date:%s\nx-ms-version:%s\n/%s%s\nrestype:container", strings.Repeat("\n", 12), date, version, account, path)
	req.Header.Set("Authorization", "SharedKey "+account+":"+base64.StdEncoding.EncodeToString(sum.Sum(nil)))
	resp, err := http.DefaultClient.Do(req)
	made(t, resp, err)
	return name
}

// made checks the answer of a server that was asked to make something.
func made(t testing.TB, resp *http.Response, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode >= 300 {
		t.Fatalf("%s: %s", resp.Request.URL.Path, resp.Status)
	}
}
