package mongo

import driver "go.mongodb.org/mongo-driver/v2/mongo"

// Database is where the store is, for what else is kept in it. It is closed with
// the store.
func (s *Store) Database() *driver.Database { return s.docs.Database() }
