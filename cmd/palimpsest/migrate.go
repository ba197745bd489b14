package main

import (
	"fmt"

	"palimpsest.dev/store"
)

// migrateCmd brings a database up to date: our own schema and the queue's.
type migrateCmd struct {
	Database string `help:"Postgres to migrate." env:"DATABASE_URL" placeholder:"URL" required:""`
}

// Run applies what is missing. Several may run at once; one does the work.
func (c *migrateCmd) Run(s *session) error {
	if err := store.Migrate(s, c.Database, s.log); err != nil {
		return err
	}
	fmt.Fprintln(s.stdout, "The database is up to date.")
	return nil
}
