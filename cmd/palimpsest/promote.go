package main

import (
	"encoding/json"

	"palimpsest.dev/api"
)

// promoteCmd makes runs current, or takes that back.
type promoteCmd struct {
	clientFlags
	ID   []int64 `arg:"" name:"run" help:"Runs; \"palimpsest runs DOCUMENT\" lists them."`
	Page []int   `help:"Only these pages, also where the run could not read them. Comma-separated." placeholder:"N"`
	Undo bool    `help:"Take promotions of the run back: pages show again what they showed before it."`
	By   string  `help:"Who asks. Empty: the user's name." placeholder:"NAME"`
}

// Run changes what is current and prints it.
func (c *promoteCmd) Run(s *session) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	do := client.Promote
	if c.Undo {
		do = client.Undo
	}
	for _, id := range c.ID {
		p, err := do(s, id, api.Change{Pages: c.Page, By: whoAsks(c.By)})
		if err != nil {
			return c.wrong(err)
		}
		if c.JSON {
			if err := json.NewEncoder(s.stdout).Encode(p); err != nil {
				return err
			}
			continue
		}
		printPromotion(s.stdout, p)
	}
	return nil
}
