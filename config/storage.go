package config

// Storage holds Athens' tables of stores. The table of a store that Tiers.Stack
// does not have is not checked, and what is wrong in it is left out.
type Storage struct {
	Disk struct {
		// RootPath is an existing directory if StorageType is disk, and
		// not looked at otherwise.
		RootPath string
	}

	GCP struct {
		ProjectID string // "" if it is not set
		Bucket    string // never ""

		// JSONKey is a JSON object in base64, as of the standard encoding,
		// or "" for application-default credentials. It is a secret.
		JSONKey string
	}

	Minio struct {
		Endpoint    string // host or host:port, never ""
		Key, Secret string // never ""; secrets
		Bucket      string // never ""
		Region      string // "" if it is not set
		EnableSSL   bool   // whether to speak HTTPS
	}

	Mongo struct {
		URL                   string // mongodb:// or mongodb+srv://; it may hold credentials
		DefaultDBName         string // never ""
		DefaultCollectionName string // never ""
		CertPath              string // an existing PEM file, or "" for the system's authorities
		InsecureConn          bool   // whether to accept any certificate
	}

	S3 struct {
		Region string // "" only if UseDefaultConfiguration is true
		Bucket string // never ""

		// Key, Secret and Token are static credentials: all "" for none,
		// Token alone "" for lasting ones. They are secrets. They count
		// unless UseDefaultConfiguration is true.
		Key, Secret, Token string

		// UseDefaultConfiguration leaves finding credentials to the SDK.
		// If it is false there is a Key or a URL that gives credentials.
		UseDefaultConfiguration bool

		ForcePathStyle bool // whether the bucket is in the path

		// CredentialsEndpoint and AwsContainerCredentialsRelativeURI, one
		// after the other, are a URL that gives credentials, asked before
		// Key is used, or both "".
		CredentialsEndpoint                string
		AwsContainerCredentialsRelativeURI string

		Endpoint string // a URL, or "" for Amazon's in Region
	}

	AzureBlob struct {
		AccountName   string // never ""
		ContainerName string // never ""

		// AccountKey is in base64 and a secret. It is not "" if
		// ManagedIdentityResourceID is, and does not count otherwise.
		AccountKey string

		ManagedIdentityResourceID string
		CredentialScope           string // "" if it is not set
	}

	External struct {
		URL string // http or https; it may hold credentials
	}
}
