package main

import (
	"fmt"
)

// workCmd works on the queue; others serve.
type workCmd struct {
	storeFlags
	modelFlags
	workerFlags
	sourceFlags
}

// Run works until it is told to stop.
func (c *workCmd) Run(s *session) error {
	parts, err := openReading(c.modelFlags, s.log)
	if err != nil {
		return err
	}
	defer parts.Close()
	b, err := openBacking(s, c.storeFlags, "", false, s.log)
	if err != nil {
		return err
	}
	defer b.Close()
	stop, err := startWorkers(s, b, parts, c.workerFlags, c.sourceFlags, s.log)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.stdout, "Working: model %s, database %s, objects %s; %d ingest, %d read, %d finish, %d scan\n",
		parts.engine.Info().Name, b.database, b.objects, c.Ingest, c.Read, c.Finish, c.Scan)
	<-s.Done()
	fmt.Fprintln(s.stdout, "Stopping.")
	return stop()
}
