package config

// checkIndex says what a database of Athens' is not used for. One whose readers ask
// the database itself is to be noticed.
func (l *loader) checkIndex(c *Config) {
	if c.IndexType == "mysql" || c.IndexType == "postgres" {
		l.warn("indextype", "the database is neither read nor written: what is saved is recorded on disk, as with disk; "+
			"in a fleet each instance tells at /index what it has saved itself")
	}
}
