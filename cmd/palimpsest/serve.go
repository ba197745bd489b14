package main

import (
	"context"
	"fmt"

	"palimpsest.dev/web"
)

// serveCmd serves the HTTP interface; others do the work.
type serveCmd struct {
	storeFlags
	modelFlags
	webFlags
	sourceFlags
}

// Run serves until it is told to stop.
func (c *serveCmd) Run(s *session) error {
	listener, err := c.listen()
	if err != nil {
		return err
	}
	defer listener.Close()
	parts, err := openCatalogue(c.modelFlags, s.log)
	if err != nil {
		return err
	}
	defer parts.Close()
	b, err := openBacking(s, c.storeFlags, "", false, s.log)
	if err != nil {
		return err
	}
	defer b.Close()
	h, err := handler(b, parts, c.sourceFlags, s.log)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.stdout, "Serving at http://%s: database %s, objects %s\n", listener.Addr(), b.database, b.objects)
	return web.Serve(context.Context(s), listener, h)
}
