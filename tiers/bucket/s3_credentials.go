package bucket

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/endpointcreds"

	"github.com/modtier/modtier/tiers/internal/web"
)

// credentials returns Athens' chain: the endpoint, then the static ones.
func (s S3) credentials(o Options) (aws.CredentialsProvider, string, error) {
	var all []aws.CredentialsProvider
	var keys []string
	if at := s.CredentialsEndpoint + s.AwsContainerCredentialsRelativeURI; at != "" {
		if _, err := endpointURL(at, s3Credentials); err != nil {
			return nil, "", err
		}
		keys = append(keys, s3Credentials)
		all = append(all, endpointcreds.New(at, func(e *endpointcreds.Options) {
			e.HTTPClient = &http.Client{Transport: transport(o.timeout()), Timeout: o.timeout()}
		}))
	}
	switch {
	case s.Key != "" && s.Secret != "":
		keys = append(keys, s3Static)
		all = append(all, credentials.NewStaticCredentialsProvider(s.Key, s.Secret, s.Token))
	case s.Key != "" || s.Secret != "":
		return nil, "", errors.New("the credentials are half set: set " + s3Static)
	}
	if len(all) == 0 {
		return nil, "", fmt.Errorf("no credentials are set: set %s, or %s, or %s", s3Static, s3Credentials, s3Default)
	}
	return aws.NewCredentialsCache(&chain{all}), strings.Join(keys, " or "), nil
}

// A chain asks one provider after the other.
type chain struct{ providers []aws.CredentialsProvider }

func (c *chain) Retrieve(ctx context.Context) (aws.Credentials, error) {
	var why []string
	for _, p := range c.providers {
		got, err := p.Retrieve(ctx)
		if err == nil {
			return got, nil
		}
		if ctx.Err() != nil {
			return got, err
		}
		// The URL of a credentials endpoint is a secret.
		why = append(why, web.Scrub(err).Error())
	}
	return aws.Credentials{}, &credentialsError{strings.Join(why, "; ")}
}
