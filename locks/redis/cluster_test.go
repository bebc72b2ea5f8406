package redis_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"

	sdk "github.com/redis/go-redis/v9"

	"github.com/modtier/modtier/locks/lockstest"
)

// startCluster starts a cluster of three masters.
func startCluster(t testing.TB) (endpoints []string) {
	t.Helper()
	const slots, n = 16384, 3
	var clients []*sdk.Client
	for i := range n {
		s := start(t, "--cluster-enabled", "yes", "--cluster-node-timeout", "2000")
		c := s.client(t)
		if err := c.Do(t.Context(), "CLUSTER", "ADDSLOTSRANGE", i*slots/n, (i+1)*slots/n-1).Err(); err != nil {
			t.Fatal(err)
		}
		if err := c.Do(t.Context(), "CLUSTER", "SET-CONFIG-EPOCH", i+1).Err(); err != nil {
			t.Fatal(err)
		}
		clients = append(clients, c)
		endpoints = append(endpoints, s.addr)
	}
	for _, e := range endpoints[1:] {
		host, port, _ := net.SplitHostPort(e)
		if err := clients[0].ClusterMeet(t.Context(), host, port).Err(); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range clients {
		lockstest.Eventually(t, "the cluster is whole", func() error {
			info, err := c.ClusterInfo(context.Background()).Result()
			if err == nil && !(strings.Contains(info, "cluster_state:ok") && strings.Contains(info, "cluster_known_nodes:3")) {
				err = fmt.Errorf("it is %q", info)
			}
			return err
		})
	}
	return endpoints
}
