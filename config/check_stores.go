package config

import (
	"encoding/base64"
	"slices"
	"strings"
)

// Athens takes these whatever its file says, so its data is there.
const defaultDatabase, defaultCollection = "athens", "modules"

// checkStores looks at the keys of the stores in the stack, and at no others: a
// file that Athens' own samples were copied into holds placeholders for them.
func (l *loader) checkStores(c *Config) {
	for _, r := range table() {
		store, id := r.store(), r.id()
		if store == "" || !slices.Contains(c.Tiers.Stack, store) {
			continue
		}
		if why := l.wrong[id]; why != "" {
			l.fail(id, why)
		} else if r.needed {
			l.need(id, store)
		}
	}
	for _, name := range c.Tiers.Stack {
		switch name {
		case "mongo":
			l.checkMongo(c)
		case "minio":
			l.checkMinio(c)
		case "s3":
			l.checkS3(c)
		case "azureblob":
			l.checkAzureBlob(c)
		}
	}
}

func (l *loader) need(id, store string) {
	if l.from[id] == "" {
		l.fail(id, "want it set, for the store "+store+" needs it")
	}
}

func (l *loader) checkMongo(c *Config) {
	m := &c.Storage.Mongo
	l.warnNoFile("storage.mongo.defaultdbname")
	l.warnNoFile("storage.mongo.defaultcollectionname")
	if insecure, _ := l.others["storage.mongo.insecure"].(bool); insecure {
		m.InsecureConn = true
		l.warn("storage.mongo.insecure", "taken as InsecureConn, so the server's certificate is not verified; Athens ignores it")
	}
	if m.CertPath != "" {
		l.checkExists("storage.mongo.certpath", m.CertPath)
	}
}

// warnNoFile warns of a key that a file says something about to no effect. Athens has
// stored under the default, and says nothing.
func (l *loader) warnNoFile(id string) {
	value, r := l.others[id], l.rows[id]
	inFile := l.file != "" && (l.from[id] == l.file || strings.HasPrefix(l.from[id], l.file+":"))
	if inFile && value != nil && value != r.def {
		l.ignore(id, "no file sets it, here as with Athens, whose data is there; for "+show(value)+" set "+r.listed()[0])
	}
}

// checkMinio warns of a scheme that says what EnableSSL does not: Athens drops
// it, and secrets go out in plain text.
func (l *loader) checkMinio(c *Config) {
	scheme, _, ok := strings.Cut(l.values.GetString("storage.minio.endpoint"), "://")
	if ok && l.wrong["storage.minio.endpoint"] == "" && strings.EqualFold(scheme, "https") != c.Storage.Minio.EnableSSL {
		l.warn("storage.minio.endpoint", "its "+strings.ToLower(scheme)+":// has no effect; what counts is "+l.about("storage.minio.enablessl"))
	}
}

// checkS3 wants a region, and credentials from somewhere: unless told to, the
// SDK does not look for its own.
func (l *loader) checkS3(c *Config) {
	s := &c.Storage.S3
	if s.UseDefaultConfiguration {
		return
	}
	l.need("storage.s3.region", "s3")
	l.checkPair("storage.s3.key", s.Key, "storage.s3.secret", s.Secret)
	if _, err := credentialsURL(s.CredentialsEndpoint + s.AwsContainerCredentialsRelativeURI); err != nil {
		if s.CredentialsEndpoint != "" {
			l.fail("storage.s3.awscontainercredentialsrelativeuri", "want a path to append to "+l.name("storage.s3.credentialsendpoint"))
		}
		s.AwsContainerCredentialsRelativeURI = "" // Amazon's containers have it always, wanted or not
	}
	from := l.from["storage.s3.key"] + l.from["storage.s3.secret"] + l.from["storage.s3.credentialsendpoint"]
	if from == "" && s.AwsContainerCredentialsRelativeURI == "" {
		l.fail("storage.s3.key", "want it and "+l.name("storage.s3.secret")+", or "+l.name("storage.s3.credentialsendpoint")+
			", or true for "+l.name("storage.s3.usedefaultconfiguration")+", for the store s3 needs one of them")
	}
}

func (l *loader) checkAzureBlob(c *Config) {
	a := &c.Storage.AzureBlob
	if scope, _ := l.others["storage.azureblob.storageresource"].(string); scope != "" {
		switch a.CredentialScope {
		case "", scope:
			a.CredentialScope = scope
		default:
			l.fail("storage.azureblob.storageresource", "another name of "+l.about("storage.azureblob.credentialscope")+
				"; want one of them, or both the same")
		}
	}
	if l.from["storage.azureblob.managedidentityresourceid"] != "" {
		return
	}
	if l.from["storage.azureblob.accountkey"] == "" {
		l.fail("storage.azureblob.accountkey", "want it, or "+l.name("storage.azureblob.managedidentityresourceid")+
			", for the store azureblob needs one of them")
	} else if _, err := base64.StdEncoding.DecodeString(a.AccountKey); err != nil {
		l.fail("storage.azureblob.accountkey", "want base64")
	}
}
