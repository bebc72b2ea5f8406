package config

import (
	"slices"
	"strings"
)

// stores returns the names of the stores that lie below the disk tier. Each has
// a table of its name in Storage, and may have one in Tiers.
func stores() []string {
	return []string{"mongo", "gcp", "minio", "s3", "azureblob", "external"}
}

// store returns the store whose key r is, or "". What such a key holds matters
// only if the store is in the stack.
func (r row) store() string {
	parts := strings.Split(r.id(), ".")
	if len(parts) == 3 && (parts[0] == "storage" || parts[0] == "tiers") && slices.Contains(stores(), parts[1]) {
		return parts[1]
	}
	return ""
}

// storeRows holds the keys of the stores, which are Athens'.
func storeRows() []row {
	return []row{
		{key: "StorageType", env: "ATHENS_STORAGE_TYPE", def: "memory", kind: oneOf(append([]string{"memory", "disk"}, stores()...)...),
			doc: "The store: `memory` for none, `disk`, `mongo`, `gcp`, `minio`, `s3`, `azureblob` or `external`."},
		{key: "Storage.Disk.RootPath", env: "ATHENS_DISK_STORAGE_ROOT", kind: text,
			doc: "Directory of the store, with `StorageType = \"disk\"`; it must exist."},

		{key: "Storage.GCP.ProjectID", env: "GOOGLE_CLOUD_PROJECT", kind: text,
			doc: "Project of the bucket; to read and to save, none is needed."},
		{key: "Storage.GCP.Bucket", env: "ATHENS_STORAGE_GCP_BUCKET", kind: text, needed: true,
			doc: "Bucket of the store `gcp`; it must exist."},
		{key: "Storage.GCP.JSONKey", env: "ATHENS_STORAGE_GCP_JSON_KEY", kind: jsonKey, secret: true,
			doc: "Base64 of a JSON key; unset: application-default credentials."},

		{key: "Storage.Minio.Endpoint", env: "ATHENS_MINIO_ENDPOINT", kind: hostPort, needed: true, secret: true,
			doc: "Server of the store `minio`: `host` or `host:port`; `http://` or `https://` before it is dropped."},
		{key: "Storage.Minio.Key", env: "ATHENS_MINIO_ACCESS_KEY_ID", kind: text, needed: true, secret: true,
			doc: "Access key."},
		{key: "Storage.Minio.Secret", env: "ATHENS_MINIO_SECRET_ACCESS_KEY", kind: text, needed: true, secret: true,
			doc: "Secret key."},
		{key: "Storage.Minio.Bucket", env: "ATHENS_MINIO_BUCKET_NAME", kind: text, needed: true,
			doc: "Bucket of the store `minio`."},
		{key: "Storage.Minio.Region", env: "ATHENS_MINIO_REGION", kind: text,
			doc: "Region of the bucket, where the server has regions."},
		{key: "Storage.Minio.EnableSSL", env: "ATHENS_MINIO_USE_SSL", def: "false", kind: boolean,
			doc: "With `true`, HTTPS."},

		{key: "Storage.Mongo.URL", env: "ATHENS_MONGO_STORAGE_URL", kind: mongoURL, needed: true, secret: true,
			doc: "Connection string of the store `mongo`: `mongodb://` or `mongodb+srv://`."},
		{key: "Storage.Mongo.DefaultDBName", env: "ATHENS_MONGO_DEFAULT_DATABASE", def: defaultDatabase, kind: text, nofile: true,
			doc: "Database. Only the variable sets it, as with Athens: what a file says has no effect."},
		{key: "Storage.Mongo.DefaultCollectionName", env: "ATHENS_MONGO_DEFAULT_COLLECTION", def: defaultCollection, kind: text, nofile: true,
			doc: "Collection. Only the variable sets it, as with Athens: what a file says has no effect."},
		{key: "Storage.Mongo.CertPath", env: "ATHENS_MONGO_CERT_PATH", kind: text,
			doc: "PEM file of the authority to trust, which Athens does not trust; it must exist."},
		{key: "Storage.Mongo.InsecureConn", env: "ATHENS_MONGO_INSECURE", def: "false", kind: boolean,
			doc: "With `true`, the server's certificate is not verified; `Storage.Mongo.Insecure`, which Athens ignores, is taken too."},
		{key: "Storage.Mongo.Insecure", kind: boolean, as: other},

		{key: "Storage.S3.Region", env: "AWS_REGION", kind: text,
			doc: "Region of the bucket; with `Storage.S3.UseDefaultConfiguration` the SDK may find it."},
		{key: "Storage.S3.Key", env: "AWS_ACCESS_KEY_ID", kind: text, secret: true,
			doc: "Access key; needs `Storage.S3.Secret`."},
		{key: "Storage.S3.Secret", env: "AWS_SECRET_ACCESS_KEY", kind: text, secret: true,
			doc: "Secret key; needs `Storage.S3.Key`."},
		{key: "Storage.S3.Token", env: "AWS_SESSION_TOKEN", kind: text, secret: true,
			doc: "Session token beside them, if they have one."},
		{key: "Storage.S3.Bucket", env: "ATHENS_S3_BUCKET_NAME", kind: text, needed: true,
			doc: "Bucket of the store `s3`; it must exist."},
		{key: "Storage.S3.UseDefaultConfiguration", env: "AWS_USE_DEFAULT_CONFIGURATION", def: "false", kind: boolean,
			doc: "With `true`, credentials are found as the SDK finds them: environment, profile, web identity, container or instance role."},
		{key: "Storage.S3.ForcePathStyle", env: "AWS_FORCE_PATH_STYLE", def: "false", kind: boolean,
			doc: "With `true`, the bucket is in the path, not in the host name."},
		{key: "Storage.S3.CredentialsEndpoint", env: "AWS_CREDENTIALS_ENDPOINT", kind: credentialsURL, secret: true,
			doc: "URL that gives credentials; it is asked before `Storage.S3.Key` is used."},
		{key: "Storage.S3.AwsContainerCredentialsRelativeURI", env: "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", kind: text, secret: true,
			doc: "What to append to `Storage.S3.CredentialsEndpoint`."},
		{key: "Storage.S3.Endpoint", env: "AWS_ENDPOINT", kind: endpoint, secret: true,
			doc: "URL of a server that speaks S3; unset: Amazon's in the region."},

		{key: "Storage.AzureBlob.AccountName", env: "ATHENS_AZURE_ACCOUNT_NAME", kind: text, needed: true,
			doc: "Storage account of the store `azureblob`."},
		{key: "Storage.AzureBlob.AccountKey", env: "ATHENS_AZURE_ACCOUNT_KEY", kind: text, secret: true,
			doc: "Key of the account, in base64; without it `Storage.AzureBlob.ManagedIdentityResourceID` is needed."},
		{key: "Storage.AzureBlob.ManagedIdentityResourceID", env: "ATHENS_AZURE_MANAGED_IDENTITY_RESOURCE_ID", kind: text,
			doc: "Managed identity to use instead of the account's key; it wins over it."},
		{key: "Storage.AzureBlob.CredentialScope", env: "ATHENS_AZURE_CREDENTIAL_SCOPE", kind: text,
			doc: "Scope of the identity's tokens; `Storage.AzureBlob.StorageResource` (`ATHENS_AZURE_STORAGE_RESOURCE`), as Athens' documents have it, is taken too."},
		{key: "Storage.AzureBlob.StorageResource", env: "ATHENS_AZURE_STORAGE_RESOURCE", kind: text, as: other},
		{key: "Storage.AzureBlob.ContainerName", env: "ATHENS_AZURE_CONTAINER_NAME", kind: text, needed: true,
			doc: "Container of the store `azureblob`; it must exist."},

		{key: "Storage.External.URL", env: "ATHENS_EXTERNAL_STORAGE_URL", kind: webURL, needed: true, secret: true,
			doc: "URL of the store `external`, a server of Athens' protocol for stores."},
	}
}
