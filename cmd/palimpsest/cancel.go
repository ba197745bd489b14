package main

// cancelCmd ends the work on documents.
type cancelCmd struct {
	clientFlags
	ID []string `arg:"" name:"id" help:"Documents to cancel."`
}

// Run cancels the documents. What was read of them stays.
func (c *cancelCmd) Run(s *session) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	for _, id := range c.ID {
		d, err := client.Cancel(s, id)
		if err != nil {
			return c.reached(err)
		}
		if err := c.printDocument(s.stdout, d); err != nil {
			return err
		}
	}
	return nil
}
