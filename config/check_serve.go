package config

import "net"

// checkServe wants the listener for stores to be another than that for modules,
// and never open: whoever reaches it may delete.
func (l *loader) checkServe(c *Config) {
	s := &c.Tiers.Serve
	l.checkPair("tiers.serve.user", s.User, "tiers.serve.pass", s.Pass)
	l.checkPair("tiers.serve.tlscertfile", s.TLSCertFile, "tiers.serve.tlskeyfile", s.TLSKeyFile)
	if s.Listen == "" {
		return
	}
	if s.User == "" && s.Pass == "" {
		l.fail("tiers.serve.listen", "set without "+l.about("tiers.serve.user")+" and "+l.about("tiers.serve.pass")+
			"; want both, for clients may save and delete there")
	}
	if c.UnixSocket == "" && overlap(s.Listen, c.Port) {
		l.fail("tiers.serve.listen", "want another address than "+l.about("port"))
	}
}

// overlap reports whether two addresses cannot both be listened on, as far as
// that can be told without asking for the names of hosts.
func overlap(a, b string) bool {
	hostA, portA, _ := net.SplitHostPort(a)
	hostB, portB, _ := net.SplitHostPort(b)
	nA, _ := net.LookupPort("tcp", portA)
	nB, _ := net.LookupPort("tcp", portB)
	if nA != nB || nA == 0 {
		return false
	}
	return hostA == hostB || everywhere(hostA) || everywhere(hostB)
}

func everywhere(host string) bool {
	ip := net.ParseIP(host)
	return host == "" || ip != nil && ip.IsUnspecified()
}
