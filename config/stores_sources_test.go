package config

import (
	"encoding/base64"
	"testing"
)

// storeSamples is [samples] for the keys of stores. No store is in the stack:
// what one may hold is looked at elsewhere.
func storeSamples(t *testing.T) []sample {
	t.Helper()
	key := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	f, e := key(`{"type":"f"}`), key(`{"type":"e"}`)
	return []sample{
		{"Storage.GCP.ProjectID", `"f"`, "f", "ATHENS_STORAGE_GCP_GOOGLE_CLOUD_PROJECT GOOGLE_CLOUD_PROJECT", "e", "e", nil},
		{"Storage.GCP.Bucket", `"f"`, "f", "ATHENS_STORAGE_GCP_ATHENS_STORAGE_GCP_BUCKET ATHENS_STORAGE_GCP_BUCKET", "e", "e", nil},
		{"Storage.GCP.JSONKey", `"` + f + `"`, f, "ATHENS_STORAGE_GCP_ATHENS_STORAGE_GCP_JSON_KEY ATHENS_STORAGE_GCP_JSON_KEY", e, e, nil},
		{"Storage.Minio.Endpoint", `"f.example:9000"`, "f.example:9000",
			"ATHENS_STORAGE_MINIO_ATHENS_MINIO_ENDPOINT ATHENS_MINIO_ENDPOINT", "https://e.example/", "e.example", nil},
		{"Storage.Minio.Key", `"f"`, "f", "ATHENS_STORAGE_MINIO_ATHENS_MINIO_ACCESS_KEY_ID ATHENS_MINIO_ACCESS_KEY_ID", "e", "e", nil},
		{"Storage.Minio.Secret", `"f"`, "f", "ATHENS_STORAGE_MINIO_ATHENS_MINIO_SECRET_ACCESS_KEY ATHENS_MINIO_SECRET_ACCESS_KEY", "e", "e", nil},
		{"Storage.Minio.Bucket", `"f"`, "f", "ATHENS_STORAGE_MINIO_ATHENS_MINIO_BUCKET_NAME ATHENS_MINIO_BUCKET_NAME", "e", "e", nil},
		{"Storage.Minio.Region", `"f"`, "f", "ATHENS_STORAGE_MINIO_ATHENS_MINIO_REGION ATHENS_MINIO_REGION", "e", "e", nil},
		{"Storage.Minio.EnableSSL", `true`, true, "ATHENS_STORAGE_MINIO_ATHENS_MINIO_USE_SSL ATHENS_MINIO_USE_SSL", "0", false, nil},
		{"Storage.Mongo.URL", `"mongodb://f"`, "mongodb://f",
			"ATHENS_STORAGE_MONGO_ATHENS_MONGO_STORAGE_URL ATHENS_MONGO_STORAGE_URL", "mongodb+srv://e", "mongodb+srv://e", nil},
		{"Storage.Mongo.DefaultDBName", `"f"`, "athens", "ATHENS_STORAGE_MONGO_ATHENS_MONGO_DEFAULT_DATABASE ATHENS_MONGO_DEFAULT_DATABASE", "e", "e", nil},
		{"Storage.Mongo.DefaultCollectionName", `"f"`, "modules",
			"ATHENS_STORAGE_MONGO_ATHENS_MONGO_DEFAULT_COLLECTION ATHENS_MONGO_DEFAULT_COLLECTION", "e", "e", nil},
		{"Storage.Mongo.CertPath", `"/f"`, "/f", "ATHENS_STORAGE_MONGO_ATHENS_MONGO_CERT_PATH ATHENS_MONGO_CERT_PATH", "/e", "/e", nil},
		{"Storage.Mongo.InsecureConn", `true`, true, "ATHENS_STORAGE_MONGO_ATHENS_MONGO_INSECURE ATHENS_MONGO_INSECURE", "false", false, nil},
		{"Storage.S3.Region", `"f"`, "f", "ATHENS_STORAGE_S3_AWS_REGION AWS_REGION", "e", "e", nil},
		{"Storage.S3.Key", `"f"`, "f", "ATHENS_STORAGE_S3_AWS_ACCESS_KEY_ID AWS_ACCESS_KEY_ID", "e", "e", nil},
		{"Storage.S3.Secret", `"f"`, "f", "ATHENS_STORAGE_S3_AWS_SECRET_ACCESS_KEY AWS_SECRET_ACCESS_KEY", "e", "e", nil},
		{"Storage.S3.Token", `"f"`, "f", "ATHENS_STORAGE_S3_AWS_SESSION_TOKEN AWS_SESSION_TOKEN", "e", "e", nil},
		{"Storage.S3.Bucket", `"f"`, "f", "ATHENS_STORAGE_S3_ATHENS_S3_BUCKET_NAME ATHENS_S3_BUCKET_NAME", "e", "e", nil},
		{"Storage.S3.UseDefaultConfiguration", `false`, false,
			"ATHENS_STORAGE_S3_AWS_USE_DEFAULT_CONFIGURATION AWS_USE_DEFAULT_CONFIGURATION", "true", true, nil},
		{"Storage.S3.ForcePathStyle", `true`, true, "ATHENS_STORAGE_S3_AWS_FORCE_PATH_STYLE AWS_FORCE_PATH_STYLE", "FALSE", false, nil},
		{"Storage.S3.CredentialsEndpoint", `"http://f.example"`, "http://f.example",
			"ATHENS_STORAGE_S3_AWS_CREDENTIALS_ENDPOINT AWS_CREDENTIALS_ENDPOINT", "http://e.example/c?role=r", "http://e.example/c?role=r", nil},
		{"Storage.S3.AwsContainerCredentialsRelativeURI", `"/f"`, "/f",
			"ATHENS_STORAGE_S3_AWS_CONTAINER_CREDENTIALS_RELATIVE_URI AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/e", "/e", nil},
		{"Storage.S3.Endpoint", `"http://f.example:9000"`, "http://f.example:9000", "ATHENS_STORAGE_S3_AWS_ENDPOINT AWS_ENDPOINT",
			"https://e.example/s3", "https://e.example/s3", nil},
		{"Storage.AzureBlob.AccountName", `"f"`, "f", "ATHENS_STORAGE_AZUREBLOB_ATHENS_AZURE_ACCOUNT_NAME ATHENS_AZURE_ACCOUNT_NAME", "e", "e", nil},
		{"Storage.AzureBlob.AccountKey", `"Zg=="`, "Zg==", "ATHENS_STORAGE_AZUREBLOB_ATHENS_AZURE_ACCOUNT_KEY ATHENS_AZURE_ACCOUNT_KEY", "ZQ==", "ZQ==", nil},
		{"Storage.AzureBlob.ManagedIdentityResourceID", `"/f"`, "/f",
			"ATHENS_STORAGE_AZUREBLOB_ATHENS_AZURE_MANAGED_IDENTITY_RESOURCE_ID ATHENS_AZURE_MANAGED_IDENTITY_RESOURCE_ID", "/e", "/e", nil},
		{"Storage.AzureBlob.CredentialScope", `"f"`, "f",
			"ATHENS_STORAGE_AZUREBLOB_ATHENS_AZURE_CREDENTIAL_SCOPE ATHENS_AZURE_CREDENTIAL_SCOPE", "e", "e", nil},
		{"Storage.AzureBlob.ContainerName", `"f"`, "f", "ATHENS_STORAGE_AZUREBLOB_ATHENS_AZURE_CONTAINER_NAME ATHENS_AZURE_CONTAINER_NAME", "e", "e", nil},
		{"Storage.External.URL", `"http://f.example"`, "http://f.example",
			"ATHENS_STORAGE_EXTERNAL_ATHENS_EXTERNAL_STORAGE_URL ATHENS_EXTERNAL_STORAGE_URL", "https://u:p@e.example/a", "https://u:p@e.example/a", nil},
		{"Tiers.AzureBlob.Endpoint", `"http://f.example/account"`, "http://f.example/account", "MODTIER_AZUREBLOB_ENDPOINT",
			"https://e.example", "https://e.example", nil},
		{"Tiers.GCP.Endpoint", `"http://f.example"`, "http://f.example", "MODTIER_GCP_ENDPOINT", "https://e.example", "https://e.example", nil},
	}
}
