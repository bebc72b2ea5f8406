package main

import "github.com/modtier/modtier/config"

// addRecord makes s record what it saves.
func (s *service) addRecord(c *config.Config) error {
	if c.IndexType == "none" {
		return nil
	}
	r, err := s.stack.Disk.OpenRecord(0)
	if err != nil {
		return err
	}
	s.closers = append(s.closers, func() { r.Close() })
	s.stack.Record = r
	return nil
}
