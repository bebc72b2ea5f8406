package bucket

import (
	"errors"
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

// A client may wait for each read of a store that is out of reach until that is
// known to be down, so what the SDK itself does is too long: a second for each pause.
func TestS3PausesShortlyBetweenTries(t *testing.T) {
	b, err := OpenS3(t.Context(), S3{Bucket: "b", Region: "r", Key: "k", Secret: "s"})
	if err != nil {
		t.Fatal(err)
	}
	retryer := b.client.(*s3Client).api.Options().Retryer
	if got := retryer.MaxAttempts(); got != attempts {
		t.Errorf("tries: got %d, want %d", got, attempts)
	}
	for try, most := range map[int]time.Duration{1: 200 * time.Millisecond, 2: 400 * time.Millisecond} {
		seen := make(map[time.Duration]bool)
		for range 100 {
			d, err := retryer.RetryDelay(try, errors.New("refused"))
			if err != nil || d < most/2 || d > most {
				t.Fatalf("pause after try %d: got %v, error %v, want %v to %v", try, d, err, most/2, most)
			}
			seen[d] = true
		}
		if len(seen) < 2 {
			t.Errorf("pause after try %d: got the same each time, and many would come back as one", try)
		}
	}
}
