package bucket

import (
	"testing"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
)

// Amazon's SDK makes the client for S3 itself, and copies what it is given.
func TestS3HasOurTransport(t *testing.T) {
	s := S3{Region: "here", Bucket: "bucket", Key: "key", Secret: "secret", Options: Options{Timeout: time.Minute}}
	c, err := s.client(t.Context(), s.Options)
	if err != nil {
		t.Fatal(err)
	}
	at, ok := c.api.Options().HTTPClient.(*awshttp.BuildableClient)
	if !ok {
		t.Fatalf("got a %T", c.api.Options().HTTPClient)
	}
	got, want := at.GetTransport(), transport(time.Minute)
	if got.ResponseHeaderTimeout != time.Minute || got.HTTP2 == nil || got.HTTP2.SendPingTimeout != want.HTTP2.SendPingTimeout ||
		got.DisableCompression != want.DisableCompression || got.MaxResponseHeaderBytes != want.MaxResponseHeaderBytes {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
